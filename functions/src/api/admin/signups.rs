//! `/admin/api/pending-signups`, `/admin/api/registrations` and `/admin/api/signup-settings`.

use schema::{
    AccountId, Result, Timestamp,
    admin::{Signup, SignupSettings},
    page::{Page, PageQuery},
};
use serde::Deserialize;

use crate::{
    api::{paging, system::Nothing},
    cx::Cx,
    domain::person::Standing,
    http::Json,
    services::people::signups,
};

/// Names a sign-up.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ApplicationPath {
    /// The sign-up, by the account that it made.
    pub application_id: AccountId,
}

pub async fn pending(cx: Cx, at: PageQuery) -> Result<Json<Page<Signup>>> {
    list(&cx, Some(Standing::Pending), &at).await
}

pub async fn all(cx: Cx, at: PageQuery) -> Result<Json<Page<Signup>>> {
    list(&cx, None, &at).await
}

pub async fn approve(cx: Cx, at: ApplicationPath) -> Result<Json<Signup>> {
    Ok(Json(view(signups::judge(&cx, at.application_id, true).await?)))
}

pub async fn reject(cx: Cx, at: ApplicationPath) -> Result<Json<Signup>> {
    Ok(Json(view(signups::judge(&cx, at.application_id, false).await?)))
}

pub async fn settings(cx: Cx, _: Nothing) -> Result<Json<SignupSettings>> {
    Ok(Json(SignupSettings { approval_required: signups::need_approval(&cx).await? }))
}

pub async fn set(cx: Cx, _: Nothing, body: SignupSettings) -> Result<Json<SignupSettings>> {
    signups::set_need_approval(&cx, body.approval_required).await?;
    Ok(Json(body))
}

async fn list(cx: &Cx, standing: Option<Standing>, at: &PageQuery) -> Result<Json<Page<Signup>>> {
    let after: Option<AccountId> = paging::after(at)?;
    let rows = signups::list(cx, standing, after, at.size()).await?;
    let rows = rows.into_iter().map(view).collect();
    Ok(Json(Page::of(rows, at.size(), |signup: &Signup| signup.application_id.to_string())))
}

fn view(signup: signups::Signup) -> Signup {
    let time = |at| Timestamp::from_millis(at).to_string();
    Signup {
        application_id: signup.account,
        username: signup.username,
        name: signup.name,
        email: signup.email,
        country: signup.country,
        phone: signup.phone,
        standing: signup.standing,
        created_at: time(signup.created_at),
        judged_at: signup.judged_at.map(time),
    }
}
