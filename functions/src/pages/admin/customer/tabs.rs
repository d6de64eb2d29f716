//! What a customer's page shows below their wallet: one list at a time.

use schema::{AccountId, MicroUsd, PaymentId, Result, admin::WalletTransaction, agent};

use crate::{
    cx::Cx,
    domain::{
        access::{Key, Scope},
        fair_use::Meter,
        notice::Record,
        payment::Payment,
        token::KeyType,
    },
    pages::{
        pager::{self, Pager, ROWS},
        shown::{Count, Usd, When, WhenText},
    },
    services::{keys, notices, payments, subscriptions, wallets},
};

/// A list that belongs to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Wallet,
    Usage,
    Payments,
    Keys,
    Plan,
    Notices,
}

/// All of them, in their order.
pub const TABS: [Tab; 6] =
    [Tab::Wallet, Tab::Usage, Tab::Payments, Tab::Keys, Tab::Plan, Tab::Notices];

impl Tab {
    /// The tab of that name; the first where there is none.
    pub fn parse(name: &str) -> Self {
        TABS.into_iter().find(|tab| tab.name() == name).unwrap_or(Self::Wallet)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Usage => "usage",
            Self::Payments => "payments",
            Self::Keys => "keys",
            Self::Plan => "plan",
            Self::Notices => "notices",
        }
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Wallet => "Wallet",
            Self::Usage => "Usage",
            Self::Payments => "Payments",
            Self::Keys => "Keys",
            Self::Plan => "Plan",
            Self::Notices => "Messages",
        }
    }

    /// Where it is.
    pub fn path(self, account: AccountId) -> String {
        format!("/admin/customers/{account}?tab={}", self.name())
    }
}

pub struct LedgerRow {
    pub at: WhenText,
    pub kind: String,
    pub amount: Usd,
    pub held: Usd,
    pub balance: Usd,
    pub source: String,
    pub note: String,
}

pub struct UsageRow {
    pub at: WhenText,
    pub model: String,
    pub input: Count,
    pub cached: Count,
    pub output: Count,
    pub charged: Usd,
    pub purse: String,
    pub balance: Usd,
}

pub struct DayRow {
    pub day: String,
    pub requests: Count,
    pub charged: Usd,
}

pub struct PaymentRow {
    pub at: When,
    pub what: &'static str,
    pub price: String,
    pub credit: Usd,
    pub state: &'static str,
    pub refunded: Option<String>,
    pub intent: Option<String>,
    pub problem: Option<String>,
}

pub struct KeyRow {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub last4: String,
    pub scopes: String,
    /// What it may do now, to be chosen from.
    pub can: Vec<Choice>,
    pub cidrs: String,
    pub created: When,
    pub revoked: Option<When>,
    pub retrievable: bool,
}

pub struct WindowRow {
    pub label: String,
    pub percent: i64,
    pub used: Usd,
    pub limit: Usd,
    pub resets: When,
}

pub struct NoticeRow {
    pub at: When,
    pub template: String,
    pub channel: &'static str,
    pub recipient: String,
    pub state: &'static str,
    pub answer: String,
}

/// What is looked at.
pub enum Shown {
    Wallet { rows: Vec<LedgerRow>, pager: Pager },
    Usage { rows: Vec<UsageRow>, days: Vec<DayRow>, pager: Pager },
    Payments { rows: Vec<PaymentRow>, pager: Pager },
    Keys { rows: Vec<KeyRow> },
    Plan { covers: bool, status: String, until: String, windows: Vec<WindowRow>, own: [String; 2] },
    Notices { rows: Vec<NoticeRow>, pager: Pager },
}

/// Finds what a tab shows.
pub async fn shown(cx: &Cx, account: AccountId, tab: Tab, after: Option<&str>) -> Result<Shown> {
    let path = tab.path(account);
    match tab {
        Tab::Wallet => {
            let rows = wallets::transactions(cx, account, pager::after(after)?, ROWS).await?;
            let (rows, pager) = pager::page(&path, after, rows, |row| row.seq.to_string());
            Ok(Shown::Wallet { rows: rows.into_iter().map(ledger_row).collect(), pager })
        }
        Tab::Usage => usage(cx, account, &path, after).await,
        Tab::Payments => {
            let before: Option<PaymentId> = pager::after(after)?;
            let rows = payments::list(cx, account, before, ROWS).await?;
            let (rows, pager) = pager::page(&path, after, rows, |row| row.id.to_string());
            Ok(Shown::Payments { rows: rows.into_iter().map(payment_row).collect(), pager })
        }
        Tab::Keys => {
            let rows = keys::list(cx, account).await?.into_iter().map(key_row).collect();
            Ok(Shown::Keys { rows })
        }
        Tab::Plan => plan(cx, account).await,
        Tab::Notices => {
            let rows = notices::list(cx, account, pager::after(after)?, ROWS).await?;
            let (rows, pager) = pager::page(&path, after, rows, |row| row.id.to_string());
            Ok(Shown::Notices { rows: rows.into_iter().map(notice_row).collect(), pager })
        }
    }
}

fn ledger_row(row: WalletTransaction) -> LedgerRow {
    LedgerRow {
        at: row.at.as_str().into(),
        kind: row.kind,
        amount: Usd(row.amount_micro_usd),
        held: Usd(row.held_micro_usd),
        balance: Usd(row.balance_after_micro_usd),
        source: row.source.or(row.call).unwrap_or_default(),
        note: row.note,
    }
}

async fn usage(cx: &Cx, account: AccountId, path: &str, after: Option<&str>) -> Result<Shown> {
    let usage = wallets::token_usage(cx, account, pager::after(after)?, ROWS).await?;
    let next = usage.next_cursor.map(|cursor| format!("{path}&after={cursor}"));
    let pager = Pager { first: after.map(|_| path.to_owned()), next };
    let row = |it: agent::UsageTransaction| UsageRow {
        at: it.at.as_str().into(),
        model: it.model,
        input: Count(it.input_tokens),
        cached: Count(it.cached_input_tokens),
        output: Count(it.output_tokens),
        charged: Usd(it.charged_micro_usd),
        purse: it.purse,
        balance: Usd(it.balance_after_micro_usd),
    };
    let day = |it: agent::DailySpend| DayRow {
        day: it.date,
        requests: Count(it.requests),
        charged: Usd(it.charged_micro_usd),
    };
    let days = usage.daily.into_iter().map(day).collect();
    Ok(Shown::Usage { rows: usage.transactions.into_iter().map(row).collect(), days, pager })
}

fn payment_row(it: Payment) -> PaymentRow {
    PaymentRow {
        at: it.created_at.into(),
        what: it.purpose.as_str(),
        price: format!("{} {}", it.price.amount, it.price.currency),
        credit: Usd(it.credit),
        state: it.state.as_str(),
        refunded: (it.refunded > 0).then(|| format!("{} {}", it.refunded, it.price.currency)),
        intent: it.intent,
        problem: it.problem.or(it.failure),
    }
}

/// A scope, and what it lets a key do, for who chooses.
pub type Choice = (&'static str, &'static str);

/// What a customer's key can be made for.
pub const SCOPES: [Choice; 4] = [
    choice(&Scope::Responses),
    choice(&Scope::Models),
    choice(&Scope::Account),
    choice(&Scope::Agent),
];

const fn choice(scope: &Scope) -> Choice {
    let words = match scope {
        Scope::Responses => "call models",
        Scope::Models => "list models",
        Scope::Account => "read the account",
        Scope::Agent => "have codex work on a runner",
        Scope::Admin => "do what operators do",
    };
    (scope.as_str(), words)
}

fn key_row(it: Key) -> KeyRow {
    let scopes: Vec<_> = it.scopes.iter().map(|scope| scope.as_str()).collect();
    let cidrs: Vec<_> = it.cidrs.into_iter().map(String::from).collect();
    KeyRow {
        id: it.id.to_string(),
        name: it.name,
        kind: if it.kind == KeyType::Secret { "secret" } else { "publishable" },
        last4: it.last4,
        scopes: scopes.join(", "),
        can: it.scopes.iter().map(choice).collect(),
        cidrs: cidrs.join(", "),
        created: it.created_at.into(),
        revoked: it.revoked_at.map(When::from),
        retrievable: it.sealed.is_some(),
    }
}

async fn plan(cx: &Cx, account: AccountId) -> Result<Shown> {
    let (_, state) = subscriptions::state(cx, account).await?;
    let window = |it: &Meter| WindowRow {
        label: format!("In any {}", it.span.words()),
        percent: it.basis_points() / 100,
        used: Usd(it.used),
        limit: Usd(it.limit),
        resets: schema::Timestamp::from_millis(it.resets_at.saturating_mul(1_000)).into(),
    };
    let own = |limit: Option<MicroUsd>| limit.map(MicroUsd::dollars_and_cents).unwrap_or_default();
    Ok(Shown::Plan {
        covers: state.covers,
        status: crate::domain::unlimited::status(state.subscription.as_ref()).to_owned(),
        until: state.until.date(),
        windows: state.meters.iter().map(window).collect(),
        own: [own(state.own.five_hours), own(state.own.three_days)],
    })
}

fn notice_row(it: Record) -> NoticeRow {
    NoticeRow {
        at: it.created_at.into(),
        template: it.template,
        channel: it.channel.as_str(),
        recipient: it.recipient.unwrap_or_default(),
        state: it.state.as_str(),
        answer: it.answer.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tab_is_found_by_its_name_and_what_is_none_is_the_wallet() {
        for tab in TABS {
            assert_eq!(Tab::parse(tab.name()), tab);
        }
        assert_eq!(Tab::parse("<script>"), Tab::Wallet);
    }
}
