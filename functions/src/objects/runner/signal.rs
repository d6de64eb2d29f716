//! Who waits to hear of an account: woken when there is something, or for all at once.

use std::{
    cell::RefCell,
    collections::HashMap,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use schema::AccountId;

/// Those who wait, by account.
#[derive(Clone, Default)]
pub struct Signals(Rc<RefCell<HashMap<AccountId, Vec<Waker>>>>);

impl Signals {
    /// Over when the account is next signalled. Nothing is missed as long as nothing is awaited
    /// between looking and waiting.
    pub fn next(&self, account: AccountId) -> Next {
        Next { signals: self.clone(), account, waits: false }
    }

    /// There is something of this account.
    pub fn ring(&self, account: AccountId) {
        let woken = self.0.borrow_mut().remove(&account);
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// There is something for everybody.
    pub fn ring_all(&self) {
        let woken = std::mem::take(&mut *self.0.borrow_mut());
        woken.into_values().flatten().for_each(Waker::wake);
    }
}

/// Over at the next signal.
pub struct Next {
    signals: Signals,
    account: AccountId,
    waits: bool,
}

impl Future for Next {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.waits, true) {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        self.signals.0.borrow_mut().entry(self.account).or_default().push(waker);
        Poll::Pending
    }
}
