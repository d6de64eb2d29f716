//! Who waits to hear of something: woken when there is, or all at once.

use std::{
    cell::RefCell,
    collections::HashMap,
    future::Future,
    hash::Hash,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Those who wait, by what they wait for.
#[derive(Clone)]
pub struct Signals<K>(Rc<RefCell<HashMap<K, Vec<Waker>>>>);

impl<K> Default for Signals<K> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<K: Copy + Eq + Hash> Signals<K> {
    /// Over when this is next signalled. Nothing is missed as long as nothing is awaited
    /// between looking and waiting.
    pub fn next(&self, of: K) -> Next<K> {
        Next { signals: self.clone(), of, waits: false }
    }

    /// There is something of this.
    pub fn ring(&self, of: K) {
        let woken = self.0.borrow_mut().remove(&of);
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// There is something for everybody.
    pub fn ring_all(&self) {
        let woken = std::mem::take(&mut *self.0.borrow_mut());
        woken.into_values().flatten().for_each(Waker::wake);
    }
}

/// Over at the next signal.
pub struct Next<K> {
    signals: Signals<K>,
    of: K,
    waits: bool,
}

impl<K: Copy + Eq + Hash + Unpin> Future for Next<K> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.waits, true) {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        self.signals.0.borrow_mut().entry(self.of).or_default().push(waker);
        Poll::Pending
    }
}
