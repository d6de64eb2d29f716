//! Feeds projects: what threads say goes to the objects of the projects that follow them, one push
//! at a time for each, and nobody waits for it.
//!
//! Nothing is written for it. `domain::project::lane` decides what is sent next, from what the
//! project said when it was asked.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use js_sys::futures::spawn_local;
use schema::{AccountId, Code, Error, ProjectId, Result, tunnel::Seq};

use super::{Inner, rows::Span, shape::EventShape};
use crate::{
    domain::{
        hub::{Batch, EventRow, Place, command::Standing},
        project::{
            command::{Answer, Command},
            feed::{Append, Event},
            lane::{Lane, Log, Next, Sent},
        },
    },
    objects::project::stub,
};

/// What tells that a question is no longer open.
const RESOLVED: &str = "serverRequest/resolved";

/// Projects that were fed since the object is in memory.
#[derive(Default)]
pub(super) struct Lanes(RefCell<BTreeMap<ProjectId, Fed>>);

struct Fed {
    account: AccountId,
    lane: Lane,
    /// Whether a task feeds it.
    running: bool,
}

impl Lanes {
    fn with<T>(&self, project: ProjectId, of: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        self.0.borrow_mut().get_mut(&project).map(|fed| of(&mut fed.lane))
    }

    /// Begins a project's task; false if it has one.
    fn begin(&self, account: AccountId, project: ProjectId) -> bool {
        let mut lanes = self.0.borrow_mut();
        let new = || Fed { account, lane: Lane::default(), running: false };
        !std::mem::replace(&mut lanes.entry(project).or_insert_with(new).running, true)
    }

    fn end(&self, project: ProjectId) {
        if let Some(fed) = self.0.borrow_mut().get_mut(&project) {
            fed.running = false;
        }
    }

    /// Projects that were told something else of how the runner stands.
    fn to_tell(&self, standing: Standing) -> Vec<(AccountId, ProjectId)> {
        let lanes = self.0.borrow();
        let other = lanes.iter().filter(|(_, fed)| fed.lane.news(standing));
        other.map(|(project, fed)| (fed.account, *project)).collect()
    }
}

impl Inner {
    /// Events were stored: whose they are is fed.
    pub(super) fn feed_news(self: &Rc<Self>, batch: &Batch) {
        let events = batch.events.iter();
        let follower = |event: &EventRow| {
            let thread = event.said.thread.as_deref()?;
            let project = self.with(|hub| hub.follower(event.account, thread)).ok()??;
            Some((event.account, project))
        };
        let news: BTreeSet<_> = events.filter_map(follower).collect();
        news.into_iter().for_each(|(account, project)| self.feed(account, project));
    }

    /// How the runner stands has changed: whoever was fed, or waits for a turn, has to know.
    pub(super) fn feed_waiting(self: &Rc<Self>) {
        let Ok((_, now)) = self.wake() else { return };
        let (standing, _) = self.stands(now);
        let mut whom = self.with(|hub| hub.waiting()).unwrap_or_default();
        whom.extend(self.lanes.to_tell(standing));
        whom.into_iter().for_each(|(account, project)| self.feed(account, project));
    }

    /// A project may have missed something: it is asked where it stands.
    pub(super) fn feed_anew(self: &Rc<Self>, account: AccountId, project: ProjectId) {
        self.lanes.with(project, Lane::ask);
        self.feed(account, project);
    }

    fn feed(self: &Rc<Self>, account: AccountId, project: ProjectId) {
        if !self.lanes.begin(account, project) {
            return;
        }
        let inner = self.clone();
        spawn_local(async move {
            inner.feed_all(account, project).await;
            inner.lanes.end(project);
        });
    }

    /// Sends everything that a project does not have, unless it is out of reach for long.
    async fn feed_all(self: &Rc<Self>, account: AccountId, project: ProjectId) {
        loop {
            let (sent, told) = match self.next_push(account, project) {
                Ok(Some(push)) => {
                    let sent = sent(&push);
                    (sent, self.push(project, push).await)
                }
                Ok(None) => return,
                Err(error) => {
                    worker::console_error!("feed: {}", error.cause.unwrap_or(error.message));
                    return;
                }
            };
            let heard = told.and_then(|through| {
                let heard = self.lanes.with(project, |lane| lane.heard(sent, through));
                let taken = heard.unwrap_or(false);
                taken.then_some(()).ok_or_else(|| Error::unavailable("it takes nothing"))
            });
            let Err(error) = heard else { continue };
            let gone = error.code == Code::ResourceNotFound;
            let wait = self.lanes.with(project, Lane::failed).flatten();
            worker::console_error!("{project}: {}", error.cause.unwrap_or(error.message));
            match wait {
                Some(ms) if !gone => worker::Delay::from(Duration::from_millis(ms)).await,
                _ => return,
            }
        }
    }

    async fn push(&self, project: ProjectId, push: Append) -> Result<Seq> {
        match stub::tell(&self.env, project, &Command::Append(push)).await? {
            Answer::Appended(appended) => Ok(appended.through),
            Answer::None => Err(Error::not_found("project", project)),
            other => Err(Error::internal(format!("{other:?} instead of a watermark"))),
        }
    }

    /// What a project is sent next; nothing if it has everything.
    fn next_push(
        self: &Rc<Self>,
        account: AccountId,
        project: ProjectId,
    ) -> Result<Option<Append>> {
        let (_, now) = self.wake()?;
        let Some(followed) = self.with(|hub| hub.followed(account, project))? else {
            return Ok(None);
        };
        let profile = self.with(|hub| hub.kept().profile.as_ref().map(|profile| profile.id))?;
        let Some(runner) = profile else { return Ok(None) };
        let place = self.place(account, Place::clone).unwrap_or_default();
        let log = Log { first: place.first, last: place.last, since: followed.since };
        let (standing, reason) = self.stands(now);
        let mut push = Append {
            account,
            runner,
            after: Seq(0),
            through: Seq(0),
            events: Vec::new(),
            standing: None,
            lost: false,
        };
        loop {
            let next = self.lanes.with(project, |lane| lane.next(log, standing));
            let (after, from, lost) = match next {
                None | Some(Next::Rest) => return Ok(None),
                Some(Next::Ask) => break,
                Some(Next::Tell { after }) => {
                    (push.after, push.through) = (after, after);
                    break;
                }
                Some(Next::Read { after, from, lost }) => (after, from, lost),
            };
            let span = Span { place: place.number, after: from, threads: &followed.threads };
            let (events, more) = self.rows.events(span).map_err(Error::unavailable)?;
            let through = events.last().filter(|_| more).map_or(place.last, |event| event.seq);
            if events.is_empty() && !lost {
                self.lanes.with(project, |lane| lane.skip(through));
                continue;
            }
            (push.after, push.through, push.lost) = (after, through, lost);
            let events = events.into_iter().map(|event| self.event(account, event));
            push.events = events.collect::<Result<_>>()?;
            break;
        }
        if self.lanes.with(project, |lane| lane.news(standing)).unwrap_or(true) {
            push.standing = Some((standing, reason));
        }
        Ok(Some(push))
    }

    /// An event as a project hears it.
    fn event(&self, account: AccountId, event: EventShape) -> Result<Event> {
        let EventShape { seq, at, method, thread, turn, ask, request, params } = event;
        let params = serde_json::from_str(&params).map_err(Error::unavailable)?;
        let mut event = Event {
            seq,
            at,
            method,
            turn,
            thread,
            ask: ask.and_then(|ask| ask.parse().ok()),
            request,
            params,
            resolves: None,
            answer: None,
        };
        if event.method == RESOLVED {
            let resolved = self.rows.resolved(account, &event).map_err(Error::unavailable)?;
            (event.resolves, event.answer) = resolved;
        }
        Ok(event)
    }
}

fn sent(push: &Append) -> Sent {
    let standing = push.standing.as_ref().map(|(standing, _)| *standing);
    Sent { after: push.after, through: push.through, standing }
}
