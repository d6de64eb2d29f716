//! Signing in with Google: a browser is sent there, and comes back as somebody.

use schema::{AccountId, Code, Error, Result};

use super::{
    people::{
        self, NewPerson,
        attempts::{self, Subject},
    },
    sessions::{self, Signed},
};
use crate::{
    config::Google,
    cx::{self, Cx},
    domain::{
        attempts::Kind,
        cookie,
        link::Claims,
        linking::{self, Known, Way},
        next,
        oidc::{self, Brought, Client, Expected, Identity, PENDING, PENDING_MS, Pending},
        person::fields,
        session::Single,
    },
    remote::google,
};

/// Where a browser goes next, with a whole `Set-Cookie` for its way.
#[derive(Debug)]
pub struct Onward {
    pub location: String,
    pub cookie: String,
}

/// Sends a browser to Google. It comes back to land on `named`, if that is a page of ours.
pub async fn start(cx: &Cx, named: Option<&str>) -> Result<Onward> {
    let google = configured(cx)?;
    let next = next::page(named)?;
    let provider = google::provider(google, cx.now).await?;
    let pending = Pending::new(cx::random()?, next);
    let until = cx.now.plus_millis(PENDING_MS);
    let Signed { id: state, text } = sessions::sign(cx, PENDING, until, &pending)?;
    let redirect_uri = redirect_uri(cx)?;
    let client = client(google, &redirect_uri);
    let location = oidc::authorization_url(&provider, &client, &state, &pending);
    Ok(Onward { location, cookie: cookie::set(cookie::GOOGLE, &text, PENDING_MS) })
}

/// Takes a browser that comes back: verifies who it is, finds or makes their account, and signs
/// them in to it.
pub async fn finish(cx: &Cx, brought: &Brought<'_>) -> Result<Onward> {
    let google = configured(cx)?;
    attempts::allow(cx, Kind::SignIn, Subject::Address).await?;
    let signed = cx.cookie(cookie::GOOGLE).unwrap_or_default();
    let claims: Option<Claims<Pending>> = cx.config.signing.verify(PENDING, &signed, cx.now);
    let claims = claims.ok_or_else(|| {
        oidc::begin_again("it was not begun in this browser, or more than ten minutes ago")
    })?;
    let Claims { id: state, expires_at: until, body: pending, .. } = claims;
    let provider = google::provider(google, cx.now).await?;
    let code = oidc::code(brought, &state, &provider)?;
    let redirect_uri = redirect_uri(cx)?;
    let client = client(google, &redirect_uri);
    let by = (code, pending.verifier.as_str());
    let token = google::exchange(google, &provider, &client, by).await?;
    let expected = Expected {
        issuer: &provider.issuer,
        client_id: client.id,
        nonce: &pending.nonce,
        hosted_domain: client.hosted_domain,
        now: cx.now,
    };
    let identity = google::identity(google, &provider, &token, &expected).await?;
    let account = account(cx, identity).await?;
    let once = Single { id: format!("{PENDING}:{state}"), epoch: None, until };
    sessions::spend(cx, account, once).await?;
    let cookie = sessions::begin(cx, account).await?;
    attempts::passed(cx, Kind::SignIn, Subject::Address).await?;
    Ok(Onward { location: pending.next, cookie })
}

/// The account of whom Google vouches for, made if they have none.
async fn account(cx: &Cx, identity: Identity) -> Result<AccountId> {
    let known = known(cx, &identity).await?;
    match linking::way(&identity, known)? {
        Way::SignIn(account) => Ok(account),
        Way::Link(account, email) => {
            people::link_google(cx, account, &identity.subject, &email).await?;
            Ok(account)
        }
        Way::Register(email) => register(cx, identity, email).await,
    }
}

async fn known(cx: &Cx, identity: &Identity) -> Result<Known> {
    let by_subject = people::by_google(cx, &identity.subject).await?;
    if by_subject.is_some() {
        return Ok(Known { by_subject, by_address: None });
    }
    let Some(email) = &identity.verified_email else { return Ok(Known::default()) };
    let Some(account) = people::by_verified_email(cx, email).await? else {
        return Ok(Known::default());
    };
    let google = people::of(cx, account).await?.google;
    Ok(Known { by_subject, by_address: Some((account, google)) })
}

/// Country and phone are asked for afterwards. Who comes back twice at once gets one account: the
/// other has made it.
async fn register(cx: &Cx, identity: Identity, email: String) -> Result<AccountId> {
    let Identity { subject, name, .. } = identity;
    // What they are called there is a courtesy: one that we would not take from them is left out.
    let name = name.filter(|name| fields::name(name).is_ok());
    let new = NewPerson {
        name,
        email: Some(email),
        email_verified: true,
        google: Some(subject.clone()),
        ..NewPerson::default()
    };
    match people::register(cx, new).await {
        Ok(registered) => Ok(registered.account),
        Err(error) if error.code == Code::Conflict => {
            people::by_google(cx, &subject).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

fn configured(cx: &Cx) -> Result<&Google> {
    cx.config.google.as_ref().ok_or_else(|| {
        let message = "Signing in with Google is not set up here. Sign in with your password.";
        Error::new(Code::ResourceNotFound, message)
    })
}

fn redirect_uri(cx: &Cx) -> Result<String> {
    Ok(format!("{}/api/v1/auth/google/callback", cx.origin()?))
}

fn client<'a>(google: &'a Google, redirect_uri: &'a str) -> Client<'a> {
    let hosted_domain = google.hosted_domain.as_deref();
    Client { id: &google.client_id, redirect_uri, hosted_domain }
}
