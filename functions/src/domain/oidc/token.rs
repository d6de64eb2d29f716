//! Id tokens: what has to be true of one before anybody is believed to be who it says.
//!
//! Everything but the signature itself, which the platform computes. One algorithm is taken, and
//! never from the token's own word: a token that says `none`, or signs with the public key as if it
//! were a password, is refused before any key is looked up.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schema::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{GOOGLE, GOOGLE_BEFORE};

/// By how much a provider's clock may be off.
const SKEW_S: i64 = 60;
/// The shortest RSA modulus that is believed: 2,048 bits.
const MODULUS_MIN_BYTES: usize = 256;
/// How long a subject may be (OpenID Connect Core, 2).
const SUBJECT_MAX_BYTES: usize = 255;

/// What is wrong with a token, for the log.
pub type Wrong = &'static str;

/// A token as it came.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// Which of the provider's keys is said to have signed it.
    pub kid: String,
    /// The text that is signed.
    pub signed: &'a str,
    pub signature: Vec<u8>,
    payload: Vec<u8>,
}

/// What a token has to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub hosted_domain: Option<&'a str>,
    pub now: Timestamp,
}

/// Whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Never changes hands, unlike an address.
    pub subject: String,
    /// The address, if the provider has verified it.
    pub verified_email: Option<String>,
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    hd: Option<String>,
    email: Option<String>,
    /// Some providers write it as text.
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub fn read(token: &'a str) -> Result<Self, Wrong> {
        let (signed, signature) = token.rsplit_once('.').ok_or("it is no token")?;
        let (header, payload) = signed.split_once('.').ok_or("it is no token")?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "it is no base64url");
        let header = serde_json::from_slice::<Header>(&decode(header)?);
        let header = header.map_err(|_| "its header is not one")?;
        if header.alg != "RS256" {
            return Err("it is not signed with RS256");
        }
        if header.crit.is_some() {
            return Err("it has extensions that have to be understood");
        }
        let kid = header.kid.ok_or("it does not say which key signed it")?;
        Ok(Self { kid, signed, signature: decode(signature)?, payload: decode(payload)? })
    }

    /// Whom it is about. Asked once the signature is known to be right.
    pub fn identity(&self, expected: &Expected<'_>) -> Result<Identity, Wrong> {
        let payload = serde_json::from_slice::<Payload>(&self.payload);
        let payload = payload.map_err(|_| "its claims are not of their form")?;
        payload.check(expected)?;
        let verified = payload.email_verified == true || payload.email_verified == "true";
        let verified_email = payload.email.filter(|_| verified);
        Ok(Identity { subject: payload.sub, verified_email, name: payload.name })
    }
}

impl Payload {
    fn check(&self, expected: &Expected<'_>) -> Result<(), Wrong> {
        let Expected { issuer, client_id, nonce, hosted_domain, now } = *expected;
        let legacy = issuer == GOOGLE && self.iss == GOOGLE_BEFORE;
        if self.iss != issuer && !legacy {
            return Err("it was issued by somebody else");
        }
        let (ours, alone) = match &self.aud {
            Audience::One(one) => (one == client_id, true),
            Audience::Many(many) => (many.iter().any(|it| it == client_id), many.len() == 1),
        };
        if !ours {
            return Err("it is meant for somebody else");
        }
        let authorized = self.azp.as_deref().map_or(alone, |azp| azp == client_id);
        if !authorized {
            return Err("it was asked for by somebody else");
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of seconds is below 2^53")]
        let (now, skew) = (now.seconds() as f64, SKEW_S as f64);
        if now >= self.exp + skew {
            return Err("it has expired");
        }
        if self.iat > now + skew || self.nbf.is_some_and(|nbf| nbf > now + skew) {
            return Err("it is of the future");
        }
        if self.nonce.as_deref() != Some(nonce) {
            return Err("it belongs to another sign-in");
        }
        if hosted_domain.is_some() && self.hd.as_deref() != hosted_domain {
            return Err("its person is not of the domain that may sign in");
        }
        if self.sub.is_empty() || self.sub.len() > SUBJECT_MAX_BYTES {
            return Err("it is about nobody");
        }
        Ok(())
    }
}

/// The key of that name among a provider's keys (RFC 7517), as the platform imports it. Keys of
/// another kind or use are not taken, whatever they are called.
pub fn key(jwks: &str, kid: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<Key>,
    }
    #[derive(Deserialize)]
    struct Key {
        kid: Option<String>,
        kty: String,
        alg: Option<String>,
        r#use: Option<String>,
        #[serde(default)]
        n: String,
        #[serde(default)]
        e: String,
    }
    #[derive(Serialize)]
    struct Imported<'a> {
        kty: &'a str,
        alg: &'a str,
        n: &'a str,
        e: &'a str,
    }
    let keys = serde_json::from_str::<Keys>(jwks).ok()?.keys;
    let is_it = |key: &&Key| {
        key.kid.as_deref() == Some(kid)
            && key.kty == "RSA"
            && key.alg.as_deref().is_none_or(|alg| alg == "RS256")
            && key.r#use.as_deref().is_none_or(|r#use| r#use == "sig")
            && URL_SAFE_NO_PAD.decode(&key.n).is_ok_and(|n| n.len() >= MODULUS_MIN_BYTES)
    };
    let key = keys.iter().find(is_it)?;
    serde_json::to_string(&Imported { kty: "RSA", alg: "RS256", n: &key.n, e: &key.e }).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_500);
    const NOW_S: i64 = 1_790_000_000;

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn token(header: &Value, payload: &Value) -> String {
        format!("{}.{}.{}", encode(header), encode(payload), URL_SAFE_NO_PAD.encode("signature"))
    }

    fn payload() -> Value {
        json!({
            "iss": "https://id.test", "aud": "app", "sub": "7", "exp": NOW_S + 10, "iat": NOW_S,
            "nonce": "n", "email": "a@x.test", "email_verified": true, "name": "Ada",
        })
    }

    fn expected() -> Expected<'static> {
        Expected {
            issuer: "https://id.test",
            client_id: "app",
            nonce: "n",
            hosted_domain: None,
            now: NOW,
        }
    }

    fn read(changes: &Value, expected: &Expected<'_>) -> Result<Identity, Wrong> {
        let mut payload = payload();
        for (name, value) in changes.as_object().unwrap() {
            payload[name] = value.clone();
        }
        let token = token(&json!({ "alg": "RS256", "kid": "k" }), &payload);
        Unverified::read(&token).and_then(|token| token.identity(expected))
    }

    #[test]
    fn a_good_token_says_whom_it_is_about() {
        let (verified_email, name) = (Some("a@x.test".to_owned()), Some("Ada".to_owned()));
        let ada = Identity { subject: "7".to_owned(), verified_email, name };
        assert_eq!(read(&json!({}), &expected()), Ok(ada));
    }

    #[test]
    fn one_algorithm_is_taken() {
        for header in [
            json!({ "alg": "none", "kid": "k" }),
            json!({ "alg": "None", "kid": "k" }),
            json!({ "alg": "HS256", "kid": "k" }),
            json!({ "alg": "RS512", "kid": "k" }),
            json!({ "alg": "rs256", "kid": "k" }),
            json!({ "alg": "RS256" }),
            json!({ "alg": "RS256", "kid": "k", "crit": ["b64"], "b64": false }),
            json!({ "kid": "k" }),
            json!([]),
        ] {
            assert!(Unverified::read(&token(&header, &payload())).is_err(), "{header}");
        }
        for text in ["", ".", "..", "a.b.c", "a.b", "é.é.é"] {
            assert!(Unverified::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_is_from_there_for_us_now_and_of_this_sign_in() {
        for wrong in [
            json!({ "iss": "https://id.test/" }),
            json!({ "iss": "id.test" }),
            json!({ "iss": "accounts.google.com" }),
            json!({ "aud": "other" }),
            json!({ "aud": ["other"] }),
            json!({ "aud": [] }),
            json!({ "aud": ["app", "other"] }),
            json!({ "azp": "other" }),
            json!({ "exp": NOW_S - 60 }),
            json!({ "exp": "never" }),
            json!({ "iat": NOW_S + 61 }),
            json!({ "nbf": NOW_S + 61 }),
            json!({ "nonce": "other" }),
            json!({ "nonce": null }),
            json!({ "sub": "" }),
            json!({ "sub": "7".repeat(256) }),
            json!({ "sub": 7 }),
        ] {
            assert!(read(&wrong, &expected()).is_err(), "{wrong}");
        }
        for fine in [
            json!({ "exp": NOW_S - 59 }),
            json!({ "iat": NOW_S + 60, "nbf": NOW_S + 60 }),
            json!({ "aud": ["app"] }),
            json!({ "aud": ["app", "other"], "azp": "app" }),
        ] {
            assert!(read(&fine, &expected()).is_ok(), "{fine}");
        }
    }

    #[test]
    fn google_may_call_itself_by_its_old_name_and_nobody_else() {
        let google = Expected { issuer: GOOGLE, ..expected() };
        assert!(read(&json!({ "iss": "accounts.google.com" }), &google).is_ok());
        assert!(read(&json!({ "iss": GOOGLE }), &google).is_ok());
        assert!(read(&json!({ "iss": "http://accounts.google.com" }), &google).is_err());
    }

    #[test]
    fn a_bound_domain_has_to_be_said_by_the_token_and_not_by_the_address() {
        let bound = Expected { hosted_domain: Some("x.test"), ..expected() };
        assert!(read(&json!({ "hd": "x.test" }), &bound).is_ok());
        for other in [json!({}), json!({ "hd": "y.test" }), json!({ "hd": "" })] {
            assert!(read(&other, &bound).is_err(), "{other}");
        }
    }

    #[test]
    fn an_address_counts_only_if_it_is_verified_however_that_is_written() {
        let email = |verified: Value| {
            read(&json!({ "email_verified": verified }), &expected()).unwrap().verified_email
        };
        for yes in [json!(true), json!("true")] {
            assert_eq!(email(yes).as_deref(), Some("a@x.test"));
        }
        for no in [json!(false), json!("false"), json!("True"), json!(""), json!(1), json!(null)] {
            assert_eq!(email(no.clone()), None, "{no}");
        }
    }

    #[test]
    fn a_key_is_found_by_its_name_if_it_may_sign() {
        let n = URL_SAFE_NO_PAD.encode([255; MODULUS_MIN_BYTES]);
        let jwks = |change: Value| {
            let mut key = json!({ "kid": "k", "kty": "RSA", "alg": "RS256", "use": "sig",
                                  "n": n, "e": "AQAB", "d": "secret" });
            for (name, value) in change.as_object().unwrap() {
                key[name] = value.clone();
            }
            json!({ "keys": [{ "kid": "other", "kty": "EC" }, key] }).to_string()
        };
        let found = key(&jwks(json!({})), "k").unwrap();
        let found: Value = serde_json::from_str(&found).unwrap();
        assert_eq!(found, json!({ "kty": "RSA", "alg": "RS256", "n": n, "e": "AQAB" }));
        assert!(key(&jwks(json!({ "alg": null, "use": null })), "k").is_some());
        assert!(key(&jwks(json!({})), "x").is_none() && key("{}", "k").is_none());
        for other in [
            json!({ "kty": "oct" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "RS384" }),
            json!({ "use": "enc" }),
            json!({ "n": URL_SAFE_NO_PAD.encode([255; MODULUS_MIN_BYTES / 2]) }),
        ] {
            assert!(key(&jwks(other.clone()), "k").is_none(), "{other}");
        }
    }
}
