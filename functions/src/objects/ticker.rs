//! Coarse time for an object: many sleepers, one platform timer, and none while nobody sleeps.
//!
//! A platform timer per call would cost more than anything else that a call does; what it would be
//! for, a provider that falls silent, is as well noticed a quarter of a second later.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use js_sys::futures::spawn_local;

/// Between two looks at who is to be woken.
const TICK_MS: u32 = 250;

/// The shared timer of one object.
#[derive(Clone, Default)]
pub struct Ticker(Rc<Shared>);

/// Where a sleeper's waker lies; empty once it has been woken.
type Bed = Rc<RefCell<Option<Waker>>>;

#[derive(Default)]
struct Shared {
    /// Ticks since the object began.
    ticks: Cell<u64>,
    running: Cell<bool>,
    sleepers: RefCell<Vec<(u64, Bed)>>,
}

/// Over after so many ticks.
pub struct Sleep {
    ticker: Ticker,
    until: u64,
    /// Where the timer finds whom to wake, once it has been asked to.
    bed: Option<Bed>,
}

impl Ticker {
    /// Over at the first tick after `ms`.
    pub fn sleep(&self, ms: u32) -> Sleep {
        let until = self.0.ticks.get() + u64::from(ms / TICK_MS) + 1;
        Sleep { ticker: self.clone(), until, bed: None }
    }

    fn run(&self) {
        if self.0.running.replace(true) {
            return;
        }
        let shared = self.0.clone();
        spawn_local(async move {
            while !shared.sleepers.borrow().is_empty() {
                worker::Delay::from(Duration::from_millis(u64::from(TICK_MS))).await;
                shared.tick();
            }
            shared.running.set(false);
        });
    }
}

impl Shared {
    fn tick(&self) {
        let now = self.ticks.get() + 1;
        self.ticks.set(now);
        let mut woken = Vec::new();
        self.sleepers.borrow_mut().retain(|(until, bed)| {
            let over = *until <= now;
            if over {
                woken.extend(bed.borrow_mut().take());
            }
            // A bed that only the timer still holds was left.
            !over && Rc::strong_count(bed) > 1
        });
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.until <= self.ticker.0.ticks.get() {
            return Poll::Ready(());
        }
        if let Some(bed) = &self.bed {
            bed.borrow_mut().replace(context.waker().clone());
            return Poll::Pending;
        }
        let bed = Rc::new(RefCell::new(Some(context.waker().clone())));
        self.ticker.0.sleepers.borrow_mut().push((self.until, bed.clone()));
        self.bed = Some(bed);
        self.ticker.run();
        Poll::Pending
    }
}
