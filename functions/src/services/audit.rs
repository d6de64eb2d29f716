//! What operators did, for whoever asks later.

use schema::{AccountId, Result};

use crate::{cx::Cx, domain::operator::Operator, store::audit};

/// Notes an act of the operator who asks.
pub async fn note(cx: &Cx, act: &str, detail: &str) -> Result<()> {
    let caller = || cx.caller.as_ref().map(|caller| caller.holder.text());
    let actor = cx.operator.as_ref().map(Operator::actor).or_else(caller);
    let actor = actor.unwrap_or_else(|| "operator".to_owned());
    audit::note(&cx.env, cx.now, &actor, act, detail).await
}

/// Notes what an account's owner did, unless it was an operator: whoever asks.
pub async fn note_of(cx: &Cx, account: AccountId, act: &str, detail: &str) -> Result<()> {
    if cx.operator.is_some() || cx.caller.is_some() {
        return note(cx, act, detail).await;
    }
    audit::note(&cx.env, cx.now, &account.to_string(), act, detail).await
}
