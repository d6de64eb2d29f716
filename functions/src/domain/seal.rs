//! Sealing: what has to be read again is encrypted at rest (AES-256-GCM, NIST SP 800-38D), under a
//! key that only the deployment has, and bound to what it is: a sealed text that is moved to
//! another place does not open there.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes of a nonce. It is drawn at random, so one key seals no more than 2^32 texts.
pub const NONCE_BYTES: usize = 12;

/// Keys for sealing: the newest seals, every one opens, so that keys can be changed.
#[derive(Clone, Default)]
pub struct SealKeys(Vec<Aes256Gcm>);

impl std::fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl SealKeys {
    /// Reads keys of 32 bytes, base64 (either alphabet, padded or not), newest first, separated by
    /// spaces. Nothing if one of them is no key.
    pub fn parse(text: &str) -> Option<Self> {
        let key = |word: &str| {
            let plain = word.trim_end_matches('=').replace('+', "-").replace('/', "_");
            let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(plain).ok()?.try_into().ok()?;
            Some(Aes256Gcm::new(&bytes.into()))
        };
        text.split_whitespace().map(key).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether anything can be sealed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seals a text for a place, for example `key:key_…`. Nothing without a key.
    pub fn seal(&self, place: &str, text: &str, nonce: [u8; NONCE_BYTES]) -> Option<String> {
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = self.0.first()?.encrypt(Nonce::from_slice(&nonce), payload).ok()?;
        let bytes = [&nonce[..], &sealed].concat();
        Some(format!("v1.{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens what was sealed for that place.
    pub fn open(&self, place: &str, sealed: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed.strip_prefix("v1.")?).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let open = |key: &Aes256Gcm| {
            let payload = Payload { msg: sealed, aad: place.as_bytes() };
            key.decrypt(Nonce::from_slice(nonce), payload).ok()
        };
        self.0.iter().find_map(open).and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "__________________________________________8";

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_and_in_no_other(text in ".*", place in "[a-z:]*") {
            let keys = SealKeys::parse(NEW).unwrap();
            let sealed = keys.seal(&place, &text, [7; 12]).unwrap();
            prop_assert_eq!(keys.open(&place, &sealed), Some(text));
            prop_assert_eq!(keys.open(&format!("{place}x"), &sealed), None);
        }

        #[test]
        fn no_text_is_a_fault(text in ".*") {
            prop_assert_eq!(SealKeys::parse(OLD).unwrap().open("x", &text), None);
        }
    }

    #[test]
    fn an_old_key_opens_while_a_new_one_seals() {
        let sealed = SealKeys::parse(OLD).unwrap().seal("x", "text", [1; 12]).unwrap();
        let both = SealKeys::parse(&format!("{NEW} {OLD}")).unwrap();
        assert_eq!(both.open("x", &sealed).as_deref(), Some("text"));
        assert_eq!(SealKeys::parse(NEW).unwrap().open("x", &sealed), None);
        let anew = both.seal("x", "text", [1; 12]).unwrap();
        assert_eq!(SealKeys::parse(NEW).unwrap().open("x", &anew).as_deref(), Some("text"));
    }

    #[test]
    fn what_is_no_key_is_refused_and_without_a_key_nothing_is_sealed() {
        assert!(SealKeys::parse("too-short").is_none());
        let none = SealKeys::parse("").unwrap();
        assert!(none.is_empty() && none.seal("x", "text", [1; 12]).is_none());
    }
}
