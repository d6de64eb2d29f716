//! What people are told of their accounts.

use schema::{AccountId, Code, Error, NoticeId, Result};

use super::accounts::unexpected;
use crate::{
    cx::Cx,
    domain::{
        account::{Command, Outcome},
        notice::{self, Notice, Record, STOP, Stop, Topic},
    },
    objects::stub,
};

/// Tells the person behind an account, at most once for each event: by mail, and by WhatsApp what
/// is meant for phones. It is on its way when this returns; what becomes of it stands in its
/// record. `event` names what happened, for example `topped_up:pay_…`.
pub async fn tell(cx: &Cx, account: AccountId, event: &str, notice: Notice) -> Result<()> {
    let command = notice::Command::Tell { event: event.to_owned(), notice };
    done(ask(cx, account, command).await?)
}

/// What an account was told, newest first, one more than `limit`.
pub async fn list(
    cx: &Cx,
    account: AccountId,
    before: Option<NoticeId>,
    limit: u32,
) -> Result<Vec<Record>> {
    match ask(cx, account, notice::Command::List { before, limit }).await? {
        notice::Outcome::Records(records) => Ok(records),
        notice::Outcome::Done | notice::Outcome::Unwanted(_) => {
            Err(Error::internal("an account has no notices"))
        }
    }
}

/// What a link to have no more of a topic says, if it is one of ours.
pub fn stop_of(cx: &Cx, token: &str) -> Result<Stop> {
    let claims = cx.config.signing.verify::<Stop>(STOP, token, cx.now);
    let message = "This link is not, or no longer, good. The newest mail has one that is.";
    claims.map(|claims| claims.body).ok_or_else(|| Error::new(Code::ResourceNotFound, message))
}

/// Has no more of a topic, or has it again.
pub async fn want(cx: &Cx, stop: Stop, on: bool) -> Result<()> {
    done(ask(cx, stop.account, notice::Command::Want { topic: stop.topic, on }).await?)
}

/// What an account wants no more of.
pub async fn unwanted(cx: &Cx, account: AccountId) -> Result<Vec<Topic>> {
    match ask(cx, account, notice::Command::Unwanted).await? {
        notice::Outcome::Unwanted(topics) => Ok(topics),
        notice::Outcome::Done | notice::Outcome::Records(_) => {
            Err(Error::internal("records instead of topics"))
        }
    }
}

/// Says of each topic that is named whether the account that asks wants it.
pub async fn choose(cx: &Cx, topics: &[(Topic, bool)]) -> Result<()> {
    if cx.publishable {
        return Err(Error::new(Code::PermissionDenied, "A publishable key may not change this."));
    }
    let account = cx.account()?;
    for (topic, on) in topics {
        let command = notice::Command::Want { topic: *topic, on: *on };
        done(ask(cx, account, command).await?)?;
    }
    Ok(())
}

async fn ask(cx: &Cx, account: AccountId, command: notice::Command) -> Result<notice::Outcome> {
    match stub::ask(&cx.env, account, Command::Notice(command)).await? {
        Outcome::Notice(outcome) => Ok(outcome),
        other => Err(unexpected(&other)),
    }
}

fn done(outcome: notice::Outcome) -> Result<()> {
    match outcome {
        notice::Outcome::Done => Ok(()),
        notice::Outcome::Records(_) | notice::Outcome::Unwanted(_) => {
            Err(Error::internal("records instead of nothing"))
        }
    }
}
