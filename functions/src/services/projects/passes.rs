//! What opens a project without a key: a ticket for one stream of events, because browsers cannot
//! send headers with one.

use schema::{Code, Error, ProjectId, Result, Timestamp};

use super::{Project, tell, unexpected};
use crate::{
    cx::{self, Cx},
    domain::{
        project::command::{Answer, Command, Purpose},
        token,
    },
    objects::project::stub,
};

/// How long a ticket for a stream waits to be used (field notes 6).
const TICKET_MS: i64 = 60_000;

/// A ticket for one stream of events, and until when it is good.
pub async fn stream_ticket(cx: &Cx, project: &Project) -> Result<(String, Timestamp)> {
    let random: [u8; 32] = cx::random()?;
    let text = format!("cdx_st_{}", token::hex(&random));
    let until = cx.now.plus_millis(TICKET_MS);
    let hash = token::hex(&token::hash(&text));
    tell(cx, project.id, &Command::Admit { hash, purpose: Purpose::Stream, until }).await?;
    Ok((text, until))
}

/// Lets a ticket in, once.
pub async fn enter(cx: &Cx, project: ProjectId, ticket: &str) -> Result<()> {
    let (hash, purpose) = (token::hex(&token::hash(ticket)), Purpose::Stream);
    match stub::tell(&cx.env, project, &Command::Enter { hash, purpose }).await? {
        Answer::Entered(_) => Ok(()),
        Answer::None => {
            let message = "This ticket is not good, or was used before. Make another.";
            Err(Error::new(Code::AuthenticationRequired, message))
        }
        other => Err(unexpected(&other)),
    }
}
