//! Stripe: where customers pay. Every call that changes something there carries an idempotency key
//! that its caller derives from a row of ours, so that asking again after a crash asks for the same
//! thing.

use schema::{
    Result, Timestamp,
    stripe::{
        CheckoutSession, Customer, Dispute, Event, Invoice, List, Metadata, PaymentIntent, Refund,
        SetupIntent, Subscription, VERSION,
    },
};
use serde::de::DeserializeOwned;

use crate::{
    config::Stripe,
    domain::offer::{Money, USD},
    remote::http::{self, Answer, Request},
};

mod answer;
mod form;

pub use answer::Charged;
use form::Form;

/// How long one call may take: Stripe itself gives a bank half a minute.
const PATIENCE_MS: u32 = 40_000;
/// A page of a hundred payments with their charges has less than a megabyte.
const ANSWER_MAX_BYTES: usize = 4 << 20;
/// What is asked for at once; Stripe gives no more.
const PAGE: usize = 100;
/// Identifiers of Stripe's are shorter.
const ID_MAX_BYTES: usize = 255;

/// What a checkout is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Buys {
    /// Credit, once. The card is kept for later if the customer agreed to it.
    Credit { name: String, price: Money, keep_card: bool },
    /// Something that is paid for each month.
    Monthly { name: String, cents: i64 },
    /// Nothing: a card is left for later.
    Card,
}

/// A checkout to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub buys: Buys,
    /// The account that it is for, as our books name it.
    pub account: String,
    /// The customer at Stripe.
    pub customer: String,
    /// Where the customer comes back to; `{CHECKOUT_SESSION_ID}` stands for the session.
    pub success_url: String,
    pub cancel_url: String,
    /// Noted on the session and on what comes of it.
    pub metadata: Metadata,
    /// When it cannot be paid any more: half an hour to a day from now. Stripe's day if none.
    pub expires_at: Option<Timestamp>,
}

/// A payment with a kept card, while its owner is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIntent {
    pub customer: String,
    pub payment_method: String,
    pub cents: i64,
    pub description: String,
    pub metadata: Metadata,
}

/// A customer to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewCustomer {
    pub email: Option<String>,
    pub name: Option<String>,
    pub metadata: Metadata,
}

/// A page of payments, newest first.
pub type Intents = List<PaymentIntent>;

/// Makes a customer.
pub async fn create_customer(stripe: &Stripe, new: &NewCustomer, key: &str) -> Result<Customer> {
    let form = Form::new().may("email", new.email.as_ref()).may("name", new.name.as_ref());
    post(stripe, "customers", form.metadata("metadata", &new.metadata), key).await
}

/// Opens a checkout.
pub async fn create_session(
    stripe: &Stripe,
    new: &NewSession,
    key: &str,
) -> Result<CheckoutSession> {
    post(stripe, "checkout/sessions", session_form(new), key).await
}

/// Reads a checkout.
pub async fn session(stripe: &Stripe, id: &str) -> Result<CheckoutSession> {
    get(stripe, &format!("checkout/sessions/{}", part(id)), &Form::new()).await
}

/// Closes a checkout that nobody has paid; refused if it is over.
pub async fn expire_session(stripe: &Stripe, id: &str, key: &str) -> Result<CheckoutSession> {
    post(stripe, &format!("checkout/sessions/{}/expire", part(id)), Form::new(), key).await
}

/// Checkouts made since a moment, newest first; those after a known one, where a page is not
/// enough.
pub async fn sessions_since(
    stripe: &Stripe,
    at: Timestamp,
    after: Option<&str>,
) -> Result<List<CheckoutSession>> {
    get(stripe, "checkout/sessions", &since(at, after)).await
}

/// Reads a payment with its newest charge and, if there are any, its disputes.
pub async fn intent(stripe: &Stripe, id: &str) -> Result<PaymentIntent> {
    let form = Form::new().with("expand[0]", "latest_charge");
    let path = format!("payment_intents/{}", part(id));
    with_disputes(stripe, get::<PaymentIntent>(stripe, &path, &form).await?).await
}

/// Payments made since a moment, newest first and with their charges but without disputes; those
/// after a known one, where a page is not enough.
pub async fn intents_since(stripe: &Stripe, at: Timestamp, after: Option<&str>) -> Result<Intents> {
    let form = since(at, after).with("expand[0]", "data.latest_charge");
    get(stripe, "payment_intents", &form).await
}

/// Charges a kept card.
pub async fn create_intent(stripe: &Stripe, new: &NewIntent, key: &str) -> Result<Charged> {
    let form = intent_form(new);
    answer::charged(&send(stripe, "POST", "payment_intents", &form, Some(key)).await?)
}

/// Calls a payment off; refused if the money came.
pub async fn cancel_intent(stripe: &Stripe, id: &str, key: &str) -> Result<PaymentIntent> {
    post(stripe, &format!("payment_intents/{}/cancel", part(id)), Form::new(), key).await
}

/// Reads what became of a card that was to be kept.
pub async fn setup_intent(stripe: &Stripe, id: &str) -> Result<SetupIntent> {
    get(stripe, &format!("setup_intents/{}", part(id)), &Form::new()).await
}

/// Refunds of a payment, newest first.
pub async fn refunds(stripe: &Stripe, intent: &str) -> Result<Vec<Refund>> {
    all(stripe, "refunds", intent).await
}

/// Disputes about a payment, newest first.
pub async fn disputes(stripe: &Stripe, intent: &str) -> Result<Vec<Dispute>> {
    all(stripe, "disputes", intent).await
}

/// Refunds made since a moment, newest first.
pub async fn refunds_since(
    stripe: &Stripe,
    at: Timestamp,
    after: Option<&str>,
) -> Result<List<Refund>> {
    get(stripe, "refunds", &since(at, after)).await
}

/// Disputes opened since a moment, newest first.
pub async fn disputes_since(
    stripe: &Stripe,
    at: Timestamp,
    after: Option<&str>,
) -> Result<List<Dispute>> {
    get(stripe, "disputes", &since(at, after)).await
}

/// Reads a subscription.
pub async fn subscription(stripe: &Stripe, id: &str) -> Result<Subscription> {
    get(stripe, &format!("subscriptions/{}", part(id)), &Form::new()).await
}

/// Lets a subscription end with the period that is paid for.
pub async fn cancel_subscription(stripe: &Stripe, id: &str, key: &str) -> Result<Subscription> {
    let form = Form::new().with("cancel_at_period_end", true);
    post(stripe, &format!("subscriptions/{}", part(id)), form, key).await
}

/// Lets a subscription run on that was to end with its period.
pub async fn keep_subscription(stripe: &Stripe, id: &str, key: &str) -> Result<Subscription> {
    let form = Form::new().with("cancel_at_period_end", false);
    post(stripe, &format!("subscriptions/{}", part(id)), form, key).await
}

/// Ends a subscription at once. To ask twice is harmless, so there is no key.
pub async fn end_subscription(stripe: &Stripe, id: &str) -> Result<Subscription> {
    let path = format!("subscriptions/{}", part(id));
    answer::read(&send(stripe, "DELETE", &path, &Form::new(), None).await?)
}

/// Reads a bill.
pub async fn invoice(stripe: &Stripe, id: &str) -> Result<Invoice> {
    get(stripe, &format!("invoices/{}", part(id)), &Form::new()).await
}

/// Events since a moment, newest first: what a webhook may have failed to bring.
pub async fn events_since(
    stripe: &Stripe,
    at: Timestamp,
    after: Option<&str>,
) -> Result<List<Event>> {
    get(stripe, "events", &since(at, after)).await
}

fn session_form(new: &NewSession) -> Form {
    let form = Form::new()
        .with("client_reference_id", &new.account)
        .with("customer", &new.customer)
        .with("success_url", &new.success_url)
        .with("cancel_url", &new.cancel_url)
        .may("expires_at", new.expires_at.map(Timestamp::seconds))
        .metadata("metadata", &new.metadata);
    let item = |form: Form, name: &str, currency: &str, amount: i64| {
        form.with("line_items[0][quantity]", 1)
            .with("line_items[0][price_data][currency]", currency)
            .with("line_items[0][price_data][unit_amount]", amount)
            .with("line_items[0][price_data][product_data][name]", name)
    };
    match &new.buys {
        Buys::Credit { name, price: Money { amount, currency }, keep_card } => {
            let form = item(form.with("mode", "payment"), name, currency, *amount);
            let keep = keep_card.then_some("off_session");
            form.may("payment_intent_data[setup_future_usage]", keep)
                .metadata("payment_intent_data[metadata]", &new.metadata)
        }
        Buys::Monthly { name, cents } => item(form.with("mode", "subscription"), name, USD, *cents)
            .with("line_items[0][price_data][recurring][interval]", "month")
            .metadata("subscription_data[metadata]", &new.metadata),
        Buys::Card => form
            .with("mode", "setup")
            .with("currency", USD)
            .metadata("setup_intent_data[metadata]", &new.metadata),
    }
}

fn intent_form(new: &NewIntent) -> Form {
    Form::new()
        .with("amount", new.cents)
        .with("currency", USD)
        .with("customer", &new.customer)
        .with("payment_method", &new.payment_method)
        .with("confirm", true)
        .with("off_session", true)
        .with("description", &new.description)
        .with("expand[0]", "latest_charge")
        .metadata("metadata", &new.metadata)
}

/// A payment with its disputes, which Stripe lists apart.
async fn with_disputes(stripe: &Stripe, mut intent: PaymentIntent) -> Result<PaymentIntent> {
    if intent.charge().is_some_and(|charge| charge.disputed) {
        intent.disputes = disputes(stripe, &intent.id).await?;
    }
    Ok(intent)
}

fn since(at: Timestamp, after: Option<&str>) -> Form {
    Form::new().with("limit", PAGE).with("created[gte]", at.seconds()).may("starting_after", after)
}

/// All of what belongs to a payment. A payment has a handful of them, so one page is all; more is
/// a failure and not a sum that lacks something.
async fn all<T: DeserializeOwned>(stripe: &Stripe, path: &str, intent: &str) -> Result<Vec<T>> {
    let form = Form::new().with("limit", PAGE).with("payment_intent", intent);
    let page: List<T> = get(stripe, path, &form).await?;
    if page.has_more {
        return Err(schema::Error::internal(format!("{intent} has more than {PAGE} {path}")));
    }
    Ok(page.data)
}

async fn get<T: DeserializeOwned>(stripe: &Stripe, path: &str, form: &Form) -> Result<T> {
    answer::read(&send(stripe, "GET", path, form, None).await?)
}

async fn post<T: DeserializeOwned>(
    stripe: &Stripe,
    path: &str,
    form: Form,
    key: &str,
) -> Result<T> {
    answer::read(&send(stripe, "POST", path, &form, Some(key)).await?)
}

async fn send(
    stripe: &Stripe,
    method: &str,
    path: &str,
    form: &Form,
    key: Option<&str>,
) -> Result<Answer> {
    let form = form.encode();
    let bearer = format!("Bearer {}", stripe.secret_key.reveal());
    let mut headers = vec![("authorization", bearer.as_str()), ("stripe-version", VERSION)];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    let mut url = format!("{}/v1/{path}", stripe.api_url);
    let mut body = None;
    if method == "POST" {
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        body = Some(form.as_str());
    } else if !form.is_empty() {
        url = format!("{url}?{form}");
    }
    let patience_ms = PATIENCE_MS;
    let (headers, most_bytes) = (headers.as_slice(), ANSWER_MAX_BYTES);
    let (url, tell) = (url.as_str(), "request-id");
    let request = Request { method, url, headers, body, patience_ms, most_bytes, tell };
    http::call(&request).await.map_err(|why| answer::silence(&format!("{path}: {why}")))
}

/// Whether a text may be an identifier of Stripe's. What is none is not asked for: an empty one
/// would name the list of all.
pub fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=ID_MAX_BYTES).contains(&text.len()) && text.bytes().all(fits)
}

/// An identifier as one part of a path, whatever is in it.
fn part(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn what_stripe_never_called_anything_is_no_identifier() {
        assert!(is_id("cs_test_a1B2") && is_id(&"a".repeat(255)));
        for text in ["", "..", "a/b", "a?b=c", "a b", "a%2fb", "é", &"a".repeat(256)] {
            assert!(!is_id(text), "{text}");
        }
    }
}
