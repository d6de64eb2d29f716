//! What the runner tells the directory: where it stands, for whoever looks for a runner. The last
//! of many changes is enough.

use std::{cell::Cell, rc::Rc};

use js_sys::futures::spawn_local;

use super::Inner;
use crate::store::runners::{self, Report};

/// Whether something has to be told, and whether somebody is about to.
#[derive(Default)]
pub(super) struct Reporter {
    due: Cell<bool>,
    busy: Cell<bool>,
}

impl Inner {
    /// Tells the directory how the runner stands, soon.
    pub(super) fn report(self: &Rc<Self>) {
        self.reporter.due.set(true);
        if self.reporter.busy.replace(true) {
            return;
        }
        let inner = self.clone();
        spawn_local(async move {
            while inner.reporter.due.replace(false) {
                let Ok((_, now)) = inner.wake() else { break };
                let Ok(Some(report)) = inner.with(|hub| Report::of(hub, now)) else { break };
                if let Err(error) = runners::report(&inner.env, &report).await {
                    worker::console_error!("report: {}", error.cause.unwrap_or(error.message));
                }
            }
            inner.reporter.busy.set(false);
        });
    }
}
