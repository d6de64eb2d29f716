//! Who calls, and what a credential may do.

use std::net::IpAddr;

use schema::{AccountId, KeyId};
use serde::{Deserialize, Serialize};

use super::{
    session::Ticket,
    token::{Hash, KeyType},
};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nobody need say who they are.
    Public,
    /// A customer's key or username with this scope.
    Api(Scope),
    /// The same, for what an operator may also do on an account's behalf.
    ApiOrAdmin(Scope),
    /// The same as `Api`; or whoever shows a ticket in the query, which the handler takes.
    ApiOrTicket(Scope),
    /// An operator.
    Admin,
}

/// One thing that a key may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Call models, for money.
    Responses,
    /// List models.
    Models,
    /// Read the account, its wallet and its usage.
    Account,
    /// Have codex work on a runner.
    Agent,
    /// Everything an operator may do.
    Admin,
}

impl Scope {
    /// The scopes of a key for which nobody named any.
    pub const CUSTOMER: [Self; 4] = [Self::Responses, Self::Models, Self::Account, Self::Agent];
    /// The same of a publishable key: what stands in a page runs no commands.
    pub const PUBLISHABLE: [Self; 3] = [Self::Responses, Self::Models, Self::Account];

    /// The scope of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Responses, Self::Models, Self::Account, Self::Agent, Self::Admin];
        all.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Models => "models",
            Self::Account => "account",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }
}

/// What a caller presented, as far as it can be told without asking the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A key, by its hash.
    Key(Hash),
    /// The account's username as bearer (seed 000).
    Username(String),
    /// A static token from the deployment's environment, already verified.
    Static,
    /// A session of a browser.
    Session(Ticket),
    /// A session of an operator: by this key, or by a static token that is still the deployment's.
    Operator { ticket: Ticket, key: Option<KeyId> },
}

/// A key as the account keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub id: KeyId,
    pub name: String,
    pub kind: KeyType,
    pub last4: String,
    pub scopes: Vec<Scope>,
    pub cidrs: Vec<Cidr>,
    pub created_at: schema::Timestamp,
    pub revoked_at: Option<schema::Timestamp>,
    /// Its text, sealed for [`Key::place`]; none where only its hash is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

impl Key {
    /// The place for which a key's text is sealed.
    pub fn place(id: KeyId) -> String {
        format!("key:{id}")
    }
}

/// Who is asking, once the account has said yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub account: AccountId,
    pub holder: Holder,
}

/// Whose window a request counts in: each credential has its own (seed 001).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    Key(KeyId),
    Username,
    Static,
    /// All sessions of the account together.
    Session,
}

impl Holder {
    /// The key, where it is one.
    pub const fn key(self) -> Option<KeyId> {
        match self {
            Self::Key(id) => Some(id),
            Self::Username | Self::Static | Self::Session => None,
        }
    }

    /// As it is stored.
    pub fn text(self) -> String {
        match self {
            Self::Key(id) => id.to_string(),
            Self::Username => "username".to_owned(),
            Self::Static => "static".to_owned(),
            Self::Session => "session".to_owned(),
        }
    }

    /// Reads what [`Holder::text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "username" => Some(Self::Username),
            "static" => Some(Self::Static),
            "session" => Some(Self::Session),
            key => key.parse().ok().map(Self::Key),
        }
    }
}

/// A range of addresses, for example `10.0.0.0/8` or `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cidr {
    base: IpAddr,
    bits: u8,
}

/// The text is not an address range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotACidr;

impl std::fmt::Display for NotACidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not an address or a range such as 10.0.0.0/8")
    }
}

impl Cidr {
    /// Whether the range holds the address. An IPv4 address written as IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.bits);
                u32::from(base).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.bits);
                u128::from(base).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl Cidr {
    /// Whether the range holds all of another.
    pub fn holds(&self, other: &Self) -> bool {
        let same = self.base.is_ipv4() == other.base.is_ipv4();
        same && self.bits <= other.bits && self.contains(other.base)
    }
}

impl TryFrom<String> for Cidr {
    type Error = NotACidr;

    fn try_from(text: String) -> Result<Self, NotACidr> {
        text.parse()
    }
}

impl std::str::FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Self, NotACidr> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits.parse::<u8>().map_err(|_| NotACidr)?)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| NotACidr)?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(NotACidr) } else { Ok(Self { base, bits }) }
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        format!("{}/{}", cidr.base, cidr.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, address: &str, inside: bool) {
        let range: Cidr = range.parse().unwrap();
        assert_eq!(range.contains(address.parse().unwrap()), inside, "{range:?} {address}");
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
    }

    #[test]
    fn nonsense_is_no_range() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert_eq!(text.parse::<Cidr>(), Err(NotACidr), "{text}");
        }
    }
}
