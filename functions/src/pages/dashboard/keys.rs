//! Keys: made with no more than they need, told apart, and revoked.

use askama::Template;
use schema::{KeyId, Result};

use super::{
    super::{Frame, Nothing, PageOr, shown::When},
    seen,
};
use crate::{
    cx::Cx,
    domain::{
        access::{self, Scope},
        token::KeyType,
    },
    services::keys,
};

/// What scopes let a key do, for who chooses.
const SCOPES: [(&str, &str); 4] = [
    (Scope::Responses.as_str(), "Ask models, for money"),
    (Scope::Models.as_str(), "List models"),
    (Scope::Account.as_str(), "Read and change this account, its keys and its wallet"),
    (Scope::Agent.as_str(), "Have codex work in projects"),
];

struct Row {
    id: KeyId,
    name: String,
    last4: String,
    kind: &'static str,
    scopes: String,
    cidrs: String,
    created: When,
    revoked: Option<When>,
}

#[derive(Template)]
#[template(path = "dashboard/keys.html")]
pub struct Keys {
    frame: Frame,
    scopes: [(&'static str, &'static str); 4],
    live: Vec<Row>,
    revoked: Vec<Row>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Keys>> {
    seen(cx, async |cx, _| {
        let rows = keys::owned(cx).await?.into_iter().rev().map(row);
        let (live, revoked) = rows.partition(|row| row.revoked.is_none());
        Ok(Keys { frame: Frame::of(cx), scopes: SCOPES, live, revoked })
    })
    .await
}

fn row(key: access::Key) -> Row {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let cidrs: Vec<_> = key.cidrs.into_iter().map(String::from).collect();
    Row {
        id: key.id,
        name: key.name,
        last4: key.last4,
        kind: match key.kind {
            KeyType::Secret => "secret",
            KeyType::Publishable => "publishable",
        },
        scopes: scopes.join(", "),
        cidrs: if cidrs.is_empty() { "anywhere".to_owned() } else { cidrs.join(", ") },
        created: key.created_at.into(),
        revoked: key.revoked_at.map(When::from),
    }
}
