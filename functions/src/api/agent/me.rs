//! `GET /api/v1/me`.

use schema::{
    Error, Result,
    agent::{Limits, Me},
};

use super::auto_top_up;
use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::person::Person,
    http::Json,
    services::{accounts, impersonation, setup},
};

/// The account, its wallet, and where the presented credential stands.
pub async fn read(cx: Cx, _: Nothing) -> Result<Json<Me>> {
    let mut description = accounts::describe(&cx, cx.account()?).await?;
    if cx.publishable {
        // The username opens the wallet, and the person is nobody else's business.
        description.profile.username.clear();
        description.person = Person::default();
    }
    let rate = cx.rate.ok_or_else(|| Error::internal("a caller without a window"))?;
    let person = super::people::view(description.person);
    let profile = description.profile;
    Ok(Json(Me {
        id: profile.id,
        username: profile.username,
        plan: profile.plan.as_str().to_owned(),
        cli: setup::summary(&cx),
        wallet: description.wallet,
        auto_top_up: auto_top_up::state(&description.auto_top_up, cx.now),
        limits: Limits {
            requests_per_hour: rate.limit,
            requests_remaining: rate.remaining(),
            concurrent_requests: profile.plan.at_once(),
            running: description.running,
        },
        person,
        impersonated_by: impersonation::looking_at(&cx).map(|looking| looking.actor),
    }))
}
