//! Signed texts that go out and come back: links in mails, the state of a sign-in elsewhere,
//! sessions. Each is good for one purpose, until a moment, and under a secret that can be changed
//! while earlier texts stay good. Whether it may be used again is for its reader to remember, by
//! its `id`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use schema::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;

/// Secrets that sign: the newest signs, every one verifies.
#[derive(Clone, Default)]
pub struct SigningKeys(Vec<Vec<u8>>);

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims<T> {
    /// What it is good for: a session never resets a password.
    #[serde(rename = "p")]
    pub purpose: String,
    /// Unique, where it is good once.
    #[serde(rename = "i")]
    pub id: String,
    /// The moment from which it is good no more.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
    /// What it says.
    #[serde(rename = "b")]
    pub body: T,
}

impl SigningKeys {
    /// Secrets of at least 32 characters, newest first, separated by spaces. Nothing if one is
    /// shorter: an empty secret must never sign.
    pub fn parse(text: &str) -> Option<Self> {
        let words = text.split_whitespace();
        words
            .map(|word| (word.len() >= 32).then(|| word.as_bytes().to_vec()))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether anything can be signed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Signs; nothing without a secret.
    pub fn sign<T: Serialize>(&self, claims: &Claims<T>) -> Option<String> {
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
        let tag = mac(self.0.first()?, &text)?.finalize().into_bytes();
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// What was signed here, for this purpose, and is still good. The comparison takes the same
    /// time wherever a tag differs.
    pub fn verify<T: DeserializeOwned>(
        &self,
        purpose: &str,
        signed: &str,
        now: Timestamp,
    ) -> Option<Claims<T>> {
        let (text, tag) = signed.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let is_ours = |key: &Vec<u8>| mac(key, text).is_some_and(|m| m.verify_slice(&tag).is_ok());
        self.0.iter().find(|key| is_ours(key))?;
        let claims = serde_json::from_slice::<Claims<T>>(&URL_SAFE_NO_PAD.decode(text).ok()?);
        claims.ok().filter(|claims| claims.purpose == purpose && now < claims.expires_at)
    }
}

fn mac(key: &[u8], text: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "an-old-secret-of-thirty-two-characters";
    const NEW: &str = "a-new-secret-of-more-than-thirty-two-characters";
    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn keys(text: &str) -> SigningKeys {
        SigningKeys::parse(text).unwrap()
    }

    fn claims() -> Claims<String> {
        let (purpose, id) = ("reset".to_owned(), "1".to_owned());
        Claims { purpose, id, expires_at: NOW.plus_millis(1), body: "acct_7".to_owned() }
    }

    #[test]
    fn what_was_signed_is_good_for_its_purpose_and_its_time() {
        let signed = keys(NEW).sign(&claims()).unwrap();
        let verify = |purpose, now| keys(NEW).verify::<String>(purpose, &signed, now);
        assert_eq!(verify("reset", NOW), Some(claims()));
        assert_eq!(verify("session", NOW), None);
        assert_eq!(verify("reset", NOW.plus_millis(1)), None);
    }

    #[test]
    fn an_old_secret_verifies_while_a_new_one_signs() {
        let old = keys(OLD).sign(&claims()).unwrap();
        let both = keys(&format!("{NEW} {OLD}"));
        assert!(both.verify::<String>("reset", &old, NOW).is_some());
        let new = both.sign(&claims()).unwrap();
        assert!(keys(OLD).verify::<String>("reset", &new, NOW).is_none());
    }

    #[test]
    fn a_text_that_was_changed_is_not_ours() {
        let signed = keys(NEW).sign(&claims()).unwrap();
        let (_, tag) = signed.split_once('.').unwrap();
        let mut other = claims();
        other.body = "acct_8".to_owned();
        let forged = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&other).unwrap());
        for text in [format!("{forged}.{tag}"), format!("{signed}A"), String::new(), ".".into()] {
            assert!(keys(NEW).verify::<String>("reset", &text, NOW).is_none(), "{text}");
        }
    }

    #[test]
    fn a_short_secret_is_none() {
        assert!(SigningKeys::parse("short").is_none());
        assert!(keys("").sign(&claims()).is_none());
    }
}
