//! Keys: their text, what it reveals, and how they are stored.
//!
//! `cdx_sk_` or `cdx_pk_`, then base62: 22 digits of the account's id, 43 of a 32-byte secret, 6 of
//! a checksum. The account stands in the key so that nothing need be looked up to find who decides;
//! the checksum turns a typing error into an answer without asking anyone. Only the SHA-256 is
//! stored: the secret has 256 random bits, so a slow hash would protect nothing more.

use schema::AccountId;
use sha2::{Digest, Sha256};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ACCOUNT_DIGITS: usize = 22;
const SECRET_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;
const PREFIX_CHARS: usize = 7;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// `cdx_sk_`: for servers; whatever its scopes allow.
    Secret,
    /// `cdx_pk_`: may stand in a page; reads, and generates within a daily quota.
    Publishable,
}

impl KeyType {
    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Secret, Self::Publishable].into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Secret => "cdx_sk_",
            Self::Publishable => "cdx_pk_",
        }
    }
}

/// The SHA-256 of a credential, which is all that is kept of it.
pub type Hash = [u8; 32];

/// The hash under which a credential is stored and looked up. Whoever can steer a comparison of
/// hashes learns nothing of a 256-bit secret from its timing.
pub fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// A hash as text.
pub fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of a new key. Shown once; keep only its [`hash`].
pub fn mint(kind: KeyType, account: AccountId, secret: [u8; 32]) -> String {
    let (high, low) = secret.split_at(16);
    let mut text = String::with_capacity(80);
    text.push_str(kind.prefix());
    push_base62(&mut text, account.bits(), ACCOUNT_DIGITS);
    // Two halves of 128 bits; the second takes 21 digits, a little less than it has bits for.
    push_base62(&mut text, be(high), ACCOUNT_DIGITS);
    push_base62(&mut text, be(low), SECRET_DIGITS - ACCOUNT_DIGITS);
    let check = checksum(&text);
    push_base62(&mut text, u128::from(check), CHECK_DIGITS);
    text
}

/// The account that a key belongs to, if the text is a key at all.
pub fn account_of(text: &str) -> Option<AccountId> {
    let kind = [KeyType::Secret, KeyType::Publishable];
    kind.iter().find(|kind| text.starts_with(kind.prefix()))?;
    if text.len() != PREFIX_CHARS + ACCOUNT_DIGITS + SECRET_DIGITS + CHECK_DIGITS {
        return None;
    }
    let (body, check) = text.split_at_checked(text.len() - CHECK_DIGITS)?;
    if read_base62(check)? != u128::from(checksum(body)) {
        return None;
    }
    let account = body.get(PREFIX_CHARS..PREFIX_CHARS + ACCOUNT_DIGITS)?;
    read_base62(account).map(AccountId::from_bits)
}

/// The credential of an `Authorization: Bearer …` header (RFC 6750), whatever the case of the
/// scheme.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, credential) = header.trim().split_once(' ')?;
    let credential = credential.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty()).then_some(credential)
}

/// Whether the text claims to be a key, well-formed or not.
pub fn looks_like_key(text: &str) -> bool {
    text.starts_with("cdx_")
}

/// The last four characters, by which a person tells keys apart.
pub fn last4(text: &str) -> String {
    text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}

/// The random tail of a username: 20 characters of 100 bits, for a name that opens a wallet must
/// not be guessed.
pub fn unguessable_tail(random: [u8; 16]) -> String {
    let mut tail = String::with_capacity(20);
    let mut bits = be(&random);
    for _ in 0..20 {
        let digit = b"abcdefghijkmnpqrstuvwxyz23456789".get((bits & 31) as usize);
        tail.push(char::from(digit.copied().unwrap_or(b'a')));
        bits >>= 5;
    }
    tail
}

fn be(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |bits, byte| (bits << 8) | u128::from(*byte))
}

fn push_base62(text: &mut String, mut value: u128, digits: usize) {
    let mut reversed = [b'0'; ACCOUNT_DIGITS];
    for slot in reversed.iter_mut().take(digits) {
        if let Some(digit) = DIGITS.get((value % 62) as usize) {
            *slot = *digit;
        }
        value /= 62;
    }
    text.extend(reversed.iter().take(digits).rev().map(|digit| char::from(*digit)));
}

fn read_base62(text: &str) -> Option<u128> {
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        value.checked_mul(62)?.checked_add(u128::from(digit))
    })
}

/// FNV-1a, 32 bits: it guards against typing errors, not against people.
fn checksum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_names_its_account(bits: u128, secret: [u8; 32]) {
            let account = AccountId::from_bits(bits);
            let text = mint(KeyType::Secret, account, secret);
            prop_assert_eq!(account_of(&text), Some(account));
            prop_assert_eq!(text.len(), 78);
        }

        #[test]
        fn one_wrong_character_is_noticed(at in 7usize..78, secret: [u8; 32]) {
            let text = mint(KeyType::Publishable, AccountId::from_bits(7), secret);
            let wrong = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
            let mut typed = text;
            typed.replace_range(at..=at, wrong);
            prop_assert_eq!(account_of(&typed), None);
        }

        #[test]
        fn no_text_is_a_fault(text in ".*") {
            account_of(&text);
        }
    }

    #[test]
    fn different_secrets_make_different_keys() {
        let mut other = [0; 32];
        other[31] = 1;
        let account = AccountId::from_bits(1);
        assert_ne!(mint(KeyType::Secret, account, [0; 32]), mint(KeyType::Secret, account, other));
    }
}
