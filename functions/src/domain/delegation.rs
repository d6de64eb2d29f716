//! What may be handed on: a key never makes, narrows or revokes a key that may do more than it may
//! itself; and what was taken from a key is never given back to it.

use schema::{Code, Error, Result};
use serde::{Deserialize, Serialize};

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

/// What a key is left with; what is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrow {
    pub scopes: Option<Vec<Scope>>,
    pub cidrs: Option<Vec<Cidr>>,
}

/// A key with no more than it had. Whoever holds its text would be given what it is given, so it is
/// never widened: who needs more makes another.
pub fn narrowed(key: &Key, wanted: Narrow) -> Result<Key> {
    if key.revoked_at.is_some() {
        return Err(Error::new(Code::Conflict, "This key has been revoked."));
    }
    let scopes = wanted.scopes.unwrap_or_else(|| key.scopes.clone());
    if scopes.is_empty() {
        let message = "leave it at least one; a key that may do nothing is better revoked";
        return Err(Error::field("scopes", message));
    }
    if let Some(scope) = scopes.iter().find(|scope| !key.scopes.contains(scope)) {
        let message = format!("the key does not have `{}`; make another that has", scope.as_str());
        return Err(Error::field("scopes", message));
    }
    let cidrs = wanted.cidrs.unwrap_or_else(|| key.cidrs.clone());
    if !holds(&key.cidrs, &cidrs) {
        let message = "name ranges within those that the key has; for others make another";
        return Err(Error::field("cidrs", message));
    }
    // In the order, and as often, as the key had them.
    let scopes = key.scopes.iter().copied().filter(|scope| scopes.contains(scope)).collect();
    Ok(Key { scopes, cidrs, ..key.clone() })
}

/// Whether every address of the second is one of the first. A key without ranges is good from
/// everywhere.
fn holds(own: &[Cidr], wanted: &[Cidr]) -> bool {
    let inside = |wanted: &Cidr| own.iter().any(|range| range.holds(wanted));
    own.is_empty() || (!wanted.is_empty() && wanted.iter().all(inside))
}

/// Whether who asks may narrow or revoke a key: one that they might have made, and their own.
pub fn check_change(by: Option<&Key>, changed: &Key) -> Result<()> {
    match by {
        Some(by) if by.id != changed.id => within(Power::of(by), Power::of(changed)),
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
    if !holds(own.cidrs, wanted.cidrs) {
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
        assert!(check_change(Some(&page), &key(KeyType::Secret, &[Scope::Models], &[])).is_err());
    }

    #[test]
    fn a_key_changes_itself_and_what_it_might_have_made() {
        let reader = key(KeyType::Secret, &[Scope::Account, Scope::Models], &[]);
        assert!(check_change(Some(&reader), &reader).is_ok());
        assert!(check_change(Some(&reader), &key(KeyType::Secret, &[Scope::Models], &[])).is_ok());
        let strong = key(KeyType::Secret, &Scope::CUSTOMER, &[]);
        assert!(check_change(Some(&reader), &strong).is_err());
        assert!(check_change(None, &strong).is_ok());
    }

    #[test]
    fn a_key_is_left_with_less_and_never_given_more() {
        let had = key(KeyType::Secret, &[Scope::Models, Scope::Account], &["10.1.0.0/16"]);
        let ranges = |texts: &[&str]| Some(texts.iter().map(|it| it.parse().unwrap()).collect());
        let left = |scopes: &[Scope], cidrs| {
            narrowed(&had, Narrow { scopes: Some(scopes.to_vec()), cidrs })
        };
        assert_eq!(narrowed(&had, Narrow::default()), Ok(had.clone()));
        let less = left(&[Scope::Models, Scope::Models], ranges(&["10.1.2.0/24"])).unwrap();
        assert_eq!(
            (less.scopes, less.cidrs),
            (vec![Scope::Models], ranges(&["10.1.2.0/24"]).unwrap())
        );
        let scopes_refused: [&[Scope]; 3] =
            [&[], &[Scope::Responses], &[Scope::Models, Scope::Admin]];
        for scopes in scopes_refused {
            assert_eq!(left(scopes, None).unwrap_err().code, Code::ValidationError, "{scopes:?}");
        }
        for cidrs in [&[][..], &["10.0.0.0/8"], &["10.1.0.0/16", "192.0.2.1"], &["::/0"]] {
            let refused = left(&[Scope::Models], ranges(cidrs)).unwrap_err();
            assert_eq!(refused.code, Code::ValidationError, "{cidrs:?}");
        }
        let revoked = Key { revoked_at: Some(Timestamp::from_millis(1)), ..had.clone() };
        assert_eq!(narrowed(&revoked, Narrow::default()).unwrap_err().code, Code::Conflict);
    }
}
