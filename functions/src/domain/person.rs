//! The person behind an account, as the account's object keeps them.

use schema::Timestamp;
use serde::{Deserialize, Serialize};

/// Under which name an account's facts hold its person.
pub const FACT: &str = "person";

/// Who an account belongs to, and how they are reached. An account that an operator made may have
/// nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// What they are called.
    pub name: Option<String>,
    /// Their mail address, in lower case.
    pub email: Option<String>,
    /// When they showed that the address is theirs.
    pub email_verified_at: Option<Timestamp>,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    /// Their phone, `+` and digits (E.164); WhatsApp reaches it.
    pub phone: Option<String>,
    /// Who they are at Google: the `sub` of its tokens, which never changes hands.
    pub google: Option<String>,
}
