//! Money on hold for a turn of a codex that pays for its models by itself.

use schema::{AccountId, Code, Error, Result};

use super::accounts::unexpected;
use crate::{
    cx::{self, Cx},
    domain::{
        access::Holder,
        account::{Command, Outcome},
        codex,
        hub::command::Pays,
        own_usage::Terms,
    },
    objects::stub,
    store::settings,
};

/// A turn that wants to begin.
pub struct Begins {
    pub thread: Option<String>,
    pub model: Option<String>,
    pub bytes: usize,
}

/// Takes what a turn of so many bytes may cost, with this model or the usual one. From here on the
/// runner's object sees to it that it is settled; should it never hear of it, the hold runs out.
pub async fn take(cx: &Cx, account: AccountId, begins: Begins) -> Result<Pays> {
    let Begins { thread, model, bytes } = begins;
    let model = model.unwrap_or_else(|| codex::MODEL.to_owned());
    let settings = settings::current(&cx.env, &cx.config).await?;
    let price = settings.prices.get(&model).cloned().ok_or_else(|| {
        let message =
            format!("The model `{model}` has no price yet, so nothing is sent to it. Use another.");
        Error::new(Code::ModelNotPriced, message)
    })?;
    let quote = price.quote_turn(u64::try_from(bytes).unwrap_or(u64::MAX));
    let call = cx::new_id(cx.now)?;
    let fair_use = Some(settings.unlimited.limits);
    let hold = Command::HoldTurn { call, quote, thread, fair_use };
    let most = match stub::ask(&cx.env, account, hold).await? {
        Outcome::Granted { most } => Some(most),
        Outcome::Done => None,
        other => return Err(unexpected(&other)),
    };
    let its_own = cx.caller.as_ref().filter(|caller| caller.account == account);
    let holder = its_own.map_or(Holder::Static, |caller| caller.holder).text();
    Ok(Pays { call, terms: Terms { model, price, holder }, most })
}
