//! What a runner signs to be let in: read, and verified against the public key that its machine
//! registered.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use schema::{
    Code, Error, FieldError, Result, Timestamp,
    runner::{Claims, SCHEME, SKEW_MS},
};

/// The field under which a refusal tells by how much a clock is off.
const CLOCK_SKEW: &str = "clock_skew";

/// A credential that nobody has verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    claims: Claims,
    /// What was signed.
    text: String,
    signature: Vec<u8>,
}

/// Who a runner is, as it was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered<'a> {
    pub public_key: &'a str,
    pub machine: &'a str,
}

/// What is wrong with a credential that its owner signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing to tell an operator of.
    Refused(Error),
    /// It was signed on another machine than the one that registered: it may have been stolen.
    Elsewhere(Error),
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Refused(error) | Wrong::Elsewhere(error) => error,
        }
    }
}

impl Unverified {
    /// Reads an `Authorization` header.
    pub fn read(header: &str) -> Result<Self> {
        let malformed = || {
            let message = format!("Send `Authorization: {SCHEME} <claims>.<signature>`.");
            Error::new(Code::AuthenticationRequired, message)
        };
        let (scheme, credential) = header.trim().split_once(' ').ok_or_else(malformed)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(malformed());
        }
        let (text, signature) = credential.trim().split_once('.').ok_or_else(malformed)?;
        let claims = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
        let claims = serde_json::from_slice(&claims).map_err(|_| malformed())?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
        Ok(Self { claims, text: text.to_owned(), signature })
    }

    /// Who claims to have signed.
    pub const fn runner(&self) -> schema::RunnerId {
        self.claims.runner
    }

    /// What was signed, if it was: by that runner, on its own machine, now, and for this.
    pub fn verify(
        self,
        by: &Registered<'_>,
        purpose: &str,
        now: Timestamp,
    ) -> Result<Claims, Wrong> {
        let claims = self.claims;
        if !is_signed(&self.text, &self.signature, by.public_key) || claims.purpose != purpose {
            return Err(Wrong::Refused(unknown()));
        }
        let skew = claims.at.since(now);
        if skew.abs() > SKEW_MS {
            return Err(Wrong::Refused(off(skew, now)));
        }
        if claims.machine != by.machine {
            let message = "This credential belongs to another machine. Register this one with a \
                           token of its own.";
            return Err(Wrong::Elsewhere(Error::new(Code::PermissionDenied, message)));
        }
        Ok(claims)
    }
}

/// Whether a text is an Ed25519 public key as a machine sends it.
pub fn is_public_key(text: &str) -> bool {
    public_key(text).is_some()
}

fn public_key(text: &str) -> Option<VerifyingKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok().filter(|key| !key.is_weak())
}

fn is_signed(text: &str, signature: &[u8], key: &str) -> bool {
    let (Some(key), Ok(signature)) = (public_key(key), Signature::from_slice(signature)) else {
        return false;
    };
    key.verify_strict(text.as_bytes(), &signature).is_ok()
}

/// What a credential is told that is not one: nothing of what is wrong with it.
pub fn unknown() -> Error {
    let message = "This runner is not known here, or did not sign this. Register it again.";
    Error::new(Code::AuthenticationRequired, message)
}

fn off(skew: i64, now: Timestamp) -> Error {
    let (seconds, way) = (skew.abs() / 1_000, if skew > 0 { "ahead" } else { "behind" });
    let message = format!(
        "The clock of this machine is {seconds} s {way}: here it is {now}. Set it, or have it set \
         by NTP."
    );
    let detail = FieldError { field: CLOCK_SKEW.to_owned(), message: format!("{skew} ms") };
    Error { details: vec![detail], ..Error::new(Code::AuthenticationRequired, message) }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use schema::RunnerId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn claims() -> Claims {
        Claims {
            runner: RunnerId::from_bits(7),
            generation: 3,
            at: NOW,
            machine: "this one".to_owned(),
            purpose: "connect".to_owned(),
        }
    }

    fn header(claims: &Claims, seed: u8) -> String {
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap());
        let signature = SigningKey::from_bytes(&[seed; 32]).sign(text.as_bytes());
        format!("{SCHEME} {text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn verify(header: &str) -> Result<Claims, Wrong> {
        let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
        let public_key = URL_SAFE_NO_PAD.encode(key.to_bytes());
        let by = Registered { public_key: &public_key, machine: "this one" };
        Unverified::read(header).map_err(Wrong::Refused)?.verify(&by, "connect", NOW)
    }

    fn refusal(claims: &Claims) -> Error {
        verify(&header(claims, 1)).unwrap_err().into()
    }

    #[test]
    fn what_the_machine_signed_is_believed() {
        assert_eq!(verify(&header(&claims(), 1)), Ok(claims()));
    }

    #[test]
    fn what_another_key_signed_is_not() {
        let error = Error::from(verify(&header(&claims(), 2)).unwrap_err());
        assert_eq!(error.code, Code::AuthenticationRequired);
        let mine = header(&claims(), 1);
        let (_, signature) = mine.rsplit_once('.').unwrap();
        let forged = header(&Claims { generation: 9, ..claims() }, 1);
        let (forged, _) = forged.rsplit_once('.').unwrap();
        assert!(verify(&format!("{forged}.{signature}")).is_err());
    }

    #[test]
    fn a_clock_that_is_off_is_told_by_how_much() {
        let at = |ms| Claims { at: NOW.plus_millis(ms), ..claims() };
        assert!(verify(&header(&at(SKEW_MS), 1)).is_ok());
        let error = refusal(&at(-SKEW_MS - 1));
        assert_eq!(error.code, Code::AuthenticationRequired);
        assert!(error.message.contains(&NOW.to_string()), "{error}");
        assert_eq!(error.details[0].field, CLOCK_SKEW);
        assert!(refusal(&at(SKEW_MS + 1)).message.contains("ahead"));
    }

    #[test]
    fn a_credential_is_good_on_its_own_machine_and_for_its_purpose() {
        let elsewhere = Claims { machine: "another".to_owned(), ..claims() };
        let wrong = verify(&header(&elsewhere, 1)).unwrap_err();
        assert!(matches!(&wrong, Wrong::Elsewhere(error) if error.code == Code::PermissionDenied));
        let leave = Claims { purpose: "unregister".to_owned(), ..claims() };
        assert_eq!(refusal(&leave).code, Code::AuthenticationRequired);
    }

    #[test]
    fn no_text_is_a_fault() {
        for text in ["", "Bearer x", "Gantry-Runner", "Gantry-Runner x", "Gantry-Runner x.y"] {
            assert!(verify(text).is_err(), "{text}");
        }
        assert!(!is_public_key("AAAA") && !is_public_key(""));
    }
}
