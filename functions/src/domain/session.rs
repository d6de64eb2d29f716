//! Being signed in with a browser: a signed cookie that names an account, until it expires, is
//! ended, or the account ends all of its sessions by raising its epoch.
//!
//! Also what is good once: the ids of links and sessions that are used up are kept by their account
//! until they would have expired anyway.

use std::collections::BTreeMap;

use schema::{AccountId, Code, Error, Result, Timestamp, time::DAY_MS};
use serde::{Deserialize, Serialize};

/// What a session's cookie is signed for.
pub const SESSION: &str = "session";
/// How long a session is good.
pub const SESSION_MS: i64 = 7 * DAY_MS;
/// What a link is signed for that opens a page signed in.
pub const SSO: &str = "sso";
/// How long such a link is good: it is a credential that lies in a mailbox.
pub const SSO_MS: i64 = 15 * 60_000;
/// Under which name an account's facts hold its sessions.
pub const FACT: &str = "sessions";
/// Used-up ids that an account remembers. Beyond it everything that it ever signed is void, which
/// is safe: somebody has to sign in again.
const SPENT_MAX: usize = 1_000;

/// What a session's cookie says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    #[serde(rename = "a")]
    pub account: AccountId,
    #[serde(rename = "t")]
    pub issued_at: Timestamp,
    /// The account's epoch when it began.
    #[serde(rename = "n")]
    pub epoch: u32,
}

/// What a link says that opens a page signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    #[serde(rename = "a")]
    pub account: AccountId,
    #[serde(rename = "n")]
    pub epoch: u32,
    /// The page that it opens, and no other.
    #[serde(rename = "p")]
    pub next: String,
}

/// A session as its account is asked about it, its signature and age already verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub id: String,
    pub epoch: u32,
}

/// Something that is good once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Single {
    pub id: String,
    /// The epoch that it was signed in, where it carries one.
    pub epoch: Option<u32>,
    /// When it expires anyway.
    pub until: Timestamp,
}

/// What an account's object is told about sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// One begins: which epoch is it?
    Begin,
    /// An operator's begins, whose right is not the account's: which epoch is it?
    BeginOperators,
    /// Somebody comes with this; it must not have been used before.
    Spend(Single),
    /// All of them end.
    EndAll,
}

/// Which sessions an account takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sessions {
    epoch: u32,
    /// Used-up ids, each with its expiry.
    spent: BTreeMap<String, Timestamp>,
}

impl Sessions {
    /// The epoch that runs now.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether a session is still good here.
    pub fn takes(&self, ticket: &Ticket) -> bool {
        ticket.epoch == self.epoch && !self.spent.contains_key(&ticket.id)
    }

    /// Uses something up; says so if it was used before, or is of an earlier epoch.
    pub fn spend(&mut self, single: Single, now: Timestamp) -> Result<()> {
        let Single { id, epoch, until } = single;
        if epoch.is_some_and(|epoch| epoch != self.epoch) || self.spent.contains_key(&id) {
            let message =
                "This link or sign-in has been used, or has been called back. Begin anew.";
            return Err(Error::new(Code::PermissionDenied, message));
        }
        self.spent.retain(|_, until| now < *until);
        if self.spent.len() >= SPENT_MAX {
            self.end_all();
        }
        self.spent.insert(id, until);
        Ok(())
    }

    /// Ends every session and calls back every link.
    pub fn end_all(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.spent.clear();
    }
}

/// Whether a browser says that a request comes from a page of ours. `Sec-Fetch-Site` cannot be set
/// by any page, and knows it where `Origin` is left out for privacy; older browsers send `Origin`
/// with everything that changes something.
pub fn is_own_page(site: &str, origin: &str, ours: &str) -> bool {
    if site.is_empty() { !origin.is_empty() && origin == ours } else { site == "same-origin" }
}

/// What a request has to be for its cookie to count: one that changes nothing, or one of our own
/// pages with a body that no foreign form can send.
#[derive(Debug, Clone, Copy)]
pub struct Manners<'a> {
    pub method: &'a str,
    pub site: &'a str,
    pub origin: &'a str,
    pub content_type: &'a str,
}

impl Manners<'_> {
    /// Whether the cookie counts, at the origin `ours`.
    pub fn check(&self, ours: &str) -> Result<()> {
        if matches!(self.method, "GET" | "HEAD") {
            return Ok(());
        }
        if !is_own_page(self.site, self.origin, ours) {
            let message = "A session counts on this site's own pages only. Elsewhere, send a key \
                           as `Authorization: Bearer …`.";
            return Err(Error::new(Code::PermissionDenied, message));
        }
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        if !kind.is_empty() && !kind.eq_ignore_ascii_case("application/json") {
            let message = "With a session, send the body as `content-type: application/json`.";
            return Err(Error::new(Code::PermissionDenied, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const OURS: &str = "https://x.test";

    fn single(id: &str, epoch: Option<u32>) -> Single {
        Single { id: id.to_owned(), epoch, until: NOW.plus_millis(10) }
    }

    fn ticket(id: &str, epoch: u32) -> Ticket {
        Ticket { id: id.to_owned(), epoch }
    }

    #[test]
    fn what_is_good_once_is_good_once() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.spend(single("a", Some(0)), NOW), Ok(()));
        let again = sessions.spend(single("a", Some(0)), NOW).unwrap_err();
        assert_eq!(again.code, Code::PermissionDenied);
        assert_eq!(sessions.spend(single("b", None), NOW), Ok(()));
        assert!(sessions.spend(single("b", None), NOW).is_err());
    }

    #[test]
    fn a_session_ends_by_itself_alone_or_with_all_others() {
        let mut sessions = Sessions::default();
        sessions.spend(single("a", Some(0)), NOW).unwrap();
        assert!(!sessions.takes(&ticket("a", 0)) && sessions.takes(&ticket("b", 0)));
        sessions.end_all();
        assert!(!sessions.takes(&ticket("b", 0)) && sessions.takes(&ticket("c", 1)));
        assert!(sessions.spend(single("d", Some(0)), NOW).is_err(), "an old link");
    }

    #[test]
    fn what_has_expired_need_not_be_remembered_and_a_full_memory_forgives_nothing() {
        let mut sessions = Sessions::default();
        let later = NOW.plus_millis(10);
        for n in 0..SPENT_MAX {
            sessions.spend(single(&n.to_string(), Some(0)), NOW).unwrap();
        }
        let mut full = sessions.clone();
        sessions.spend(single("new", Some(0)), later).unwrap();
        assert_eq!((sessions.epoch, sessions.spent.len()), (0, 1));
        full.spend(single("new", Some(0)), NOW).unwrap();
        assert!(full.spend(single("1", Some(0)), NOW).is_err() && !full.takes(&ticket("x", 0)));
    }

    #[track_caller]
    fn check(manners: [&str; 4], counts: bool) {
        let [method, site, origin, content_type] = manners;
        let manners = Manners { method, site, origin, content_type };
        assert_eq!(manners.check(OURS).is_ok(), counts, "{manners:?}");
    }

    #[test]
    fn a_cookie_counts_on_our_own_pages_and_where_nothing_changes() {
        let json = "application/json; charset=utf-8";
        check(["GET", "cross-site", "https://evil.test", ""], true);
        check(["POST", "same-origin", OURS, json], true);
        check(["POST", "same-origin", "null", ""], true);
        check(["POST", "", OURS, json], true);
        for site in ["cross-site", "same-site", "none", "Same-Origin"] {
            check(["POST", site, OURS, json], false);
        }
        for origin in ["", "null", "https://evil.test", "http://x.test", "https://x.test.evil"] {
            check(["DELETE", "", origin, json], false);
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            check(["POST", "same-origin", OURS, kind], false);
        }
    }

    #[test]
    fn no_page_is_ours_where_we_have_no_address() {
        assert!(!is_own_page("", "", ""));
    }
}
