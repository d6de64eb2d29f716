//! Keys: made with no more than they need, told apart, left with less, and revoked.

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

/// A scope, and what it lets a key do, for who chooses.
type Choice = (&'static str, &'static str);

const fn choice(scope: &Scope) -> Choice {
    let words = match scope {
        Scope::Responses => "Ask models, for money",
        Scope::Models => "List models",
        Scope::Account => "Read and change this account, its keys and its wallet",
        Scope::Agent => "Have codex work in projects",
        Scope::Admin => "Do what operators do",
    };
    (scope.as_str(), words)
}

struct Row {
    id: KeyId,
    name: String,
    last4: String,
    kind: &'static str,
    scopes: String,
    /// What it may do now, to be chosen from.
    can: Vec<Choice>,
    /// None where it is good from anywhere.
    cidrs: String,
    created: When,
    revoked: Option<When>,
}

#[derive(Template)]
#[template(path = "dashboard/keys.html")]
pub struct Keys {
    frame: Frame,
    scopes: [Choice; 4],
    live: Vec<Row>,
    revoked: Vec<Row>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Keys>> {
    seen(cx, async |cx, _| {
        let rows = keys::owned(cx).await?.into_iter().rev().map(row);
        let (live, revoked) = rows.partition(|row| row.revoked.is_none());
        Ok(Keys {
            frame: Frame::of(cx),
            scopes: Scope::CUSTOMER.map(|scope| choice(&scope)),
            live,
            revoked,
        })
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
        can: key.scopes.iter().map(choice).collect(),
        cidrs: cidrs.join(", "),
        created: key.created_at.into(),
        revoked: key.revoked_at.map(When::from),
    }
}
