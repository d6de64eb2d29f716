//! What a deploy fixes: vars and secrets, read once, every gap reported together.

use std::{collections::HashMap, fmt};

use schema::{AccountId, Error, MicroUsd, Result, time::DAY_MS};
use worker::Env;

use crate::domain::{
    auto_top_up::Unit,
    link::SigningKeys,
    offer::{Currencies, Offers},
    oidc,
    route::Route,
    seal::SealKeys,
    setup, threshold,
    token::{self, Hash},
};

/// A text that no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What a deploy fixes.
#[derive(Debug)]
pub struct Config {
    /// Upstream routes in order of preference.
    pub routes: Vec<Route>,
    /// The providers' keys, by the name that a route gives.
    pub provider_keys: HashMap<String, Secret>,
    /// Operators' bearers, hashed.
    pub admin_tokens: Vec<Hash>,
    /// Bearers of the operator's own account, hashed.
    pub api_tokens: Vec<Hash>,
    /// The account that pays for static API tokens.
    pub operator: AccountId,
    /// Where people find this deployment, `https://…` without a slash at its end. May be empty:
    /// then nothing that sends links works, except in development.
    pub public_url: String,
    /// Whether this is no production.
    pub development: bool,
    /// Sign sessions and links. May have none: then nobody signs in.
    pub signing: SigningKeys,
    /// Seal what has to be read again. May have none: then nothing that needs it is kept.
    pub sealing: SealKeys,
    /// Where payments are made; none where nothing is sold.
    pub stripe: Option<Stripe>,
    /// What is sold, and in which currencies.
    pub offers: Offers,
    pub currencies: Currencies,
    /// What sharing the site is worth, once for each account; nothing where it is worth nothing.
    pub share_credit: MicroUsd,
    /// Where people sign in with Google, if they can.
    pub google: Option<Google>,
    /// In which steps wallets fill themselves up.
    pub auto_top_up_unit: Unit,
    /// Where an empty wallet is filled; may be empty.
    pub top_up_url: String,
    /// Balances below which people are told that little is left.
    pub low_balance: Vec<MicroUsd>,
    /// Where the newest release of codex is looked up.
    pub releases_url: String,
    /// What models are said to be owned by.
    pub brand: String,
    /// Whom to tell of a weakness, `mailto:…` or `https://…`; empty where nobody is named.
    pub security_contact: String,
    /// How the stock Codex CLI is pointed here.
    pub cli: setup::Cli,
    /// Milliseconds that a provider has for its first byte.
    pub upstream_timeout_ms: u32,
    /// Milliseconds that a provider may stay silent within a stream.
    pub upstream_idle_ms: i64,
    /// Milliseconds that a mail server has for a whole dialogue.
    pub mail_patience_ms: u32,
    /// Milliseconds that a call waits at most for a free place.
    pub turn_wait_ms: i64,
    /// Milliseconds that a stream waits at most for money that running calls may give back.
    pub money_wait_ms: i64,
    /// Milliseconds for which settings are used before they are read again.
    pub settings_ttl_ms: i64,
    /// Milliseconds until sums of usage are sent to the directory.
    pub outbox_ms: i64,
    /// What is kept of what processes on runners say.
    pub retention: Retention,
    /// Added to the clock; only outside production.
    pub clock_skew_ms: i64,
    /// Whether a request may ask for a fault; only outside production.
    pub faults: bool,
}

/// Where payments are made, and what we are known by there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripe {
    /// `https://…` without a slash at its end.
    pub api_url: String,
    pub secret_key: Secret,
    /// What webhooks are signed with, newest first. May be none: then no webhook is believed.
    pub webhook_secrets: Vec<Secret>,
}

impl Stripe {
    /// Whether the key is for real money: what is said of the other kind does not concern us.
    pub fn livemode(&self) -> bool {
        self.secret_key.0.split('_').nth(1) == Some("live")
    }
}

/// This deployment at Google, or at whoever stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Google {
    /// Everything else is found from there.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    /// The only domain of which people may be, where there is one.
    pub hosted_domain: Option<String>,
}

impl Google {
    /// Nothing without a client's id; with one, the rest has to be there.
    fn read(
        text: impl Fn(&str) -> String,
        production: bool,
        gaps: &mut Vec<String>,
    ) -> Option<Self> {
        let named = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
        let client_id = named("GOOGLE_CLIENT_ID")?;
        let issuer = named("GOOGLE_ISSUER").unwrap_or_else(|| oidc::GOOGLE.to_owned());
        if production && !issuer.starts_with("https://") {
            gaps.push("GOOGLE_ISSUER does not begin with https://".to_owned());
        }
        let Some(secret) = named("GOOGLE_CLIENT_SECRET") else {
            gaps.push(
                "GOOGLE_CLIENT_ID is set and the secret GOOGLE_CLIENT_SECRET is not".to_owned(),
            );
            return None;
        };
        let (client_secret, hosted_domain) = (Secret(secret), named("GOOGLE_HOSTED_DOMAIN"));
        Some(Self { issuer, client_id, client_secret, hosted_domain })
    }
}

/// How much of a process's log is kept: whatever is older, or beyond so many or so large, goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub ms: i64,
    pub events: i64,
    pub bytes: i64,
}

/// What was read, or nothing and a gap.
fn or_gap<T: Default, E: fmt::Display>(
    read: Result<T, E>,
    name: &str,
    gaps: &mut Vec<String>,
) -> T {
    read.unwrap_or_else(|why| {
        gaps.push(format!("{name}: {why}"));
        T::default()
    })
}

fn provider_keys(env: &Env, routes: &[Route], gaps: &mut Vec<String>) -> HashMap<String, Secret> {
    let mut keys = HashMap::new();
    for route in routes {
        match env.secret(&route.secret) {
            Ok(key) => {
                keys.insert(route.secret.clone(), Secret(key.to_string()));
            }
            Err(_) => gaps.push(format!("the secret {} is not set", route.secret)),
        }
    }
    keys
}

/// Where people find this deployment, without a slash at its end.
fn public_url(text: String, production: bool, gaps: &mut Vec<String>) -> String {
    let url = text.trim_end_matches('/').to_owned();
    if production && !url.is_empty() && !url.starts_with("https://") {
        gaps.push("PUBLIC_URL does not begin with https://".to_owned());
    }
    url
}

/// Whom to tell of a weakness, as RFC 9116 wants it written.
fn contact(text: String, gaps: &mut Vec<String>) -> String {
    let written = ["mailto:", "https://", "tel:"].iter().any(|start| text.starts_with(start));
    if !text.is_empty() && (!written || text.contains(char::is_whitespace)) {
        gaps.push("SECURITY_CONTACT does not begin with mailto:, https:// or tel:".to_owned());
    }
    text
}

impl Config {
    /// Reads everything, or says everything that is missing.
    pub fn read(env: &Env) -> Result<Self> {
        let mut gaps = Vec::new();
        let text = |name: &str| env.var(name).map(|v| v.to_string()).unwrap_or_default();
        let number = |name: &str, default: i64| text(name).parse().unwrap_or(default);
        let routes = serde_json::from_str::<Vec<Route>>(&text("ROUTES"));
        let routes = or_gap(routes, "ROUTES is not a list of routes", &mut gaps);
        let provider_keys = provider_keys(env, &routes, &mut gaps);
        let hashes =
            |name: &str| -> Vec<Hash> { text(name).split_whitespace().map(token::hash).collect() };
        let production = text("ENVIRONMENT") != "development";
        let signing = SigningKeys::parse(&text("SIGNING_SECRETS")).ok_or("32 characters each");
        let signing = or_gap(signing, "SIGNING_SECRETS", &mut gaps);
        let sealing = SealKeys::parse(&text("SEALING_KEYS")).ok_or("each is base64 of 32 bytes");
        let sealing = or_gap(sealing, "SEALING_KEYS", &mut gaps);
        let public_url = public_url(text("PUBLIC_URL"), production, &mut gaps);
        let stripe = stripe(&text, production, &mut gaps);
        let offers = or_gap(Offers::parse(&text("PACKS")), "PACKS", &mut gaps);
        let currencies = or_gap(Currencies::parse(&text("CURRENCIES")), "CURRENCIES", &mut gaps);
        let why = "amounts of dollars, separated by spaces";
        let low_balance = threshold::parse(&text("LOW_BALANCE_USD")).ok_or(why);
        let low_balance = or_gap(low_balance, "LOW_BALANCE_USD", &mut gaps);
        let why = "a price and a credit in dollars";
        let unit = Unit::parse(&text("AUTO_TOP_UP_UNIT")).ok_or(why);
        let auto_top_up_unit = or_gap(unit, "AUTO_TOP_UP_UNIT", &mut gaps);
        let cli = cli(&text, &mut gaps);
        let security_contact = contact(text("SECURITY_CONTACT"), &mut gaps);
        let google = Google::read(text, production, &mut gaps);
        if !gaps.is_empty() {
            return Err(Error::unavailable(gaps.join("; ")));
        }
        Ok(Self {
            routes,
            provider_keys,
            admin_tokens: hashes("ADMIN_TOKENS"),
            api_tokens: hashes("API_TOKENS"),
            operator: text("OPERATOR_ACCOUNT").parse().unwrap_or(AccountId::from_bits(0)),
            public_url,
            development: !production,
            signing,
            sealing,
            google,
            stripe,
            offers,
            currencies,
            share_credit: MicroUsd::from_cents(number("SHARE_CREDIT_CENTS", 1_000).max(0)),
            auto_top_up_unit,
            top_up_url: text("TOP_UP_URL"),
            low_balance,
            releases_url: text("RELEASES_URL"),
            brand: cli.brand.clone(),
            security_contact,
            cli,
            upstream_timeout_ms: u32::try_from(number("UPSTREAM_TIMEOUT_MS", 600_000))
                .unwrap_or(600_000),
            upstream_idle_ms: number("UPSTREAM_IDLE_MS", 300_000),
            mail_patience_ms: u32::try_from(number("MAIL_PATIENCE_MS", 60_000)).unwrap_or(60_000),
            turn_wait_ms: number("TURN_WAIT_MS", 20_000),
            money_wait_ms: number("MONEY_WAIT_MS", 300_000),
            settings_ttl_ms: number("SETTINGS_TTL_MS", 5_000),
            outbox_ms: number("OUTBOX_MS", 60_000),
            retention: Retention {
                ms: number("RETAIN_EVENTS_MS", 7 * DAY_MS),
                events: number("RETAIN_EVENTS", 50_000),
                bytes: number("RETAIN_EVENTS_BYTES", 64 << 20),
            },
            clock_skew_ms: number("CLOCK_SKEW_MS", 0) * i64::from(!production),
            faults: !production && text("FAULTS") == "allowed",
        })
    }

    /// Where payments are made, for what needs it.
    pub fn payments(&self) -> Result<&Stripe> {
        let none = || Error::unavailable("STRIPE_SECRET_KEY is not set");
        self.stripe.as_ref().ok_or_else(none)
    }

    /// Where a customer looks after their wallet; empty where nobody has said.
    pub fn wallet_url(&self) -> String {
        match (self.top_up_url.as_str(), self.public_url.as_str()) {
            ("", "") => String::new(),
            ("", origin) => format!("{origin}/wallet"),
            (url, _) => url.to_owned(),
        }
    }
}

/// What payments need, if there is a key for them.
fn stripe(
    text: &impl Fn(&str) -> String,
    production: bool,
    gaps: &mut Vec<String>,
) -> Option<Stripe> {
    let secret_key = text("STRIPE_SECRET_KEY").trim().to_owned();
    let api_url = Some(text("STRIPE_API_URL").trim_end_matches('/').to_owned());
    let api_url = api_url.filter(|url| !url.is_empty());
    if production
        && !secret_key.is_empty()
        && api_url.as_ref().is_some_and(|url| !url.starts_with("https://"))
    {
        gaps.push("STRIPE_API_URL does not begin with https://".to_owned());
    }
    (!secret_key.is_empty()).then(|| Stripe {
        api_url: api_url.unwrap_or_else(|| "https://api.stripe.com".to_owned()),
        secret_key: Secret(secret_key),
        webhook_secrets: words(&text("STRIPE_WEBHOOK_SECRETS")),
    })
}

/// Secrets that are separated by spaces; an empty one is none.
fn words(text: &str) -> Vec<Secret> {
    text.split_whitespace().map(|word| Secret(word.to_owned())).collect()
}

/// What the CLI is told: each part as its variable says, or as it is unless told.
fn cli(text: &impl Fn(&str) -> String, gaps: &mut Vec<String>) -> setup::Cli {
    let or = |name: &str, default: &str| {
        let text = text(name);
        if text.is_empty() { default.to_owned() } else { text }
    };
    let cli = setup::Cli {
        brand: or("BRAND", "Gantry"),
        provider_id: or("PROVIDER_ID", "gantry"),
        env_key: or("ENV_KEY", "GANTRY_API_KEY"),
        model: or("DEFAULT_MODEL", "gpt-5.5"),
        effort: or("DEFAULT_EFFORT", "medium"),
        declined_model: text("DECLINED_MODEL"),
        version: or("CLI_VERSION", "0.130.0"),
        install_tag: or("CLI_INSTALL_TAG", "latest"),
    };
    gaps.extend(cli.faults());
    cli
}
