//! `/api/v1/customer/register`, `/api/v1/auth/…` with a password, and what a person changes of
//! themselves under `/api/v1/me`.

use schema::{
    AccountId, Error, Result,
    admin::Done,
    agent::{
        ChangePassword, EmailWanted, Forgot, Heard, KeyText, Login, PersonView, Register,
        ResetPassword, SetEmail, SignedIn, TellPerson, VerifyEmail,
    },
};

use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::{
        access::Holder,
        attempts::Kind,
        person::{Person, Told, fields},
    },
    http::{Accepted, Created, Json, WithCookies},
    services::{
        people::{
            self, NewPerson,
            attempts::{self, Subject},
        },
        sessions,
    },
};

/// Makes an account. With an address that has one already, the answer is the same.
pub async fn register(
    cx: Cx,
    _: Nothing,
    body: Register,
) -> Result<WithCookies<Created<SignedIn>>> {
    attempts::allow(&cx, Kind::Register, Subject::Address).await?;
    let with_cookie = with_cookie(body.session.as_deref())?;
    let new = NewPerson {
        label: body.username,
        name: body.name,
        email: Some(body.email),
        password: Some(body.password),
        country: Some(body.country),
        phone: Some(body.phone),
        ..NewPerson::default()
    };
    let made = people::register(&cx, new).await?;
    let cookies = cookies(&cx, made.account, with_cookie && !made.pending).await?;
    let people::Registered { account, username, key_id, key, pending } = made;
    let api_key = KeyText { id: key_id, token: key };
    Ok(WithCookies(Created(SignedIn { id: account, username, api_key, pending }), cookies))
}

pub async fn login(cx: Cx, _: Nothing, body: Login) -> Result<WithCookies<Json<SignedIn>>> {
    let with_cookie = with_cookie(body.session.as_deref())?;
    let signed_in = people::login(&cx, &body.username, &body.password).await?;
    let cookies = cookies(&cx, signed_in.account, with_cookie && !signed_in.pending).await?;
    let people::SignedIn { account, username, key_id, key, pending } = signed_in;
    let api_key = KeyText { id: key_id, token: key };
    Ok(WithCookies(Json(SignedIn { id: account, username, api_key, pending }), cookies))
}

/// Whether a browser is to be signed in too.
fn with_cookie(session: Option<&str>) -> Result<bool> {
    match session {
        None | Some("cookie") => Ok(true),
        Some("none") => Ok(false),
        Some(_) => Err(Error::field("session", "cookie or none")),
    }
}

/// A session's cookie, if one is wanted and this deployment can sign.
async fn cookies(cx: &Cx, account: AccountId, wanted: bool) -> Result<Vec<String>> {
    if !wanted || cx.config.signing.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![sessions::begin(cx, account).await?])
}

/// What a person tells of themselves; what is left out stays.
pub async fn describe(cx: Cx, _: Nothing, body: TellPerson) -> Result<Json<PersonView>> {
    let read = |text: Option<String>, read: fn(&str) -> Result<String>| {
        text.as_deref().map(read).transpose()
    };
    let told = Told {
        name: read(body.name, fields::name)?,
        country: read(body.country, fields::country)?,
        phone: read(body.phone, fields::phone)?,
    };
    Ok(Json(view(people::describe(&cx, cx.account()?, told).await?)))
}

pub async fn set_email(cx: Cx, _: Nothing, body: SetEmail) -> Result<Accepted<EmailWanted>> {
    let password = body.password.as_deref();
    let wanted = people::email::change(&cx, cx.account()?, &body.email, password).await?;
    let people::email::Wanted { email, verified } = wanted;
    Ok(Accepted(EmailWanted { email, verified }))
}

pub async fn verify_email(cx: Cx, _: Nothing, body: VerifyEmail) -> Result<Json<PersonView>> {
    Ok(Json(view(people::email::verify(&cx, &body.token).await?)))
}

/// The answer is the same whether or not there is an account, and takes as long.
pub async fn forgot(cx: Cx, _: Nothing, body: Forgot) -> Result<Accepted<Heard>> {
    people::password::forgot(&cx, &body.email).await?;
    let detail = "If this address has an account, a link to another password is on its way to it.";
    Ok(Accepted(Heard { detail: detail.to_owned() }))
}

pub async fn reset(cx: Cx, _: Nothing, body: ResetPassword) -> Result<Json<Done>> {
    people::password::reset(&cx, &body.token, &body.password).await?;
    Ok(Json(Done { ok: true }))
}

/// Another password ends every session; the browser that chose it goes on with a new one.
pub async fn change_password(
    cx: Cx,
    _: Nothing,
    body: ChangePassword,
) -> Result<WithCookies<Json<Done>>> {
    let account = cx.account()?;
    let ChangePassword { current_password, new_password } = body;
    people::password::change(&cx, account, &current_password, &new_password).await?;
    let by_session = cx.caller.as_ref().is_some_and(|it| it.holder == Holder::Session);
    let cookies = cookies(&cx, account, by_session).await?;
    Ok(WithCookies(Json(Done { ok: true }), cookies))
}

/// A person, as they see themselves.
pub fn view(person: Person) -> PersonView {
    let missing = person.missing().into_iter().map(str::to_owned).collect();
    let email_verified = person.is_verified();
    let Person { name, email, country, phone, .. } = person;
    PersonView { name, email, email_verified, country, phone, missing }
}
