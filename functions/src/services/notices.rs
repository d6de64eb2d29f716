//! What people are told of their accounts.

use schema::{AccountId, Result};

use super::accounts::unexpected;
use crate::{
    cx::Cx,
    domain::{
        account::{Command, Outcome},
        notice::{self, Notice},
    },
    objects::stub,
};

/// Tells the person behind an account, at most once for each event: by mail, and by WhatsApp what
/// is meant for phones. It is on its way when this returns; what becomes of it stands in its
/// record. `event` names what happened, for example `topped_up:pay_…`.
pub async fn tell(cx: &Cx, account: AccountId, event: &str, notice: Notice) -> Result<()> {
    let command = notice::Command::Tell { event: event.to_owned(), notice };
    match stub::ask(&cx.env, account, Command::Notice(command)).await? {
        Outcome::Notice(notice::Outcome::Done) => Ok(()),
        other => Err(unexpected(&other)),
    }
}
