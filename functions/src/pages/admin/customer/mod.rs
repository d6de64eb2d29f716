//! One customer: who they are, what their wallet holds, and a tab for each list that belongs to
//! them. Their account's object is asked for what is shown, and for nothing else.

mod tabs;

use askama::Template;
use schema::{AccountId, Result};
use serde::Deserialize;

use self::tabs::{SCOPES, Shown, TABS, Tab};
use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::{account::Description, auto_top_up::Paused},
    pages::{
        Page,
        shown::{Usd, When},
    },
    services::accounts,
};

/// Which customer, and what of them.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Asked {
    /// The account.
    user_id: AccountId,
    /// What is looked at: `wallet`, unless told.
    tab: Option<String>,
    /// The last row of the page before.
    after: Option<String>,
}

struct Link {
    path: String,
    label: &'static str,
    is_here: bool,
}

/// Whether a wallet fills itself up, and who stopped it.
struct AutoTopUp {
    state: &'static str,
    is_paused_here: bool,
}

#[derive(Template)]
#[template(path = "admin/customer.html")]
pub struct Customer {
    frame: Frame,
    desk: Desk,
    id: AccountId,
    about: Description,
    since: When,
    verified: Option<When>,
    balance: Usd,
    held: Usd,
    available: Usd,
    auto_top_up: AutoTopUp,
    tabs: Vec<Link>,
    shown: Shown,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Customer>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let about = accounts::describe(&cx, at.user_id).await?;
    let tab = Tab::parse(at.tab.as_deref().unwrap_or_default());
    let shown = tabs::shown(&cx, at.user_id, tab, at.after.as_deref()).await?;
    let machine = &about.auto_top_up.machine;
    let auto_top_up = AutoTopUp {
        state: machine.state(cx.now).as_str(),
        is_paused_here: machine.paused() == Some(Paused::Operator),
    };
    let link = |it: Tab| Link { path: it.path(at.user_id), label: it.label(), is_here: it == tab };
    Ok(PageOr::Page(Page(Customer {
        frame,
        desk,
        id: at.user_id,
        since: about.profile.created_at.into(),
        verified: about.person.email_verified_at.map(When::from),
        balance: Usd(about.wallet.balance_micro_usd),
        held: Usd(about.wallet.held_micro_usd),
        available: Usd(about.wallet.available_micro_usd),
        auto_top_up,
        tabs: TABS.map(link).into_iter().collect(),
        shown,
        about,
    })))
}
