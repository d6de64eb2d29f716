//! `/admin/auth/login`, `/admin/logout` and `/admin/api/me`: operators in browsers.

use schema::{
    Error, Result,
    admin::{LoginOperator, OperatorMe},
    agent::signin::SignedOut,
};

use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::operator::{By, Operator},
    http::{Json, WithCookies},
    services::operators,
};

/// Signs in with what is a bearer elsewhere; from then on the cookie does.
pub async fn login(
    cx: Cx,
    _: Nothing,
    body: LoginOperator,
) -> Result<WithCookies<Json<OperatorMe>>> {
    let name = body.username.as_deref();
    let (operator, cookie) = operators::login(&cx, name, &body.password).await?;
    Ok(WithCookies(Json(view(operator)), vec![cookie]))
}

/// Ends the session that the cookie holds; without one it only sees to it that none is left.
pub async fn logout(cx: Cx, _: Nothing, _: Nothing) -> Result<WithCookies<Json<SignedOut>>> {
    let cookie = operators::logout(&cx).await?;
    Ok(WithCookies(Json(SignedOut { signed_out: true }), vec![cookie]))
}

pub async fn me(cx: Cx, _: Nothing) -> Result<Json<OperatorMe>> {
    let nobody = || Error::internal("an operator's route without an operator");
    Ok(Json(view(cx.operator.ok_or_else(nobody)?)))
}

fn view(operator: Operator) -> OperatorMe {
    let actor = operator.actor();
    let (by, user_id, key_id) = match operator.by {
        By::Token(_) => ("token", None, None),
        By::Key { account, key } => ("key", Some(account), Some(key)),
    };
    let until = operator.until.map(|until| until.to_string());
    OperatorMe { by, actor, username: operator.name, user_id, key_id, session_ends_at: until }
}
