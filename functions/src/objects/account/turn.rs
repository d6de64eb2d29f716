//! A call that cannot start yet: its place in the queue, and the stream that is kept alive
//! meanwhile.

use std::{rc::Rc, time::Duration};

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use js_sys::futures::JsFuture;
use schema::{Code, Error};

use super::{
    Inner, Waiter,
    call::{Letter, Paid},
    reply::{self, with_top_up},
    settle,
};
use crate::{
    cx,
    domain::{
        admission::{Start, Wish},
        ledger::Hold,
    },
    js,
    remote::responses,
};

/// Calls that wait for their turn at most; more are refused at once.
const QUEUE_MAX_CALLS: usize = 4_096;
/// Between keep-alives: far below what clients and proxies bear, because a client that has left is
/// noticed only by writing to it.
const KEEPALIVE_MS: i64 = 1_000;
/// A comment would not do: the CLI's idle timer counts events.
const KEEPALIVE: &str = "data: {\"type\":\"keepalive\"}\n\n";

/// A place in the queue.
pub(super) struct Waiting {
    wish: Wish,
    told: oneshot::Receiver<Start>,
    why: Error,
}

/// What waiting came to.
pub(super) enum Turn {
    Came(Hold),
    Refused(Error),
    Still(Waiting),
}

impl Waiting {
    /// Waits so long. At the end, a caller that can wait on keeps its place; another gets what
    /// there is.
    pub async fn within(self, inner: &Rc<Inner>, ms: i64, patient: bool) -> Turn {
        let Self { wish, told, why } = self;
        let ms = u64::try_from(ms).unwrap_or(0);
        match select(told, worker::Delay::from(Duration::from_millis(ms))).await {
            Either::Left((Ok(Start::Go(hold)), _)) => Turn::Came(hold),
            Either::Left((Ok(Start::Refuse(error) | Start::Wait(error)), _)) => {
                Turn::Refused(error)
            }
            Either::Left((Err(_), _)) => Turn::Refused(why),
            Either::Right(((), told)) if patient => Turn::Still(Self { wish, told, why }),
            Either::Right(((), mut told)) => match told.try_recv() {
                Ok(Some(Start::Go(hold))) => Turn::Came(hold),
                _ => {
                    drop(told);
                    inner.last_chance(&wish)
                }
            },
        }
    }

    /// Gives the place up. What has been given for it unheard goes back.
    fn leave(mut self, inner: &Rc<Inner>) {
        if let Ok(Some(Start::Go(hold))) = self.told.try_recv() {
            drop(Paid { inner: inner.clone(), hold });
        }
    }
}

impl Inner {
    /// Takes a place in the queue, if one is free.
    pub(super) fn queue_up(&self, wish: Wish, why: Error) -> schema::Result<Waiting> {
        let mut queue = self.queue.borrow_mut();
        if queue.len() >= QUEUE_MAX_CALLS {
            return Err(why);
        }
        let (tell, told) = oneshot::channel();
        queue.push_back(Waiter { wish: wish.clone(), tell });
        Ok(Waiting { wish, told, why })
    }

    fn last_chance(&self, wish: &Wish) -> Turn {
        let now = self.now();
        match self.live.borrow_mut().begin(wish, true, now) {
            Start::Go(hold) => Turn::Came(hold),
            Start::Wait(error) | Start::Refuse(error) => Turn::Refused(error),
        }
    }
}

/// Opens the stream at once, and goes on when the call's turn comes.
pub(super) fn open_and_wait(
    inner: &Rc<Inner>,
    letter: Letter,
    turn: Waiting,
) -> schema::Result<web_sys::Response> {
    let opening = js::Opening::new();
    let lines = reply::headers(inner, &letter.call) + "\ncontent-type: text/event-stream";
    let opened = js::answer(200, &lines, &opening.readable().into());
    let opened = opened.map_err(|thrown| Error::internal(js::said(&thrown)))?;
    let inner = inner.clone();
    js_sys::futures::spawn_local(async move {
        let call = &letter.call;
        let (id, account) = (call.id, call.caller.account.to_string());
        let config = call.config.clone();
        if let Err(error) = (Late { inner, letter, turn }).go(&opening).await {
            let error = with_top_up(error, &config);
            reply::log(&id, &account, error.code.status(), 0, 0, error.cause.as_deref());
            let _ = JsFuture::from(opening.say(&settle::failed(&id, &error))).await;
            let _ = JsFuture::from(opening.end()).await;
        }
    });
    Ok(opened)
}

/// Whether somebody is at the other end of a stream that has been opened.
async fn hears(opening: &js::Opening) -> bool {
    JsFuture::from(opening.say(KEEPALIVE)).await.is_ok_and(|heard| heard.is_truthy())
}

fn gone() -> Error {
    Error::new(Code::Timeout, "You left.").caused_by("the caller left while waiting")
}

/// A call whose stream is open and whose turn has not come.
struct Late {
    inner: Rc<Inner>,
    letter: Letter,
    turn: Waiting,
}

impl Late {
    async fn go(self, opening: &js::Opening) -> schema::Result<()> {
        let Self { inner, letter, mut turn } = self;
        let call = &letter.call;
        let until = call.started_at.plus_millis(call.patience_ms(&turn.why));
        let hold = loop {
            if !hears(opening).await {
                turn.leave(&inner);
                return Err(gone());
            }
            let left = until.since(cx::now(&call.config));
            match turn.within(&inner, left.min(KEEPALIVE_MS), left > KEEPALIVE_MS).await {
                Turn::Came(hold) => break hold,
                Turn::Refused(error) => return Err(error),
                Turn::Still(still) => turn = still,
            }
        };
        let ticker = inner.ticker.clone();
        inner.store_soon();
        let paid = Paid { inner, hold };
        // Whoever has left, as far as writing tells, is not asked for.
        if !hears(opening).await {
            return Err(gone());
        }
        let patience = || ticker.sleep(call.config.upstream_timeout_ms);
        let upstream = responses::send(paid, &call.config, letter.outgoing(), patience).await?;
        if upstream.status >= 300 {
            let text = upstream.response.text().map(JsFuture::from);
            let text = match text {
                Ok(text) => text.await.ok().and_then(|t| t.as_string()).unwrap_or_default(),
                Err(_) => String::new(),
            };
            return Err(Error::new(Code::InvalidRequest, text));
        }
        // The body may only be piped into what nobody else writes to; the opening is done with it.
        settle::stream(letter.call, upstream, opening)
    }
}
