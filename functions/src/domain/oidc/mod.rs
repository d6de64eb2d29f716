//! Signing in at an OpenID provider: what it says of itself, where a browser is sent, and what has
//! to come back (OpenID Connect Core 1.0, with PKCE of RFC 7636 and `iss` of RFC 9207).

mod token;

pub use token::{Expected, Identity, Unverified, key};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schema::{Code, Error, Result};
use serde::{Deserialize, Serialize};

use super::token::hash;

/// What a cookie is signed for that waits for a browser to come back.
pub const PENDING: &str = "google";
/// How long a person may take to sign in there.
pub const PENDING_MS: i64 = 10 * 60_000;
/// Google, and how it called itself before.
pub const GOOGLE: &str = "https://accounts.google.com";
const GOOGLE_BEFORE: &str = "accounts.google.com";
/// Where Google has its parts.
const GOOGLE_HOMES: [&str; 2] = ["google.com", "googleapis.com"];

/// What a provider says of itself at `/.well-known/openid-configuration`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Provider {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    /// Whether it says who it is when a browser comes back.
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub says_who: bool,
}

impl Provider {
    /// Reads what is found at the address of `issuer`. The error is for the log.
    pub fn read(text: &str, issuer: &str) -> Result<Self, String> {
        let provider: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if provider.issuer != issuer {
            return Err(format!("{issuer} says that it is {}", provider.issuer));
        }
        let Self { authorization_endpoint, token_endpoint, jwks_uri, .. } = &provider;
        for url in [authorization_endpoint, token_endpoint, jwks_uri] {
            if !is_of(url, issuer) {
                return Err(format!("{issuer} has no part at {url}"));
            }
        }
        Ok(provider)
    }
}

/// Whether a provider may have a part there: never in clear where it is not itself, and of Google's
/// only with Google.
fn is_of(url: &str, issuer: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let in_home =
        |home: &str| host == home || host.strip_suffix(home).is_some_and(|sub| sub.ends_with('.'));
    let known = issuer != GOOGLE || GOOGLE_HOMES.into_iter().any(in_home);
    // What some parsers take for the end of a host, and others do not.
    let plain = !host.is_empty() && !host.contains(['\\', '@', ' ']);
    known && plain && (scheme == "https" || (scheme == "http" && issuer.starts_with("http://")))
}

/// What waits in a signed cookie until a browser comes back. The claims' `id` is the `state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    #[serde(rename = "n")]
    pub nonce: String,
    /// The PKCE verifier: who has only the code has nothing.
    #[serde(rename = "v")]
    pub verifier: String,
    /// The page of ours on which the person lands.
    #[serde(rename = "p")]
    pub next: String,
}

impl Pending {
    /// From randomness of its own.
    pub fn new(random: [u8; 64], next: String) -> Self {
        let (verifier, nonce) = random.split_at(32);
        let [verifier, nonce] = [verifier, nonce].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Self { nonce, verifier, next }
    }
}

/// Who we are there.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    pub id: &'a str,
    pub redirect_uri: &'a str,
    /// The domain that people have to be of, if only they may sign in.
    pub hosted_domain: Option<&'a str>,
}

/// Where a browser is sent to sign in.
pub fn authorization_url(
    provider: &Provider,
    client: &Client<'_>,
    state: &str,
    pending: &Pending,
) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(hash(&pending.verifier));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", client.id)
        .append_pair("redirect_uri", client.redirect_uri)
        .append_pair("scope", "openid email profile")
        .append_pair("state", state)
        .append_pair("nonce", &pending.nonce)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    if let Some(domain) = client.hosted_domain {
        query.append_pair("hd", domain);
    }
    let endpoint = &provider.authorization_endpoint;
    let between = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{between}{}", query.finish())
}

/// The body that trades a code for an id token.
pub fn exchange(client: &Client<'_>, code: &str, verifier: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", client.redirect_uri)
        .append_pair("code_verifier", verifier)
        .finish()
}

/// What a browser brought back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought<'a> {
    pub state: Option<&'a str>,
    pub code: Option<&'a str>,
    pub iss: Option<&'a str>,
    pub error: Option<&'a str>,
}

/// The code that a browser brought, if it comes from where it was sent.
pub fn code<'a>(brought: &Brought<'a>, state: &str, provider: &Provider) -> Result<&'a str> {
    // Hashes, so that the time tells nothing of where they differ.
    if brought.state.is_none_or(|it| hash(it) != hash(state)) {
        return Err(begin_again("it does not belong to what this browser began"));
    }
    // Without this, another provider's code could be traded in here (mix-up).
    let is_theirs = match brought.iss {
        Some(iss) => iss == provider.issuer,
        None => !provider.says_who,
    };
    if !is_theirs {
        return Err(begin_again("it is not said to come from where you were sent"));
    }
    match (brought.error, brought.code) {
        (Some("access_denied"), _) => {
            let message = "You did not let Google tell who you are, so nobody was signed in.";
            Err(Error::new(Code::PermissionDenied, message))
        }
        (Some(error), _) => Err(begin_again("Google reports an error").caused_by(error)),
        (None, Some(code)) if !code.is_empty() => Ok(code),
        (None, _) => Err(begin_again("it carries no code")),
    }
}

/// What somebody is told who comes back in a way that they were not sent.
pub fn begin_again(why: &str) -> Error {
    let message = format!("This sign-in cannot be completed: {why}. Begin it again.");
    Error::new(Code::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.test";

    fn provider() -> Provider {
        let at = |path: &str| format!("{ISSUER}{path}");
        Provider {
            issuer: ISSUER.to_owned(),
            authorization_endpoint: at("/auth"),
            token_endpoint: at("/token"),
            jwks_uri: at("/jwks"),
            says_who: false,
        }
    }

    fn described(issuer: &str, token_endpoint: &str) -> String {
        serde_json::json!({
            "issuer": issuer, "token_endpoint": token_endpoint,
            "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
            "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs", "more": [],
        })
        .to_string()
    }

    #[test]
    fn a_provider_is_who_it_was_asked_to_be_and_has_its_parts_at_home() {
        let read = |issuer, token| Provider::read(&described(issuer, token), GOOGLE);
        assert!(read(GOOGLE, "https://oauth2.googleapis.com/token").is_ok());
        assert!(read("https://accounts.google.com/", "https://oauth2.googleapis.com/").is_err());
        for elsewhere in [
            "http://oauth2.googleapis.com/token",
            "https://evil.test/token",
            "https://evilgoogleapis.com/token",
            "https://googleapis.com.evil.test/token",
            "https://googleapis.com@evil.test/token",
            "https://evil.test\\.googleapis.com/token",
            "https:///token",
            "googleapis.com",
        ] {
            assert!(read(GOOGLE, elsewhere).is_err(), "{elsewhere}");
        }
        let other = |token| Provider::read(&described(ISSUER, token), ISSUER).is_ok();
        assert!(other("https://any.test/token") && !other("http://any.test/token"));
    }

    #[test]
    fn a_browser_is_sent_with_all_that_has_to_come_back() {
        // The verifier and challenge of RFC 7636, appendix B.
        let pending = Pending {
            nonce: "n".to_owned(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            next: "/".to_owned(),
        };
        let redirect_uri = "https://x.test/back?a=b";
        let client = Client { id: "app", redirect_uri, hosted_domain: Some("x.test") };
        let url = authorization_url(&provider(), &client, "s&t", &pending);
        assert_eq!(
            url,
            "https://id.test/auth?response_type=code&client_id=app\
             &redirect_uri=https%3A%2F%2Fx.test%2Fback%3Fa%3Db&scope=openid+email+profile\
             &state=s%26t&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
             &code_challenge_method=S256&hd=x.test"
        );
        let drawn = Pending::new([7; 64], String::new());
        assert_eq!((drawn.verifier.len(), drawn.nonce.len()), (43, 43));
    }

    #[track_caller]
    fn check(brought: Brought<'_>, says_who: bool, expected: Result<&str, Code>) {
        let found = code(&brought, "state", &Provider { says_who, ..provider() });
        assert_eq!(found.map_err(|error| error.code), expected, "{brought:?}");
    }

    #[test]
    fn a_code_counts_only_with_its_own_state_and_from_its_own_provider() {
        let good = Brought { state: Some("state"), code: Some("c"), ..Brought::default() };
        let wrong = || Err(Code::InvalidRequest);
        check(good.clone(), false, Ok("c"));
        check(Brought { iss: Some(ISSUER), ..good.clone() }, true, Ok("c"));
        check(good.clone(), true, wrong());
        for says_who in [false, true] {
            check(Brought { iss: Some("https://evil.test"), ..good.clone() }, says_who, wrong());
        }
        check(Brought { state: Some("other"), ..good.clone() }, false, wrong());
        check(Brought { state: None, ..good.clone() }, false, wrong());
        check(Brought { code: None, ..good.clone() }, false, wrong());
        check(Brought { code: Some(""), ..good.clone() }, false, wrong());
        check(Brought { error: Some("server_error"), ..good.clone() }, false, wrong());
        let denied = Brought { error: Some("access_denied"), ..good };
        check(denied, false, Err(Code::PermissionDenied));
    }
}
