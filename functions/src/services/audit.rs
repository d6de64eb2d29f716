//! What operators did, for whoever asks later.

use schema::Result;

use crate::{cx::Cx, store::audit};

/// Notes an act of the operator who asks.
pub async fn note(cx: &Cx, act: &str, detail: &str) -> Result<()> {
    let actor = cx.caller.as_ref().map(|caller| caller.holder.text());
    let actor = actor.unwrap_or_else(|| "operator".to_owned());
    audit::note(&cx.env, cx.now, &actor, act, detail).await
}
