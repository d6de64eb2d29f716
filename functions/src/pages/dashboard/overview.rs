//! The overview: the money, how to begin, the command to paste, and what waits.

use askama::Template;
use schema::{AccountId, MicroUsd, Result};

use super::{
    super::{Frame, Nothing, PageOr, shown::Usd},
    cents,
    offers::{self, Choice, Exit, Share, Unlimited},
    projects::{self as listed, Row},
    seen,
    usage::Charge,
};
use crate::{
    cx::Cx,
    services::{accounts, people, projects, setup, wallets},
};

/// Charges that the page shows.
const CHARGES: u32 = 5;
/// Projects that the page shows.
const PROJECTS: u32 = 5;

/// Commands for one kind of system.
struct System {
    name: &'static str,
    id: &'static str,
    commands: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "dashboard/overview.html")]
pub struct Overview {
    frame: Frame,
    name: Option<String>,
    balance: Usd,
    held: Usd,
    available: Usd,
    /// Whether nothing was ever asked.
    new: bool,
    /// Whether a call would be paid for.
    covered: bool,
    packs: Vec<Choice>,
    unlimited: Option<Unlimited>,
    share: Option<Share>,
    exit: Option<Exit>,
    systems: Vec<System>,
    projects: Vec<Row>,
    charges: Vec<Charge>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Overview>> {
    seen(cx, overview).await
}

async fn overview(cx: &Cx, account: AccountId) -> Result<Overview> {
    let description = accounts::describe(cx, account).await?;
    let usage = wallets::token_usage(cx, account, None, CHARGES).await?;
    let key = people::wallet_key(cx, account, "shown on the customer's own page").await?;
    let offers = offers::of(cx, account).await?;
    let wallet = description.wallet;
    let covers = offers.unlimited.as_ref().is_some_and(|plan| plan.covers);
    Ok(Overview {
        frame: Frame::of(cx),
        name: description.person.name,
        balance: cents(wallet.balance_micro_usd),
        held: Usd(wallet.held_micro_usd),
        available: cents(wallet.available_micro_usd),
        new: usage.transactions.is_empty(),
        covered: covers || wallet.available_micro_usd > MicroUsd::ZERO,
        packs: offers.packs,
        unlimited: offers.unlimited,
        share: offers.share,
        exit: offers.exit,
        systems: systems(cx, &key)?,
        projects: projects(cx).await?,
        charges: usage.transactions.into_iter().map(Charge::of).collect(),
    })
}

/// The newest projects with what waits in them.
async fn projects(cx: &Cx) -> Result<Vec<Row>> {
    let mut newest = projects::list(cx, None, None, PROJECTS).await?;
    newest.truncate(usize::try_from(PROJECTS).unwrap_or(usize::MAX));
    listed::rows(cx, newest).await
}

/// The commands with the customer's key in them, those of the visitor's own system first.
fn systems(cx: &Cx, key: &str) -> Result<Vec<System>> {
    let cli = setup::with_key(cx, key)?;
    let mut systems = vec![
        System {
            name: "Linux, macOS and WSL",
            id: "posix",
            commands: vec![
                ("Install", cli.official_install_command),
                ("Start", cli.logged_in_override_command),
                ("Ask once", cli.logged_in_override_exec_smoke_test_command),
                ("Go on with the last conversation", cli.resume_last_command),
            ],
        },
        System {
            name: "Windows PowerShell",
            id: "powershell",
            commands: vec![
                ("Install, with Node.js and Git", cli.windows_full_install_command),
                ("Set up, once", cli.windows_setup_command),
                ("Start", cli.windows_start_command),
                ("Ask once", cli.windows_exec_smoke_test_command),
                ("Go on with the last conversation", cli.windows_resume_last_command),
            ],
        },
    ];
    if cx.header("user-agent").contains("Windows") {
        systems.reverse();
    }
    Ok(systems)
}
