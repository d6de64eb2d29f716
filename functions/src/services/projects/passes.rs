//! What opens a project without a key: a ticket for one stream of events, because browsers cannot
//! send headers with one, and a pass for terminals, which is all that they can send.

use schema::{Code, Error, ProjectId, Result, Timestamp};

use super::{Project, tell, unexpected};
use crate::{
    cx::{self, Cx},
    domain::{
        project::{
            command::{Answer, Command, Profile, Purpose},
            pass,
        },
        token,
    },
    objects::project::stub,
};

/// How long a ticket for a stream waits to be used (field notes 6).
const TICKET_MS: i64 = 60_000;
/// How long a pass lets terminals in.
const PASS_MS: i64 = 12 * 3_600_000;

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

/// A pass that lets terminals in to a project, and until when.
pub async fn terminal_pass(cx: &Cx, project: &Project) -> Result<(String, Timestamp)> {
    let text = pass::mint(project.id, cx::random()?);
    let until = cx.now.plus_millis(PASS_MS);
    let hash = token::hex(&token::hash(&text));
    tell(cx, project.id, &Command::Admit { hash, purpose: Purpose::Terminal, until }).await?;
    Ok((text, until))
}

/// Voids all passes of a project for terminals; those that are there by one are hung up on.
pub async fn revoke_terminals(cx: &Cx, project: &Project) -> Result<()> {
    tell(cx, project.id, &Command::Expel).await
}

/// Whose project a pass lets terminals in to; nothing if it is not good.
pub async fn terminals(cx: &Cx, text: &str) -> Result<Option<Profile>> {
    let Some(project) = pass::project_of(text) else { return Ok(None) };
    let (hash, purpose) = (token::hex(&token::hash(text)), Purpose::Terminal);
    match stub::tell(&cx.env, project, &Command::Enter { hash, purpose }).await? {
        Answer::Entered(profile) => Ok(Some(profile)),
        Answer::None => Ok(None),
        other => Err(unexpected(&other)),
    }
}
