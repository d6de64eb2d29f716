//! A call to a model as it was let in: what it asks for, what it may cost, and the money that it
//! holds.

use std::rc::Rc;

use js_sys::ArrayBuffer;
use schema::{CallId, Code, Error, Timestamp, openai::ResponsesRequest};

use super::{Inner, head::Head};
use crate::{
    config::Config,
    domain::{
        access::Caller,
        admission::Pass,
        ledger::Hold,
        limit::Rate,
        price::{Price, Quote},
    },
    remote::responses::Outgoing,
    store::settings::Settings,
};

/// The longest name of a conversation that is remembered; a UUID has 36 bytes.
const CONVERSATION_MAX_BYTES: usize = 200;

/// One call to a model, as it was let in.
pub(super) struct Call {
    pub id: CallId,
    pub caller: Caller,
    pub config: Rc<Config>,
    pub started_at: Timestamp,
    pub model: String,
    pub stream: bool,
    pub conversation: Option<String>,
    /// The most input that the conversation had before.
    pub high_water: u64,
    /// The size of the request, from which its input is estimated.
    pub bytes: u64,
    pub price: Price,
    pub rate: Rate,
    settings: Rc<Settings>,
}

impl Call {
    /// How long the call may wait. What others have reserved of the wallet, the plan or a budget
    /// mostly comes back, so a stream waits for it long; who waits without a stream cannot be told
    /// from who has left.
    pub fn patience_ms(&self, why: &Error) -> i64 {
        let reserved = matches!(
            why.code,
            Code::InsufficientCredit | Code::FairUseExceeded | Code::BudgetExceeded
        );
        let for_money = self.stream && reserved;
        if for_money { self.config.money_wait_ms } else { self.config.turn_wait_ms }
    }
}

/// A call with the customer's request, for the provider once its turn has come.
pub(super) struct Letter {
    pub call: Call,
    pub request: web_sys::Request,
    /// The request's body, for the platform…
    pub buffer: ArrayBuffer,
    /// … and for us.
    pub body: Vec<u8>,
}

impl Letter {
    pub fn outgoing(&self) -> Outgoing<'_> {
        let Self { call, request, buffer, body } = self;
        let active = call.settings.active_route.as_deref();
        Outgoing { request, buffer, body, model: &call.model, active }
    }
}

/// A call's money and place. Dropped without a settlement, both come back: a fault must not keep
/// them.
pub(super) struct Paid {
    pub inner: Rc<Inner>,
    pub hold: Hold,
}

impl AsRef<Hold> for Paid {
    fn as_ref(&self) -> &Hold {
        &self.hold
    }
}

impl Drop for Paid {
    fn drop(&mut self) {
        // Nothing happens if the call has been settled: a hold ends once.
        self.inner.void(self.hold.call, "the call ended without a result");
    }
}

/// What is known of a call before its body is read.
pub(super) struct Seen<'a> {
    pub id: CallId,
    pub now: Timestamp,
    pub config: Rc<Config>,
    pub pass: Pass,
    pub head: Head<'a>,
    pub settings: Rc<Settings>,
}

/// Reads what the body asks for, and what it may cost.
pub(super) fn understand(
    inner: &Inner,
    seen: Seen<'_>,
    body: &[u8],
) -> schema::Result<(Call, Quote)> {
    let asked: ResponsesRequest = serde_json::from_slice(body).map_err(|error| {
        Error::new(Code::InvalidRequest, format!("The body is not a JSON request: {error}."))
    })?;
    if asked.background == Some(true) {
        let message = "`background: true` is not supported here: nobody would be there to meter \
                       it. Leave it out, and use `stream: true` for long answers.";
        return Err(Error::new(Code::InvalidRequest, message));
    }
    let model = asked.model.filter(|m| !m.is_empty());
    let model = model.ok_or_else(|| Error::field("model", "name a model"))?.into_owned();
    if !seen.config.routes.iter().any(|route| route.models.contains_key(&model)) {
        let message = format!(
            "The model `{model}` is not served here. `GET /v1/models` lists those that are."
        );
        return Err(Error::new(Code::ModelNotFound, message));
    }
    let price = seen.settings.prices.get(&model).cloned().ok_or_else(|| {
        let message =
            format!("The model `{model}` has no price yet, so nothing is sent to it. Use another.");
        Error::new(Code::ModelNotPriced, message)
    })?;
    let named = |thread: &&str| (1..=CONVERSATION_MAX_BYTES).contains(&thread.len());
    let conversation = Some(seen.head.thread).filter(named).map(str::to_owned);
    let high_water = inner.high_water(conversation.as_deref())?;
    let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let quote = price.quote(bytes, high_water, asked.max_output_tokens);
    let call = Call {
        id: seen.id,
        caller: seen.pass.caller,
        config: seen.config,
        started_at: seen.now,
        model,
        stream: asked.stream == Some(true),
        conversation,
        high_water,
        bytes,
        price,
        rate: seen.pass.rate,
        settings: seen.settings,
    };
    Ok((call, quote))
}
