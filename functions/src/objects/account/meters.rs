//! Projects are told what they have spent: soon after it changed, and no call waits for it.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures::future::join_all;
use js_sys::futures::spawn_local;
use schema::{Code, ProjectId};

use super::Inner;
use crate::{
    domain::project::{command::Command, meter::Meter},
    objects::project::stub,
};

/// What happens within so much time is told at once.
const GATHER_MS: u64 = 20;
/// Waits between tries. What was not heard then is in the next message.
const TRY_AGAIN_MS: [u64; 3] = [200, 1_000, 5_000];

/// Whether projects are being told.
#[derive(Default)]
pub(super) struct Telling(Cell<bool>);

impl Inner {
    /// Tells projects of whose spending there is something new.
    pub(super) fn tell_projects(self: &Rc<Self>) {
        if !self.live.borrow().ledger.caps.has_news() || self.telling.0.replace(true) {
            return;
        }
        let inner = self.clone();
        spawn_local(async move {
            loop {
                pause(GATHER_MS).await;
                let meters = inner.news();
                if meters.is_empty() {
                    break inner.telling.0.set(false);
                }
                let told =
                    meters.into_iter().map(|(project, meter)| inner.tell_project(project, meter));
                join_all(told).await;
            }
        });
    }

    fn news(&self) -> Vec<(ProjectId, Meter)> {
        let now = self.now();
        let ledger = &mut self.live.borrow_mut().ledger;
        let news = ledger.caps.take_news().into_iter();
        let meter = |(project, thread): (ProjectId, String)| {
            Some((project, ledger.meter(project, Some(&thread), now)?))
        };
        news.filter_map(meter).collect()
    }

    async fn tell_project(&self, project: ProjectId, meter: Meter) {
        let command = Command::Meter(Box::new(meter));
        let mut waits = TRY_AGAIN_MS.into_iter();
        while let Err(error) = stub::tell(&self.env, project, &command).await {
            let wait = waits.next().filter(|_| error.code == Code::Unavailable);
            let Some(ms) = wait else {
                return worker::console_warn!("meter: {}", error.cause.unwrap_or(error.message));
            };
            pause(ms).await;
        }
    }
}

async fn pause(ms: u64) {
    worker::Delay::from(Duration::from_millis(ms)).await;
}
