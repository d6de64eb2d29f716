//! What the person behind the account is told: a row in the same turn as the fact, so that neither
//! is without the other, and its delivery after.
//!
//! A mail goes out at most once. Until its end is said a server forgets it, so whatever happens
//! before is tried again; that its end is about to be said is written down first, and the platform
//! lets no byte out before what was written is safe. What is found like that later is never sent
//! again: nobody can tell whether it was accepted. Providers that are asked by HTTP are asked again
//! under the same key, for which they act once.

use std::{cell::Cell, rc::Rc};

use js_sys::futures::spawn_local;
use schema::{AccountId, Error, Result, Timestamp};

use super::{
    Inner,
    rows::{DueNotice, NewNotice, Tried},
};
use crate::{
    config::Config,
    cx,
    domain::{
        link::Claims,
        mail::{
            letter::{Letter, Setting, short_text},
            settings::{Settings, Via},
        },
        notice::{
            Channel, Command, Ending, Notice, Outcome, STOP, STOP_MS, State, Stop, Topic, UNWANTED,
        },
        person::{self, Person},
        retry,
        session::{Link, SSO, SSO_MS},
    },
    remote::courier::{self, Parcel},
    store,
};

/// When a notice is looked at again that nobody has tried at once, and one whose last try was never
/// heard of again.
const GUARANTEE_MS: i64 = 60_000;
/// How much of a server's answer is kept.
const ANSWER_MAX_BYTES: usize = 500;
/// How long the name of an event may be.
const EVENT_MAX_BYTES: usize = 200;
/// Where a wallet is filled.
pub(super) const WALLET: &str = "/wallet";
const UNWANTED_WHY: &str = "The person wants no more of these.";

/// Whether somebody sends at this moment, by channel: one at a time, so that one account's notices
/// keep their order and leave connections to others.
#[derive(Default)]
pub struct Sending {
    mail: Cell<bool>,
    whatsapp: Cell<bool>,
}

impl Sending {
    const fn by(&self, channel: Channel) -> &Cell<bool> {
        match channel {
            Channel::Mail => &self.mail,
            Channel::Whatsapp => &self.whatsapp,
        }
    }
}

/// Lets the next sender in, however this one ends.
struct Sender(Rc<Inner>, Channel);

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.sending.by(self.1).set(false);
    }
}

/// What an account's object does with notices when it is told to.
pub fn run(inner: &Rc<Inner>, command: Command, now: Timestamp) -> Result<Outcome> {
    match command {
        Command::Tell { event, notice } => {
            inner.tell(&event, notice, now)?;
            Ok(Outcome::Done)
        }
        Command::List { before, limit } => {
            let records = inner.rows.notices(before, limit).map_err(Error::unavailable)?;
            Ok(Outcome::Records(records))
        }
        Command::Want { topic, on } => {
            let mut unwanted = inner.unwanted()?;
            unwanted.retain(|other| *other != topic);
            if !on {
                unwanted.push(topic);
            }
            inner.rows.put_fact(UNWANTED, &unwanted).map_err(Error::unavailable)?;
            Ok(Outcome::Done)
        }
        Command::Unwanted => Ok(Outcome::Unwanted(inner.unwanted()?)),
    }
}

impl Inner {
    /// Tells the person, at most once for each event and channel: at once when this turn's rows are
    /// safe, and later if that fails. Nothing is lost with the process, and nothing is told that
    /// did not happen. Touches none of what `live` keeps.
    pub fn tell(self: &Rc<Self>, event: &str, notice: Notice, now: Timestamp) -> Result<()> {
        if event.is_empty() || event.len() > EVENT_MAX_BYTES {
            return Err(Error::internal(format!("an event called {event}")));
        }
        let config = cx::config(&self.env)?;
        let person = self.rows.fact::<Person>(person::FACT).map_err(Error::unavailable)?;
        let person = person.unwrap_or_default();
        let mut told = vec![(Channel::Mail, person.email)];
        if notice.is_for_phones() && person.phone.is_some() {
            told.push((Channel::Whatsapp, person.phone));
        }
        for (channel, recipient) in told {
            self.keep_notice((channel, recipient.as_deref()), event, &notice, now)?;
            self.deliver(channel);
        }
        self.ring_by(now.plus_millis(GUARANTEE_MS), &config);
        Ok(())
    }

    /// The same, by mail to an address that need not be the person's yet.
    pub fn tell_at(
        self: &Rc<Self>,
        address: &str,
        event: &str,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<()> {
        let config = cx::config(&self.env)?;
        self.keep_notice((Channel::Mail, Some(address)), event, notice, now)?;
        self.deliver(Channel::Mail);
        self.ring_by(now.plus_millis(GUARANTEE_MS), &config);
        Ok(())
    }

    fn keep_notice(
        &self,
        (channel, recipient): (Channel, Option<&str>),
        event: &str,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<()> {
        let (config, id) = (cx::config(&self.env)?, cx::new_id(now)?);
        let body = serde_json::to_string(notice).map_err(Error::internal)?;
        let body = config.sealing.seal(&place(&id.to_string()), &body, cx::random()?);
        let unwanted = notice.topic().map(|topic| self.is_unwanted(topic)).transpose()?;
        let answer = match (recipient, &body, unwanted) {
            (None, _, _) => Some("There is no address."),
            (_, None, _) => Some("The secret SEALING_KEYS is not set, so nothing can be kept."),
            (_, _, Some(true)) => Some(UNWANTED_WHY),
            (Some(_), Some(_), _) => None,
        };
        let new = NewNotice {
            id,
            event,
            channel,
            template: notice.template(),
            recipient,
            body: body.as_deref().filter(|_| answer.is_none()),
            state: if answer.is_none() { State::Waiting } else { State::Suppressed },
            answer,
        };
        self.rows.add_notice(&new, now).map_err(Error::unavailable)
    }

    /// Goes on where the process before this one ended.
    pub(super) fn resume_notices(self: &Rc<Self>, config: &Config, now: Timestamp) -> Result<()> {
        self.rows.doubt_notices().map_err(Error::unavailable)?;
        self.deliver_due(config, now)
    }

    /// Delivers what is due, and asks to be woken for what is due later.
    pub(super) fn deliver_due(self: &Rc<Self>, config: &Config, now: Timestamp) -> Result<()> {
        let Some(next) = self.rows.next_notice_at().map_err(Error::unavailable)? else {
            return Ok(());
        };
        if next > now {
            self.ring_by(next, config);
            return Ok(());
        }
        self.ring_by(now.plus_millis(GUARANTEE_MS), config);
        self.deliver(Channel::Mail);
        self.deliver(Channel::Whatsapp);
        Ok(())
    }

    fn deliver(self: &Rc<Self>, channel: Channel) {
        if self.sending.by(channel).replace(true) {
            return;
        }
        let sender = Sender(self.clone(), channel);
        spawn_local(async move {
            loop {
                match sender.0.deliver_next(channel).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        let cause = error.cause.as_deref().unwrap_or_default();
                        worker::console_error!("a notice: {error} {cause}");
                        return;
                    }
                }
            }
        });
    }

    /// Tries the next that is due; whether there was one.
    async fn deliver_next(self: &Rc<Self>, channel: Channel) -> Result<bool> {
        let config = cx::config(&self.env)?;
        let now = cx::now(&config);
        let due = self.rows.due_notice(channel, now).map_err(Error::unavailable)?;
        let Some(due) = due else { return Ok(false) };
        let [dice] = cx::random()?;
        let again = retry::wait_ms(due.attempts + 1, dice).map(|ms| now.plus_millis(ms));
        let next_at = again.unwrap_or(now.plus_millis(GUARANTEE_MS));
        self.rows.try_notice(&due.id, now, next_at).map_err(Error::unavailable)?;
        self.ring_by(next_at, &config);
        let tried = self.attempt(&config, channel, &due).await;
        let (state, next_at, answer) = match &tried {
            Err(why) => (State::Suppressed, None, why.as_str()),
            Ok(Ending::Later(said)) if again.is_some() => (State::Waiting, again, said.as_str()),
            Ok(ending) => (ending.state(), None, ending.said()),
        };
        if state == State::Failed {
            worker::console_error!("a notice failed: {} {answer}", due.id);
        }
        let tried = Tried { state, next_at, answer: beginning(answer) };
        self.rows.end_notice(&due.id, &tried).map_err(Error::unavailable)?;
        Ok(true)
    }

    /// One try. The error says why there is none, and never will be.
    async fn attempt(
        self: &Rc<Self>,
        config: &Config,
        channel: Channel,
        due: &DueNotice,
    ) -> Result<Ending, String> {
        let body = config.sealing.open(&place(&due.id), &due.body);
        let notice = body.and_then(|body| serde_json::from_str::<Notice>(&body).ok());
        let (Some(notice), Ok(id)) = (notice, due.id.parse()) else {
            return Ok(Ending::Refused("It was sealed under a key that is gone.".to_owned()));
        };
        let notice = self.with_link(config, notice);
        match notice.topic().map(|topic| self.is_unwanted(topic)).transpose() {
            Ok(Some(true)) => return Err(UNWANTED_WHY.to_owned()),
            Ok(Some(false) | None) => {}
            Err(error) => return Ok(Ending::Later(error.to_string())),
        }
        let settings = match store::settings::get(&self.env, store::settings::MAIL).await {
            Ok(text) => serde_json::from_str::<Settings>(&text.unwrap_or_default()),
            Err(error) => return Ok(Ending::Later(error.to_string())),
        };
        let settings = settings.unwrap_or_default();
        if channel == Channel::Whatsapp {
            if settings.whatsapp.is_none() {
                return Err("No way to send WhatsApp messages is set up.".to_owned());
            }
            let text = short_text(&notice, &config.brand);
            return Ok(courier::phone(config, &settings, id, &due.recipient, &text).await);
        }
        if settings.via == Via::Off {
            return Err("No way to send mail is set up.".to_owned());
        }
        let at = Timestamp::from_millis(due.created_at);
        let unsubscribe = notice.topic().and_then(|topic| self.stop_link(config, topic, due, at));
        if notice.topic().is_some() && unsubscribe.is_none() && !config.development {
            return Err(
                "PUBLIC_URL or SIGNING_SECRETS is not set: nobody could stop it.".to_owned()
            );
        }
        let person = self.rows.fact::<Person>(person::FACT).ok().flatten().unwrap_or_default();
        let (brand, name) = (config.brand.as_str(), person.name.as_deref());
        let unsubscribe = unsubscribe.as_deref();
        let setting = Setting { brand, name, unsubscribe };
        let Some(letter) = Letter::write(&notice, &setting) else {
            return Ok(Ending::Refused("Its template is broken.".to_owned()));
        };
        let parcel = Parcel { id, at, to: &due.recipient, letter: &letter, unsubscribe };
        let handed = || self.rows.hand_over_notice(&due.id).map_err(|fault| fault.to_string());
        Ok(courier::mail(config, &settings, &parcel, handed).await)
    }

    /// A link to a page of ours opens it signed in: made when it is sent, for it is good for some
    /// minutes.
    fn with_link(&self, config: &Config, notice: Notice) -> Notice {
        let Notice::LowBalance { balance, threshold, link } = notice else { return notice };
        if !link.starts_with('/') || config.public_url.is_empty() {
            return Notice::LowBalance { balance, threshold, link };
        }
        let link = self.signed_in(config, &link).unwrap_or(format!("{}{link}", config.public_url));
        Notice::LowBalance { balance, threshold, link }
    }

    fn signed_in(&self, config: &Config, page: &str) -> Option<String> {
        let (account, epoch) = {
            let live = self.live.borrow();
            (live.id()?, live.sessions.epoch())
        };
        let id = cx::random::<16>().ok()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let (purpose, expires_at) = (SSO.to_owned(), cx::now(config).plus_millis(SSO_MS));
        let body = Link { account, epoch, next: page.to_owned() };
        let token = config.signing.sign(&Claims { purpose, id, expires_at, body })?;
        Some(format!("{}/api/v1/auth/sso?token={token}", config.public_url))
    }

    fn stop_link(
        &self,
        config: &Config,
        topic: Topic,
        due: &DueNotice,
        at: Timestamp,
    ) -> Option<String> {
        let account: AccountId = self.live.borrow().id()?;
        if config.public_url.is_empty() {
            return None;
        }
        let (purpose, id) = (STOP.to_owned(), due.id.clone());
        let body = Stop { account, topic };
        let claims = Claims { purpose, id, expires_at: at.plus_millis(STOP_MS), body };
        let token = config.signing.sign(&claims)?;
        Some(format!("{}/api/v1/notices/unsubscribe?token={token}", config.public_url))
    }

    fn unwanted(&self) -> Result<Vec<Topic>> {
        Ok(self.rows.fact(UNWANTED).map_err(Error::unavailable)?.unwrap_or_default())
    }

    fn is_unwanted(&self, topic: Topic) -> Result<bool> {
        Ok(self.unwanted()?.contains(&topic))
    }
}

/// Where a notice's body is sealed for.
fn place(id: &str) -> String {
    format!("notice:{id}")
}

/// The beginning of an answer, at a character's edge.
fn beginning(text: &str) -> &str {
    let end = (0..=ANSWER_MAX_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
