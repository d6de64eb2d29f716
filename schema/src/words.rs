//! The words that some texts are limited to, for the OpenAPI document: what it says of a field that
//! is read as text, so that a refusal can name the field.
#![expect(dead_code, reason = "these types describe others; nothing is ever made of them")]

use schemars::JsonSchema;

/// What an account bought.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum PlanName {
    Starter,
    Professional,
    Enterprise,
}

/// What a key may be used for.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum KeyKind {
    Secret,
    Publishable,
}

/// One thing that a key may do.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ScopeName {
    Responses,
    Models,
    Account,
    Agent,
    Admin,
}

/// Which input of a conversation is charged: what is new in it, or all.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum InputBilling {
    NewContext,
    All,
}

/// How the tokens of a charge are known.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Basis {
    Reported,
    Counted,
    Held,
}

/// Who paid for a call.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Purse {
    Wallet,
    Unlimited,
    Both,
}

/// How a subscription stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    None,
    Active,
    Trialing,
    Incomplete,
    IncompleteExpired,
    PastDue,
    Unpaid,
    Paused,
    Canceled,
    Unknown,
}

/// How a browser stays signed in.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SessionKind {
    Cookie,
    None,
}

/// Where a sign-up stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum StandingName {
    Pending,
    Approved,
    Rejected,
}

/// What a row of a ledger is.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum RowKind {
    Credit,
    Correction,
    Hold,
    Extend,
    Post,
    Void,
    Expire,
}

/// Whom a pack is for.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Audience {
    Everyone,
    Private,
    Exit,
}

/// How far a payment has come.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum PaymentState {
    Wished,
    Open,
    Processing,
    Paid,
    Failed,
    Expired,
    PartlyRefunded,
    Refunded,
    Disputed,
    Lost,
}

/// The readable part of a username.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub struct Name(#[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,40}$"))] String);

/// Dollars with at most six decimals.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub struct Dollars(#[schemars(regex(pattern = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"))] String);

/// Dollars with at most six decimals; with a minus sign, below zero.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub struct SignedDollars(#[schemars(regex(pattern = r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$"))] String);

/// How mail leaves.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum MailVia {
    Off,
    Smtp,
    Http,
}

/// When TLS begins with a mail server.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum MailSecurity {
    Starttls,
    Tls,
}

/// The way to a person.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ChannelName {
    Mail,
    Whatsapp,
}

/// Where a notice stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum NoticeState {
    Waiting,
    Handed,
    Sent,
    Unconfirmed,
    Failed,
    Suppressed,
}
