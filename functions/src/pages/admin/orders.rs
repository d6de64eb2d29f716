//! Orders of a marketplace: one form makes the account, and what its buyer is sent stands beside
//! it, each text with its own button to copy it.

use askama::Template;
use schema::{AccountId, Result};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::order::{Order, Part},
    pages::{
        Page,
        pager::{self, Pager, ROWS},
        shown::{Usd, When},
    },
    services::orders,
};

/// Which orders.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// The last one of the page before.
    after: Option<String>,
}

struct Row {
    number: String,
    account: AccountId,
    username: String,
    credit: Usd,
    note: String,
    at: When,
    completed: bool,
}

/// A text that a buyer is sent: its name, where it is in the answer, and whether it is long.
struct Text {
    label: &'static str,
    member: &'static str,
}

const TEXTS: [Text; 15] = [
    text("All of it, for Linux, macOS and WSL", "posix_text"),
    text("All of it, for Windows", "powershell_text"),
    text("Dashboard", "dashboard_url"),
    text("Username", "order.username"),
    text("Password", "password"),
    text("Key", "api_key"),
    text("Install", "posix.install"),
    text("Set up, on Linux, macOS and WSL", "posix.setup"),
    text("Start, on Linux, macOS and WSL", "posix.start"),
    text("Go on, on Linux, macOS and WSL", "posix.resume"),
    text("Ask once, on Linux, macOS and WSL", "posix.smoke_test"),
    text("Set up, in PowerShell", "powershell.setup"),
    text("Start, in PowerShell", "powershell.start"),
    text("Go on, in PowerShell", "powershell.resume"),
    text("Ask once, in PowerShell", "powershell.smoke_test"),
];

const fn text(label: &'static str, member: &'static str) -> Text {
    Text { label, member }
}

/// A text with blanks that the form fills.
struct Preview {
    label: &'static str,
    parts: Vec<Part>,
}

#[derive(Template)]
#[template(path = "admin/orders.html")]
pub struct Orders {
    frame: Frame,
    desk: Desk,
    texts: &'static [Text],
    /// The first two of them, while an order is typed.
    previews: Vec<Preview>,
    rows: Vec<Row>,
    pager: Pager,
}

impl Orders {
    /// What a blank says before its field is filled in.
    fn untold(&self, field: &str) -> String {
        if field == "name" { format!("{}-…", orders::NAME) } else { "…".to_owned() }
    }
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Orders>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let after: Option<AccountId> = pager::after(at.after.as_deref())?;
    let found = orders::list(&cx, after, ROWS).await?;
    let (found, pager) =
        pager::page("/admin/orders", at.after.as_deref(), found, |it| it.account.to_string());
    let rows = found.into_iter().map(row).collect();
    let named = TEXTS.iter().map(|text| text.label);
    let texts = orders::preview(&cx).into_iter().flatten();
    let previews = named.zip(texts).map(|(label, parts)| Preview { label, parts }).collect();
    Ok(PageOr::Page(Page(Orders { frame, desk, texts: &TEXTS, previews, rows, pager })))
}

fn row(it: Order) -> Row {
    Row {
        number: it.number,
        account: it.account,
        username: it.username,
        credit: Usd(it.credit),
        note: it.note,
        at: it.created_at.into(),
        completed: it.completed_at.is_some(),
    }
}
