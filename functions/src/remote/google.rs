//! Google as an OpenID provider, or whoever stands in for it: what it says of itself, its keys, and
//! codes traded for id tokens. What it says is kept for a while in each isolate; only answers that
//! are whole are kept, never a call on its way.

use std::{cell::RefCell, rc::Rc};

use base64::{Engine, engine::general_purpose::STANDARD};
use form_urlencoded::byte_serialize;
use js_sys::{Uint8Array, futures::JsFuture};
use schema::{Code, Error, Result, Timestamp};
use serde::Deserialize;

use super::http::{Answer, Request, call};
use crate::{
    config::Google,
    domain::oidc::{self, Client, Expected, Identity, Provider, Unverified},
    js,
};

/// How long one call may take.
const PATIENCE_MS: u32 = 10_000;
/// A discovery document has some kilobytes, and so have keys and tokens.
const ANSWER_MAX_BYTES: usize = 256 << 10;
/// How long it is believed what a provider says of itself and which keys are its own.
const KEPT_MS: i64 = 3_600_000;
/// Between two looks for a key that was not there: tokens with made-up keys must not become a flood
/// of questions.
const KEYS_AGAIN_MS: i64 = 60_000;
/// Seconds until it may be worth another try.
const RETRY_S: u32 = 10;

/// Something that a provider said.
#[derive(Clone)]
struct Said<T> {
    issuer: String,
    at: Timestamp,
    value: Rc<T>,
}

impl<T> Said<T> {
    /// Whether it is of this provider, and no older than that.
    fn is_good(&self, google: &Google, ms: i64, now: Timestamp) -> bool {
        self.issuer == google.issuer && (0..ms).contains(&now.since(self.at))
    }
}

/// Keys, and when they were last read anew for one that was not among them.
#[derive(Clone)]
struct Keys {
    said: Said<String>,
    missed_at: Option<Timestamp>,
}

thread_local! {
    static PROVIDER: RefCell<Option<Said<Provider>>> = const { RefCell::new(None) };
    static KEYS: RefCell<Option<Keys>> = const { RefCell::new(None) };
}

/// What the provider says of itself.
pub async fn provider(google: &Google, now: Timestamp) -> Result<Rc<Provider>> {
    let kept = PROVIDER.with_borrow(Clone::clone);
    if let Some(kept) = kept.filter(|kept| kept.is_good(google, KEPT_MS, now)) {
        return Ok(kept.value);
    }
    let url = format!("{}/.well-known/openid-configuration", google.issuer.trim_end_matches('/'));
    let provider = Provider::read(&get(&url).await?, &google.issuer).map_err(failed)?;
    let (issuer, value) = (google.issuer.clone(), Rc::new(provider));
    PROVIDER.set(Some(Said { issuer, at: now, value: value.clone() }));
    Ok(value)
}

/// Trades a code for an id token, which nobody has looked at yet.
pub async fn exchange(
    google: &Google,
    provider: &Provider,
    client: &Client<'_>,
    (code, verifier): (&str, &str),
) -> Result<String> {
    #[derive(Deserialize)]
    struct Tokens {
        id_token: String,
    }
    // RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
    let [id, secret] = [&google.client_id, google.client_secret.reveal()]
        .map(|text| byte_serialize(text.as_bytes()).collect::<String>());
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let body = oidc::exchange(client, code, verifier);
    let answer = ask(&Request {
        method: "POST",
        url: &provider.token_endpoint,
        headers: &[
            ("accept", "application/json"),
            ("authorization", &basic),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
        body: Some(&body),
        patience_ms: PATIENCE_MS,
        most_bytes: ANSWER_MAX_BYTES,
        tell: "",
    })
    .await?;
    match (answer.status, answer.text) {
        (200, Some(text)) => {
            let tokens = serde_json::from_str::<Tokens>(&text);
            tokens.map(|tokens| tokens.id_token).map_err(|_| failed("no id token"))
        }
        // The code was used before, is too old, or was never given to us.
        (400..=499, text) => Err(oidc::begin_again("Google does not take its code")
            .caused_by(text.unwrap_or_default().chars().take(200).collect::<String>())),
        (status, _) => Err(failed(format!("the token endpoint answered {status}"))),
    }
}

/// Whom a token is about, if the provider signed it for this sign-in.
pub async fn identity(
    google: &Google,
    provider: &Provider,
    token: &str,
    expected: &Expected<'_>,
) -> Result<Identity> {
    let token = Unverified::read(token).map_err(untrue)?;
    let key = key(google, provider, &token.kid, expected.now).await?;
    let key = key.ok_or_else(|| untrue("no key of its name is the provider's"))?;
    let signature = Uint8Array::from(token.signature.as_slice());
    let verified = JsFuture::from(js::verify_rs256(&key, token.signed, &signature)).await;
    let verified =
        verified.map_err(|thrown| untrue("its key is none").caused_by(js::said(&thrown)))?;
    if verified.as_bool() != Some(true) {
        return Err(untrue("its signature is wrong"));
    }
    token.identity(expected).map_err(untrue)
}

/// The provider's key of that name. One that is not there is looked for again, for keys are
/// changed; but not often.
async fn key(
    google: &Google,
    provider: &Provider,
    kid: &str,
    now: Timestamp,
) -> Result<Option<String>> {
    let kept = KEYS.with_borrow(Clone::clone);
    let kept = kept.filter(|kept| kept.said.is_good(google, KEPT_MS, now));
    let mut missed_at = None;
    if let Some(Keys { said, missed_at: before }) = kept {
        let found = oidc::key(&said.value, kid);
        let lately = before.is_some_and(|at| now.since(at) < KEYS_AGAIN_MS);
        if found.is_some() || lately {
            return Ok(found);
        }
        missed_at = Some(now);
    }
    let (issuer, value) = (google.issuer.clone(), Rc::new(get(&provider.jwks_uri).await?));
    let said = Said { issuer, at: now, value: value.clone() };
    KEYS.set(Some(Keys { said, missed_at }));
    Ok(oidc::key(&value, kid))
}

async fn get(url: &str) -> Result<String> {
    let answer = ask(&Request {
        method: "GET",
        url,
        headers: &[("accept", "application/json")],
        body: None,
        patience_ms: PATIENCE_MS,
        most_bytes: ANSWER_MAX_BYTES,
        tell: "",
    })
    .await?;
    match answer {
        Answer { status: 200, text: Some(text), .. } => Ok(text),
        Answer { status, .. } => Err(failed(format!("{url} answered {status}"))),
    }
}

async fn ask(request: &Request<'_>) -> Result<Answer> {
    call(request).await.map_err(|why| {
        let message = "Google could not be reached. Try again shortly.";
        Error::new(Code::Unavailable, message).caused_by(why).retry_after(RETRY_S)
    })
}

fn failed(why: impl std::fmt::Display) -> Error {
    let message = "Google did not answer as it should. Try again shortly.";
    Error::new(Code::UpstreamFailed, message).caused_by(why)
}

fn untrue(why: impl std::fmt::Display) -> Error {
    let message = "What Google says of you could not be verified, so nobody was signed in. Begin \
                   again.";
    Error::new(Code::PermissionDenied, message).caused_by(why)
}
