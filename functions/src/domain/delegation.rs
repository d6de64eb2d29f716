//! What may be handed on: a key never makes, or revokes, a key that may do more than it may itself.

use schema::{Code, Error, Result};

use super::{
    access::{Cidr, Key, Scope},
    token::KeyType,
};

/// What a key is, or shall be, allowed.
#[derive(Debug, Clone, Copy)]
pub struct Power<'a> {
    pub kind: KeyType,
    pub scopes: &'a [Scope],
    pub cidrs: &'a [Cidr],
}

impl<'a> Power<'a> {
    /// What a key may do.
    pub fn of(key: &'a Key) -> Self {
        Self { kind: key.kind, scopes: &key.scopes, cidrs: &key.cidrs }
    }
}

/// Whether who asks may make such a key. `by` is the key that asks; a person who is signed in, or
/// who shows the account's name, has none, and hands on all that a customer may do.
pub fn check(by: Option<&Key>, wanted: Power) -> Result<()> {
    if wanted.scopes.is_empty() {
        return Err(Error::field("scopes", "name at least one, or leave them out"));
    }
    let most: &[Scope] = match (wanted.kind, by) {
        (KeyType::Publishable, _) => &Scope::PUBLISHABLE,
        (KeyType::Secret, _) => &Scope::CUSTOMER,
    };
    if let Some(scope) = wanted.scopes.iter().find(|scope| !most.contains(scope)) {
        let message = format!("`{}` is not for a key of this kind", scope.as_str());
        return Err(Error::field("scopes", message));
    }
    by.map_or(Ok(()), |by| within(Power::of(by), wanted))
}

/// Whether who asks may revoke a key: one that they might have made, and their own.
pub fn check_revoke(by: Option<&Key>, revoked: &Key) -> Result<()> {
    match by {
        Some(by) if by.id != revoked.id => within(Power::of(by), Power::of(revoked)),
        _ => Ok(()),
    }
}

fn within(own: Power, wanted: Power) -> Result<()> {
    let refused = |message: String| Err(Error::new(Code::PermissionDenied, message));
    if own.kind == KeyType::Publishable {
        return refused("A publishable key stands in a page, and changes no keys.".to_owned());
    }
    if let Some(scope) = wanted.scopes.iter().find(|scope| !own.scopes.contains(scope)) {
        let scope = scope.as_str();
        return refused(format!("Your key lacks the scope `{scope}`, so it cannot hand it on."));
    }
    // A key without ranges is good from everywhere.
    let inside = |wanted: &Cidr| own.cidrs.iter().any(|range| range.holds(wanted));
    let narrowed =
        own.cidrs.is_empty() || (!wanted.cidrs.is_empty() && wanted.cidrs.iter().all(inside));
    if !narrowed {
        return refused(
            "Your key is good from some addresses only, and so are the keys that it changes: name \
             ranges within its own."
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use schema::{KeyId, Timestamp};

    use super::*;

    fn key(kind: KeyType, scopes: &[Scope], cidrs: &[&str]) -> Key {
        Key {
            id: KeyId::from_bits(u128::try_from(scopes.len() + cidrs.len()).unwrap()),
            name: String::new(),
            kind,
            last4: String::new(),
            scopes: scopes.to_vec(),
            cidrs: cidrs.iter().map(|range| range.parse().unwrap()).collect(),
            created_at: Timestamp::from_millis(0),
            revoked_at: None,
            sealed: None,
        }
    }

    #[track_caller]
    fn makes(by: Option<&Key>, wanted: &Key, fine: bool) {
        assert_eq!(check(by, Power::of(wanted)).is_ok(), fine, "{by:?} {wanted:?}");
    }

    #[test]
    fn a_person_hands_on_all_that_a_customer_may_do_and_no_more() {
        let (secret, publishable) = (KeyType::Secret, KeyType::Publishable);
        makes(None, &key(secret, &Scope::CUSTOMER, &[]), true);
        makes(None, &key(publishable, &Scope::PUBLISHABLE, &[]), true);
        makes(None, &key(publishable, &[Scope::Agent], &[]), false);
        makes(None, &key(secret, &[Scope::Admin], &[]), false);
        makes(None, &key(secret, &[], &[]), false);
    }

    #[test]
    fn a_key_makes_none_that_may_do_more_than_it_may() {
        let secret = KeyType::Secret;
        let reader = key(secret, &[Scope::Account, Scope::Models], &[]);
        makes(Some(&reader), &key(secret, &[Scope::Models], &[]), true);
        makes(Some(&reader), &key(secret, &[Scope::Responses], &[]), false);
        let operator = key(secret, &[Scope::Account, Scope::Admin], &[]);
        makes(Some(&operator), &key(secret, &[Scope::Admin], &[]), false);
        let home = key(secret, &Scope::CUSTOMER, &["10.1.0.0/16"]);
        makes(Some(&home), &key(secret, &[Scope::Models], &["10.1.2.0/24"]), true);
        for elsewhere in [&[][..], &["10.0.0.0/8"], &["10.1.0.0/16", "192.0.2.1"], &["::/0"]] {
            makes(Some(&home), &key(secret, &[Scope::Models], elsewhere), false);
        }
    }

    #[test]
    fn a_key_that_stands_in_a_page_changes_none() {
        let page = key(KeyType::Publishable, &Scope::PUBLISHABLE, &[]);
        makes(Some(&page), &key(KeyType::Publishable, &[Scope::Models], &[]), false);
        assert!(check_revoke(Some(&page), &key(KeyType::Secret, &[Scope::Models], &[])).is_err());
    }

    #[test]
    fn a_key_revokes_itself_and_what_it_might_have_made() {
        let reader = key(KeyType::Secret, &[Scope::Account, Scope::Models], &[]);
        assert!(check_revoke(Some(&reader), &reader).is_ok());
        assert!(check_revoke(Some(&reader), &key(KeyType::Secret, &[Scope::Models], &[])).is_ok());
        let strong = key(KeyType::Secret, &Scope::CUSTOMER, &[]);
        assert!(check_revoke(Some(&reader), &strong).is_err());
        assert!(check_revoke(None, &strong).is_ok());
    }
}
