//! What callers and runners are told when something cannot be.

use schema::{Code, Error};

pub(super) fn revoked() -> Error {
    Error::new(
        Code::PermissionDenied,
        "This runner was revoked. Register the machine again with a new token.",
    )
}

pub(super) fn replayed(generation: u64, last: u64) -> Error {
    let message = format!(
        "Connection {generation} of this runner has been before: the last was {last}. If the \
         machine was restored from a copy, register it again."
    );
    Error::new(Code::Conflict, message)
}

pub(super) fn unavailable(why: &str) -> Error {
    let message = format!("The machine that hosts this account's codex is away. {why}");
    Error::new(Code::RunnerUnavailable, message).retry_after(2)
}

pub(super) fn late() -> Error {
    Error::new(
        Code::Timeout,
        "The process did not answer in time; it may still do what it was asked.",
    )
}

pub(super) fn changed() -> Error {
    Error::new(Code::Conflict, "The file or answer changed while it was read. Try again.")
}
