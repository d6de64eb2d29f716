//! An operator who looks at an account as its owner does: for minutes, marked, and without what is
//! the owner's alone.

use schema::{AccountId, Code, Error, Result};
use serde::{Deserialize, Serialize};

use super::operator;

/// What such a session is signed for.
pub const IMPERSONATION: &str = "impersonation";
/// How long it is good: enough for one question.
pub const IMPERSONATION_MS: i64 = 15 * 60_000;

/// What its cookie says. It is as good as the account says of a session, and as the operator is
/// one: both are asked on each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impersonation {
    #[serde(rename = "a")]
    pub account: AccountId,
    /// By what a person knows the account.
    #[serde(rename = "l")]
    pub label: String,
    /// The account's epoch when it began.
    #[serde(rename = "n")]
    pub epoch: u32,
    /// Who looks.
    #[serde(rename = "o")]
    pub operator: operator::Session,
    /// The operator's own session, with which this one ends.
    #[serde(rename = "s")]
    pub session: String,
}

/// Whether an operator may do this as the account's owner: read, and do what a route lends them.
pub fn may(method: &str, lent: bool) -> Result<()> {
    if lent || matches!(method, "GET" | "HEAD") {
        return Ok(());
    }
    Err(refused())
}

/// Why an operator may not do what is the owner's.
pub fn refused() -> Error {
    let message = "You look at this account as an operator. What spends, changes or opens it is \
                   its owner's: stop looking, and use the operator's pages.";
    Error::new(Code::PermissionDenied, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_reads_and_does_nothing_but_what_is_lent() {
        assert!(may("GET", false).is_ok() && may("HEAD", false).is_ok());
        assert!(may("POST", true).is_ok());
        for method in ["POST", "PUT", "PATCH", "DELETE", "get"] {
            assert_eq!(may(method, false).unwrap_err().code, Code::PermissionDenied, "{method}");
        }
    }
}
