//! Passwords: kept as Argon2id (RFC 9106), checked with one computation whoever is asked for.
//!
//! Everybody who claims the same mail address has the same salt. So one computation tells whose of
//! them a password is, and a stranger who claims somebody's address learns nothing by signing in:
//! neither from the answer nor from its cost.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use schema::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Memory in KiB, passes and lanes: what OWASP's Password Storage Cheat Sheet asks for at least.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a salt, and of what comes out.
pub const SALT_BYTES: usize = 16;
const OUT_BYTES: usize = 32;

/// A salt.
pub type Salt = [u8; SALT_BYTES];
/// What comes out.
type Out = [u8; OUT_BYTES];

/// A password as it is kept: a text in the PHC format, which says how it was made. No log shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(String);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// How an out is made of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Recipe {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Salt,
}

impl Recipe {
    /// Today's, with a salt.
    const fn with(salt: Salt) -> Self {
        Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt }
    }

    fn compute(self, password: &str) -> Result<Out> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(OUT_BYTES));
        let params = params.map_err(Error::internal)?;
        let mut out = [0; OUT_BYTES];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2
            .hash_password_into(password.as_bytes(), &self.salt, &mut out)
            .map_err(Error::internal)?;
        Ok(out)
    }
}

impl Kept {
    fn of(recipe: Recipe, out: &Out) -> Self {
        let Recipe { memory_kib, passes, lanes, salt } = recipe;
        let (salt, out) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out));
        Self(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${out}"))
    }

    /// How it was made, and what came out; nothing where the text is none of ours.
    fn read(&self) -> Option<(Recipe, Out)> {
        let rest = self.0.strip_prefix("$argon2id$v=19$")?;
        let (params, rest) = rest.split_once('$')?;
        let (salt, out) = rest.split_once('$')?;
        let mut numbers = ["m=", "t=", "p="].into_iter().zip(params.split(','));
        let mut number = || {
            let (name, text) = numbers.next()?;
            text.strip_prefix(name)?.parse().ok()
        };
        let (memory_kib, passes, lanes) = (number()?, number()?, number()?);
        let salt = STANDARD_NO_PAD.decode(salt).ok()?.try_into().ok()?;
        let out = STANDARD_NO_PAD.decode(out).ok()?.try_into().ok()?;
        Some((Recipe { memory_kib, passes, lanes, salt }, out))
    }

    /// The salt that it was made with.
    pub fn salt(&self) -> Option<Salt> {
        self.read().map(|(recipe, _)| recipe.salt)
    }
}

/// A name for the password that is in force, or for that there is none: it changes with it, and
/// tells nothing of it.
pub fn print(kept: Option<&Kept>) -> String {
    let digest = Sha256::digest(kept.map_or("", |kept| kept.0.as_str()));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Makes what is kept of a new password.
pub fn keep(password: &str, salt: Salt) -> Result<Kept> {
    let recipe = Recipe::with(salt);
    Ok(Kept::of(recipe, &recipe.compute(password)?))
}

/// Whose a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which of those who were asked about.
    pub place: usize,
    /// What to keep from now on, where it is made differently today.
    pub anew: bool,
}

/// Finds whose password it is among those who may be meant, the likeliest first. There is one
/// computation, also where nobody is meant.
pub fn find(candidates: &[Option<Kept>], password: &str) -> Result<Option<Match>> {
    find_by(candidates, password, Recipe::compute)
}

fn find_by(
    candidates: &[Option<Kept>],
    password: &str,
    compute: impl FnOnce(Recipe, &str) -> Result<Out>,
) -> Result<Option<Match>> {
    let read = |kept: &Option<Kept>| kept.as_ref().and_then(Kept::read);
    let first = candidates.iter().find_map(read);
    let recipe = first.map_or(Recipe::with([0; SALT_BYTES]), |(recipe, _)| recipe);
    let out = compute(recipe, password)?;
    // Whoever can steer a comparison of digests learns nothing from its timing.
    let digest = |out: &Out| Sha256::digest(out);
    let is_theirs = |kept: &Option<Kept>| {
        read(kept).is_some_and(|(its, theirs)| its == recipe && digest(&theirs) == digest(&out))
    };
    let place = candidates.iter().position(is_theirs);
    Ok(place.map(|place| Match { place, anew: recipe != Recipe::with(recipe.salt) }))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A cheap stand-in for the computation, which says how often it ran.
    fn cheap(recipe: Recipe, password: &str) -> Result<Out> {
        let recipe = format!("{recipe:?}{password}");
        Ok(Sha256::digest(recipe.as_bytes()).into())
    }

    fn kept(password: &str, salt: u8) -> Option<Kept> {
        let recipe = Recipe::with([salt; SALT_BYTES]);
        Some(Kept::of(recipe, &cheap(recipe, password).unwrap()))
    }

    fn find_counting(candidates: &[Option<Kept>], password: &str) -> (Option<usize>, u32) {
        let count = Cell::new(0);
        let found = find_by(candidates, password, |recipe, password| {
            count.set(count.get() + 1);
            cheap(recipe, password)
        });
        (found.unwrap().map(|it| it.place), count.get())
    }

    #[test]
    fn whoever_is_asked_for_there_is_one_computation() {
        assert_eq!(find_counting(&[], "x"), (None, 1));
        assert_eq!(find_counting(&[None], "x"), (None, 1));
        assert_eq!(find_counting(&[kept("x", 1)], "x"), (Some(0), 1));
        assert_eq!(find_counting(&[kept("x", 1)], "y"), (None, 1));
        assert_eq!(find_counting(&[kept("x", 1), kept("y", 1), None], "z"), (None, 1));
    }

    #[test]
    fn all_who_claim_an_address_are_told_apart_by_their_passwords() {
        let claims = [None, kept("owner's", 1), kept("stranger's", 1)];
        assert_eq!(find_counting(&claims, "owner's"), (Some(1), 1));
        assert_eq!(find_counting(&claims, "stranger's"), (Some(2), 1));
        assert_eq!(find_counting(&claims, "nobody's"), (None, 1));
    }

    #[test]
    fn a_password_is_kept_so_that_only_it_is_found_again() {
        let kept = keep("correct horse battery", [7; 16]).unwrap();
        let check = |password| find(&[Some(kept.clone())], password).unwrap();
        assert_eq!(check("correct horse battery"), Some(Match { place: 0, anew: false }));
        assert_eq!(check("correct horse batterx"), None);
        assert_eq!(kept.salt(), Some([7; 16]));
        assert_eq!(format!("{kept:?}"), "…");
    }

    #[test]
    fn what_was_made_with_less_is_made_anew() {
        let weak = Recipe { passes: 1, ..Recipe::with([1; 16]) };
        let kept = Kept::of(weak, &cheap(weak, "x").unwrap());
        let found = find_by(&[Some(kept)], "x", cheap).unwrap();
        assert_eq!(found, Some(Match { place: 0, anew: true }));
    }

    /// What the reference implementation makes of it (`argon2 -id -k 19456 -t 2 -p 1`).
    const REFERENCE: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                             K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE";

    #[test]
    fn others_read_what_is_kept() {
        let kept = keep("password", *b"somesaltsomesalt").unwrap();
        assert_eq!(kept.0, REFERENCE);
        let (recipe, out) = kept.read().unwrap();
        assert_eq!(Kept::of(recipe, &out), kept);
    }

    #[test]
    fn no_text_is_a_fault() {
        for text in ["", "$argon2id$", "$argon2id$v=19$m=1,t=1$x$y", "$2b$12$abc"] {
            assert_eq!(Kept(text.to_owned()).salt(), None, "{text}");
        }
    }

    #[test]
    fn a_print_changes_with_the_password() {
        let (one, other) = (kept("x", 1), kept("y", 1));
        assert_ne!(print(one.as_ref()), print(other.as_ref()));
        assert_ne!(print(one.as_ref()), print(None));
    }
}
