//! What the person behind the account is told: a row in the same turn as the fact, so that neither
//! is without the other.

use std::rc::Rc;

use schema::{Error, Result, Timestamp};

use super::{Inner, rows::NewNotice};
use crate::{
    config::Config,
    cx,
    domain::{
        notice::{Channel, Command, Notice, Outcome, State},
        person::{self, Person},
    },
};

/// When a notice is tried that nobody has tried at once.
const GUARANTEE_MS: i64 = 60_000;

/// What an account's object does with notices when it is told to.
pub fn run(inner: &Rc<Inner>, command: Command, now: Timestamp) -> Result<Outcome> {
    match command {
        Command::Tell { event, notice } => {
            inner.tell(&event, notice, now)?;
            Ok(Outcome::Done)
        }
    }
}

impl Inner {
    /// Tells the person, at most once for each event and channel: at once when this turn's rows are
    /// safe, and later if that fails. Nothing is lost with the process, and nothing is told that
    /// did not happen.
    pub fn tell(self: &Rc<Self>, event: &str, notice: Notice, now: Timestamp) -> Result<()> {
        let config = cx::config(&self.env)?;
        let person = self.rows.fact::<Person>(person::FACT).map_err(Error::unavailable)?;
        let person = person.unwrap_or_default();
        self.tell_by(Channel::Mail, person.email.as_deref(), event, &notice, &config, now)?;
        if notice.is_for_phones() && person.phone.is_some() {
            let phone = person.phone.as_deref();
            self.tell_by(Channel::Whatsapp, phone, event, &notice, &config, now)?;
        }
        Ok(())
    }

    fn tell_by(
        self: &Rc<Self>,
        channel: Channel,
        recipient: Option<&str>,
        event: &str,
        notice: &Notice,
        config: &Config,
        now: Timestamp,
    ) -> Result<()> {
        let id = cx::new_id(now)?;
        let body = serde_json::to_string(notice).map_err(Error::internal)?;
        let body = config.sealing.seal(&format!("notice:{id}"), &body, cx::random()?);
        let answer = match (recipient, &body) {
            (None, _) => Some("There is no address."),
            (_, None) => Some("The secret SEALING_KEYS is not set, so nothing can be kept."),
            (Some(_), Some(_)) => None,
        };
        let waits = answer.is_none();
        let new = NewNotice {
            id,
            event,
            channel,
            template: notice.template(),
            recipient,
            body: body.as_deref().filter(|_| waits),
            state: if waits { State::Waiting } else { State::Suppressed },
            next_at: waits.then(|| now.plus_millis(GUARANTEE_MS)),
            answer,
        };
        self.rows.add_notice(&new, now).map_err(Error::unavailable)?;
        Ok(())
    }
}
