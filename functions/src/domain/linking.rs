//! Whose account somebody gets who comes from Google.
//!
//! Their `sub` comes first: it never changes hands. An address links only where both sides have
//! shown whose it is. Google's unverified address could be anybody's, and would open a victim's
//! account; our unverified address could have been typed in by an attacker, who would keep a
//! password for the account that the victim then fills.

use schema::{AccountId, Code, Error, Result};

use super::oidc::Identity;

/// What is known here of whom Google vouches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The account of their `sub`.
    pub by_subject: Option<AccountId>,
    /// The account that has shown that Google's verified address is its own, and who that account
    /// is at Google, if it has been there.
    pub by_address: Option<(AccountId, Option<String>)>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// They are signed in to theirs.
    SignIn(AccountId),
    /// This account is theirs from now on, too; they are signed in to it.
    Link(AccountId, String),
    /// They get a new one, with that address.
    Register(String),
}

/// Decides it.
pub fn way(identity: &Identity, known: Known) -> Result<Way> {
    if let Some(account) = known.by_subject {
        return Ok(Way::SignIn(account));
    }
    let Some(email) = identity.verified_email.clone() else {
        let message = "Google has not verified your mail address, so it cannot show which account \
                       is yours. Verify it with Google, or sign in with your password.";
        return Err(Error::new(Code::PermissionDenied, message));
    };
    match known.by_address {
        Some((account, None)) => Ok(Way::Link(account, email)),
        // An address that was given to somebody else does not take the account along.
        Some((_, Some(_))) => {
            let message = "The account with this mail address belongs to another Google account. \
                           Sign in with that one, or with your password.";
            Err(Error::new(Code::PermissionDenied, message))
        }
        None => Ok(Way::Register(email)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: AccountId = AccountId::from_bits(1);
    const OTHER: AccountId = AccountId::from_bits(2);

    fn identity(verified: bool) -> Identity {
        let verified_email = verified.then(|| "a@x.test".to_owned());
        Identity { subject: "7".to_owned(), verified_email, name: None }
    }

    fn of(verified: bool, known: Known) -> Result<Way, Code> {
        way(&identity(verified), known).map_err(|error| error.code)
    }

    /// The account that has shown that the address is its own. One that has only claimed it is not
    /// found by it, and so does not come up here.
    fn shown(google: Option<&str>) -> Known {
        let by_address = Some((OTHER, google.map(str::to_owned)));
        Known { by_subject: None, by_address }
    }

    #[test]
    fn the_four_ways_in_which_an_address_may_be_verified() {
        let mail = || "a@x.test".to_owned();
        assert_eq!(of(true, shown(None)), Ok(Way::Link(OTHER, mail())));
        assert_eq!(of(true, Known::default()), Ok(Way::Register(mail())));
        assert_eq!(of(false, shown(None)), Err(Code::PermissionDenied));
        assert_eq!(of(false, Known::default()), Err(Code::PermissionDenied));
    }

    #[test]
    fn a_subject_is_at_home_whatever_became_of_its_address() {
        for verified in [true, false] {
            let known = Known { by_subject: Some(MINE), ..shown(Some("8")) };
            assert_eq!(of(verified, known), Ok(Way::SignIn(MINE)));
        }
    }

    #[test]
    fn an_address_that_changed_hands_opens_nothing() {
        assert_eq!(of(true, shown(Some("8"))), Err(Code::PermissionDenied));
    }
}
