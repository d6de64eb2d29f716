//! Identifiers: a prefix that names the kind, and a UUIDv7, so that they sort by age.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// What an identifier names. The prefix is part of the text and is checked when it is read.
pub trait Kind {
    /// For example `acct`, written `acct_0190…`.
    const PREFIX: &'static str;
}

/// An opaque identifier of one kind of thing: `prefix_` and 32 hexadecimal digits.
pub struct Id<K>(u128, PhantomData<fn() -> K>);

/// Names an account: who pays.
pub enum AccountKind {}
/// Names an API key of an account.
pub enum KeyKind {}
/// Names one call to a model, and its hold; also the request's id.
pub enum CallKind {}
/// Names an operation that may be sent again without happening again.
pub enum OpKind {}
/// Names a machine that hosts codex.
pub enum RunnerKind {}
/// Names a question that a codex process asks, however often it repeats it.
pub enum AskKind {}
/// Names a payment, from the moment it is wished.
pub enum PaymentKind {}
/// Names a message to a person.
pub enum NoticeKind {}
/// Names a project: a workspace, and what was worked in it.
pub enum ProjectKind {}
/// Names a prompt that waits for its turn.
pub enum PromptKind {}

impl Kind for AccountKind {
    const PREFIX: &'static str = "acct";
}
impl Kind for KeyKind {
    const PREFIX: &'static str = "key";
}
impl Kind for CallKind {
    const PREFIX: &'static str = "req";
}
impl Kind for OpKind {
    const PREFIX: &'static str = "op";
}
impl Kind for RunnerKind {
    const PREFIX: &'static str = "rnr";
}
impl Kind for AskKind {
    const PREFIX: &'static str = "ask";
}
impl Kind for PaymentKind {
    const PREFIX: &'static str = "pay";
}
impl Kind for NoticeKind {
    const PREFIX: &'static str = "ntc";
}
impl Kind for ProjectKind {
    const PREFIX: &'static str = "prj";
}
impl Kind for PromptKind {
    const PREFIX: &'static str = "prm";
}

/// Who pays.
pub type AccountId = Id<AccountKind>;
/// A credential of an account.
pub type KeyId = Id<KeyKind>;
/// One request, and the hold that pays for it.
pub type CallId = Id<CallKind>;
/// One operation, however often it is sent.
pub type OpId = Id<OpKind>;
/// A machine that hosts codex.
pub type RunnerId = Id<RunnerKind>;
/// A question of a codex process.
pub type AskId = Id<AskKind>;
/// A payment, from the moment it is wished.
pub type PaymentId = Id<PaymentKind>;
/// A message to a person.
pub type NoticeId = Id<NoticeKind>;
/// A workspace, and what was worked in it.
pub type ProjectId = Id<ProjectKind>;
/// A prompt that waits for its turn.
pub type PromptId = Id<PromptKind>;

impl<K> Id<K> {
    /// A UUIDv7 (RFC 9562 section 5.7) of the given millisecond and 74 of the given random bits.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u128::from(now.millis().unsigned_abs()) & 0xffff_ffff_ffff;
        let random = random.iter().fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
        let (high, low) = ((random >> 62) & 0xfff, random & 0x3fff_ffff_ffff_ffff);
        Self::from_bits((millis << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)
    }

    /// The identifier whose 128 bits are given.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits, PhantomData)
    }

    /// The 128 bits, for packing into another text such as a key.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{:032x}", K::PREFIX, self.0)
    }
}

/// The text is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an identifier of this kind")
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_'));
        let digits = digits.filter(|d| d.len() == 32 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let bits = digits.and_then(|d| u128::from_str_radix(d, 16).ok());
        bits.map(Self::from_bits).ok_or(NotAnId)
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl<K: Kind> schemars::JsonSchema for Id<K> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        let (first, rest) = K::PREFIX.split_at(1);
        format!("{}{rest}Id", first.to_ascii_uppercase()).into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let pattern = format!("^{}_[0-9a-f]{{32}}$", K::PREFIX);
        schemars::json_schema!({ "type": "string", "pattern": pattern })
    }
}

// Derives would ask the same of `K`, which is never a value.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text_and_from_no_other_kind() {
        let id = AccountId::new(Timestamp::from_millis(1_790_000_000_000), [0xab; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().parse::<KeyId>(), Err(NotAnId));
        assert_eq!("acct_+f000000000000000000000000000000".parse::<AccountId>(), Err(NotAnId));
    }

    #[test]
    fn ids_are_version_seven_and_sort_by_age() {
        let early = CallId::new(Timestamp::from_millis(1_000), [0xff; 10]);
        let late = CallId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!((late.bits() >> 76) & 0xf, 7);
        assert_eq!((late.bits() >> 62) & 0b11, 0b10);
    }
}
