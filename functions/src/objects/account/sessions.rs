//! The account's sessions: which are good, and what has been used up.

use schema::{Code, Error, Result, Timestamp};

use super::rows::Rows;
use crate::domain::{
    account::Outcome,
    admission::Live,
    session::{Command, FACT, Sessions},
};

/// Does what the command says. The epoch is the answer, for what is signed next.
pub fn run(live: &mut Live, rows: &Rows, command: Command, now: Timestamp) -> Result<Outcome> {
    match command {
        Command::Begin => open(live)?,
        Command::BeginOperators => {}
        Command::Spend(single) => {
            let mut sessions = live.sessions.clone();
            sessions.spend(single, now)?;
            put(live, rows, sessions)?;
        }
        Command::EndAll => end_all(live, rows)?,
    }
    Ok(Outcome::Epoch(live.sessions.epoch()))
}

/// Ends every session and calls back every link.
pub fn end_all(live: &mut Live, rows: &Rows) -> Result<()> {
    let mut sessions = live.sessions.clone();
    sessions.end_all();
    put(live, rows, sessions)
}

/// Memory changes once the row has: what was used up must not come back after a crash.
fn put(live: &mut Live, rows: &Rows, sessions: Sessions) -> Result<()> {
    rows.put_fact(FACT, &sessions).map_err(Error::unavailable)?;
    live.sessions = sessions;
    Ok(())
}

fn open(live: &Live) -> Result<()> {
    if live.profile.as_ref().is_some_and(|profile| profile.active) {
        return Ok(());
    }
    let message = "This account is suspended, or waits for approval. Ask the operator.";
    Err(Error::new(Code::PermissionDenied, message))
}
