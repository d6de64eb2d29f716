//! Operators: by what somebody is one, and what a browser's session of theirs says.

use schema::{AccountId, Error, KeyId, Result, Timestamp, time::HOUR_MS};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::token::{self, Hash};

/// What an operator's session is signed for.
pub const OPERATOR: &str = "operator";
/// How long such a session is good: a working day, for it may do everything.
pub const OPERATOR_MS: i64 = 8 * HOUR_MS;
/// How long the name may be under which somebody signs in.
const NAME_MAX_CHARS: usize = 64;
/// How much of a digest names a token among the few that there are.
const PRINT_CHARS: usize = 16;

/// By what somebody is an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A static token of the deployment, by its [`print`].
    Token(String),
    /// A managed key with the scope `admin`.
    Key { account: AccountId, key: KeyId },
}

/// What a session's cookie says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    #[serde(rename = "b")]
    pub by: By,
    /// As who they signed in: their word for it, since several may share a token.
    #[serde(rename = "u")]
    pub name: Option<String>,
    /// The epoch of the account that keeps the session.
    #[serde(rename = "n")]
    pub epoch: u32,
}

/// Somebody who runs the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    pub by: By,
    pub name: Option<String>,
    /// When their session ends, where they have one.
    pub until: Option<Timestamp>,
}

impl Operator {
    /// Who shows the credential itself.
    pub const fn of(by: By) -> Self {
        Self { by, name: None, until: None }
    }

    /// Under what their acts are noted: the key or `operator`, and the name that they gave.
    pub fn actor(&self) -> String {
        let by = match &self.by {
            By::Token(_) => OPERATOR.to_owned(),
            By::Key { key, .. } => key.to_string(),
        };
        match &self.name {
            Some(name) => format!("{by}/{name}"),
            None => by,
        }
    }
}

/// A static token by a text that tells nothing of it: it stands in a cookie that is signed and not
/// sealed.
pub fn print(token: &Hash) -> String {
    let digest: Hash = Sha256::new().chain_update(OPERATOR).chain_update(token).finalize().into();
    token::hex(&digest).chars().take(PRINT_CHARS).collect()
}

/// The name under which somebody signs in, if they give one. It is shown beside what they did, so
/// it is a plain word.
pub fn name(text: Option<&str>) -> Result<Option<String>> {
    let Some(name) = text.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
    let plain = |char: char| char.is_alphanumeric() || "._-@+".contains(char);
    if name.chars().count() > NAME_MAX_CHARS || !name.chars().all(plain) {
        let message = format!("at most {NAME_MAX_CHARS} letters, digits, `.`, `_`, `-`, `+`, `@`");
        return Err(Error::field("username", message));
    }
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_noted_by_key_or_token_and_by_the_name_that_they_gave() {
        let key = KeyId::from_bits(7);
        let by_key = By::Key { account: AccountId::from_bits(1), key };
        assert_eq!(Operator::of(by_key.clone()).actor(), key.to_string());
        let named = Operator { name: Some("mara".to_owned()), ..Operator::of(by_key) };
        assert_eq!(named.actor(), format!("{key}/mara"));
        assert_eq!(Operator::of(By::Token("x".to_owned())).actor(), "operator");
    }

    #[test]
    fn a_token_is_named_by_a_text_that_is_its_own_and_not_its_hash() {
        let (one, two) = (token::hash("one"), token::hash("two"));
        assert_eq!(print(&one), print(&one));
        assert_ne!(print(&one), print(&two));
        assert!(!token::hex(&one).contains(&print(&one)));
    }

    #[test]
    fn a_name_is_a_plain_word_or_none() {
        for (text, said) in [(None, None), (Some(" "), None), (Some(" m.@ä "), Some("m.@ä"))] {
            assert_eq!(name(text).unwrap().as_deref(), said);
        }
        for wrong in ["a b", "<b>", "a\nb", &"x".repeat(65)] {
            assert!(name(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
