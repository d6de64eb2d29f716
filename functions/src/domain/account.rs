//! An account as its object keeps it, and what may be asked of it.

use std::net::IpAddr;

use schema::{
    AccountId, CallId, KeyId, MicroUsd, Timestamp,
    admin::WalletTransaction,
    agent::{TokenUsage, Wallet},
};
use serde::{Deserialize, Serialize};

use super::{
    access::{Cidr, Credential, Key, Scope},
    admission::Pass,
    auto_top_up, cap, customer,
    delegation::Narrow,
    fair_use::Limits,
    limit::Rate,
    notice,
    own_usage::Ended,
    payment,
    person::{self, Card, Person},
    plan::{self, Plan},
    price::Quote,
    project::meter::Meter,
    reconciliation, session,
    token::{Hash, KeyType},
    unlimited,
};

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub id: AccountId,
    /// Also a bearer (seed 000), and therefore unguessable.
    pub username: String,
    pub plan: Plan,
    pub active: bool,
    pub note: String,
    pub created_at: Timestamp,
}

impl Profile {
    /// The account behind the deployment's static API tokens.
    pub fn of_operator(id: AccountId, now: Timestamp) -> Self {
        let (per_hour, at_once) = (plan::ENTERPRISE_PER_HOUR, plan::ENTERPRISE_AT_ONCE);
        Self {
            id,
            username: "operator".to_owned(),
            plan: Plan::Enterprise { per_hour, at_once },
            active: true,
            note: "static API tokens".to_owned(),
            created_at: now,
        }
    }
}

/// A request for admission: who says they are asking, from where, and to do what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knock {
    pub credential: Credential,
    pub address: Option<IpAddr>,
    pub scope: Scope,
    /// What the request counts for in the rolling hour.
    pub weight: u32,
}

/// One message to an account's object. Old and new code meet at a deploy, so fields are only ever
/// added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Whom to let in first; an operator's acts need no admission here.
    pub knock: Option<Knock>,
    pub command: Command,
}

/// What an account's object can be told to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Only to be let in.
    Admit,
    /// Makes the account; again with the same profile changes nothing.
    Open {
        profile: Profile,
    },
    Describe,
    SetActive {
        active: bool,
    },
    AddKey {
        key: NewKey,
    },
    RevokeKey {
        id: KeyId,
    },
    /// Leaves a key with no more than is named.
    RestrictKey {
        id: KeyId,
        narrow: Narrow,
    },
    ListKeys,
    /// What concerns being signed in.
    Session(session::Command),
    /// Books money in (or out, if negative), once for each `source`.
    Credit {
        source: String,
        amount: MicroUsd,
        note: String,
    },
    /// Books what is missing to the balance, once for each `source`.
    SetBalance {
        source: String,
        balance: MicroUsd,
        note: String,
    },
    /// Reserves money for a turn of a codex that pays by itself.
    HoldTurn {
        call: CallId,
        quote: Quote,
        /// The thread that has the turn, by which its project's cap is known.
        #[serde(default)]
        thread: Option<String>,
        /// Fair use of the Unlimited plan, for everybody.
        #[serde(default)]
        fair_use: Option<Limits>,
    },
    /// Charges such a turn, once for each turn, whether or not its money is still reserved.
    PostTurn {
        call: CallId,
        ended: Box<Ended>,
    },
    /// Such a turn did not begin, or cost nothing.
    VoidTurn {
        call: CallId,
    },
    /// Rows of the ledger before a position, newest first.
    Transactions {
        before: Option<i64>,
        limit: u32,
    },
    /// Charges before a position, newest first, and daily sums.
    TokenUsage {
        before: Option<i64>,
        limit: u32,
    },
    /// See [`payment::Command`].
    Payment(payment::Command),
    /// See [`person::Command`].
    Person(person::Command),
    /// See [`notice::Command`].
    Notice(notice::Command),
    /// See [`customer::Command`].
    Customer(customer::Command),
    /// See [`unlimited::Command`].
    Unlimited(unlimited::Command),
    /// See [`reconciliation::Command`].
    Reconciliation(reconciliation::Command),
    /// See [`auto_top_up::Command`].
    AutoTopUp(auto_top_up::Command),
    /// See [`cap::Command`].
    Cap(cap::Command),
}

/// A key to add: its hash, never its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    pub id: KeyId,
    pub hash: Hash,
    pub name: String,
    pub kind: KeyType,
    pub last4: String,
    pub scopes: Vec<Scope>,
    pub cidrs: Vec<Cidr>,
    /// See [`Key::sealed`].
    #[serde(default)]
    pub sealed: Option<String>,
}

/// What an account's object answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Who was let in, if anybody knocked.
    pub pass: Option<Pass>,
    /// Where a known credential stands that was not let in.
    pub rate: Option<Rate>,
    pub outcome: Outcome,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Description(Box<Description>),
    Key(Key),
    Keys(Vec<Key>),
    /// The epoch that an account's sessions carry now.
    Epoch(u32),
    Receipt {
        wallet: Wallet,
        replayed: bool,
    },
    Transactions(Vec<WalletTransaction>),
    TokenUsage(Box<TokenUsage>),
    Payment(payment::Outcome),
    Person(Box<Card>),
    Notice(notice::Outcome),
    Customer(Option<customer::Customer>),
    Unlimited(unlimited::Outcome),
    Reconciliation(reconciliation::Outcome),
    AutoTopUp(Box<auto_top_up::View>),
    Meter(Option<Box<Meter>>),
    /// Money is on hold for a turn of a project that has a cap: it may cost so much in all.
    Granted {
        most: MicroUsd,
    },
    Refused(schema::Error),
}

/// An account with its wallet and what runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    pub profile: Profile,
    pub wallet: Wallet,
    pub running: u32,
    #[serde(default)]
    pub auto_top_up: auto_top_up::View,
    #[serde(default)]
    pub person: Person,
}
