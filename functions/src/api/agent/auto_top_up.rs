//! `/api/v1/wallet/auto-topup`.

use schema::{
    Error, MicroUsd, Result, Timestamp,
    agent::{AutoTopUp, AutoTopUpState, SetAutoTopUp},
};
use serde::Deserialize;

use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::{
        auto_top_up::{State, Terms, View, Wish},
        threshold::LEVELS_MAX,
    },
    http::{Json, Redirect},
    services::auto_top_up,
};

/// A signed link.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Link {
    /// What is signed.
    pub token: String,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<Json<AutoTopUp>> {
    let view = auto_top_up::read(&cx, cx.account()?).await?;
    for_customer(&cx, &view).map(Json)
}

/// Turns it on or off. Where there is no card, the answer says where one is left.
pub async fn set(cx: Cx, _: Nothing, body: SetAutoTopUp) -> Result<Json<AutoTopUp>> {
    let (terms, levels) = (terms(&cx, &body)?, levels(&body)?);
    let account = cx.account()?;
    if terms.is_some() {
        cx.config.payments()?;
    }
    let view = auto_top_up::set(&cx, account, terms, levels).await?;
    let mut shown = for_customer(&cx, &view)?;
    if shown.enabled && !shown.has_card {
        shown.card_url = Some(auto_top_up::card_page(&cx, account).await?);
    }
    Ok(Json(shown))
}

/// Leads to the page on which the customer pays what their bank wants them to approve.
pub async fn approve(cx: Cx, at: Link) -> Result<Redirect> {
    auto_top_up::approve(&cx, &at.token).await.map(Redirect)
}

fn terms(cx: &Cx, body: &SetAutoTopUp) -> Result<Option<Terms>> {
    if !body.enabled {
        return Ok(None);
    }
    let wish = Wish {
        threshold: needed("thresholdUsd", body.threshold_usd.as_deref())?,
        target: needed("targetUsd", body.target_usd.as_deref())?,
        monthly_cap: needed("monthlyCapUsd", body.monthly_cap_usd.as_deref())?,
    };
    wish.terms(cx.config.auto_top_up_unit).map(Some)
}

fn needed(field: &str, text: Option<&str>) -> Result<MicroUsd> {
    let text = text.ok_or_else(|| Error::field(field, "needed to turn it on"))?;
    dollars(field, text)
}

fn dollars(field: &str, text: &str) -> Result<MicroUsd> {
    let wrong = || Error::field(field, "dollars with at most six decimals, such as \"5.00\"");
    text.parse().map_err(|_| wrong())
}

fn levels(body: &SetAutoTopUp) -> Result<Option<Vec<MicroUsd>>> {
    const FIELD: &str = "lowBalanceUsd";
    let Some(texts) = &body.low_balance_usd else { return Ok(None) };
    if texts.len() > LEVELS_MAX {
        return Err(Error::field(FIELD, format!("{LEVELS_MAX} at most")));
    }
    let levels = texts.iter().map(|text| dollars(FIELD, text)).collect::<Result<Vec<_>>>()?;
    if levels.iter().any(|level| *level <= MicroUsd::ZERO) {
        return Err(Error::field(FIELD, "above zero"));
    }
    Ok(Some(levels))
}

/// With the link that is for the customer alone.
fn for_customer(cx: &Cx, view: &View) -> Result<AutoTopUp> {
    let approve_url = auto_top_up::approve_url(cx, cx.account()?, view)?;
    Ok(AutoTopUp { approve_url, ..shown(cx, view) })
}

/// An auto top-up as anybody may read it who reads the wallet.
pub fn shown(cx: &Cx, view: &View) -> AutoTopUp {
    let machine = &view.machine;
    let terms = machine.terms();
    let unit = terms.map_or(cx.config.auto_top_up_unit, |terms| terms.unit);
    let dollars = |amount: MicroUsd| amount.to_string();
    let waits_until = machine.next_at(cx.now).filter(|_| machine.flight().is_none());
    AutoTopUp {
        enabled: terms.is_some(),
        state: state(view, cx.now),
        threshold_usd: terms.map(|terms| dollars(terms.threshold)),
        target_usd: terms.map(|terms| dollars(terms.target)),
        monthly_cap_usd: terms.map(|terms| dollars(terms.monthly_cap)),
        spent_this_month_usd: dollars(machine.spent(cx.now)),
        unit_price_usd: dollars(unit.price),
        unit_credit_usd: dollars(unit.credit),
        has_card: view.has_card,
        card_url: None,
        approve_url: None,
        last_failure: machine.last_failure().map(str::to_owned),
        waits_until: waits_until.map(|at| at.to_string()),
        low_balance_usd: view.levels.iter().copied().map(dollars).collect(),
    }
}

/// In one word, where a wallet's auto top-up stands.
pub fn state(view: &View, now: Timestamp) -> AutoTopUpState {
    match view.machine.state(now) {
        State::Off => AutoTopUpState::Off,
        State::Idle if !view.has_card => AutoTopUpState::NeedsCard,
        State::Idle => AutoTopUpState::Idle,
        State::Charging => AutoTopUpState::Charging,
        State::NeedsAction => AutoTopUpState::NeedsAction,
        State::Waiting => AutoTopUpState::Waiting,
        State::Capped => AutoTopUpState::Capped,
        State::Paused => AutoTopUpState::Paused,
    }
}
