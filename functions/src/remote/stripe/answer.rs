//! What Stripe's answers mean to us.

use schema::{
    Code, Error, Result,
    stripe::{Failure, FailureBody, IntentStatus, PaymentIntent},
};
use serde::de::DeserializeOwned;

use crate::remote::http::Answer;

/// Seconds until it may be worth another try.
const RETRY_S: u32 = 5;

/// What came of a try to charge a card that its owner is not there to help with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    /// The money came.
    Paid(PaymentIntent),
    /// The bank refused.
    Declined { intent: PaymentIntent, code: String, message: String },
    /// The bank wants its customer to agree.
    NeedsAction { intent: PaymentIntent },
    /// It takes a while; what came of it has to be read later.
    Pending(PaymentIntent),
}

/// What was asked for.
pub fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    if !(200..300).contains(&answer.status) {
        return Err(refusal(answer.status, failure(answer)));
    }
    parse(answer)
}

/// What came of a try to charge a card.
pub fn charged(answer: &Answer) -> Result<Charged> {
    if answer.status == 402 {
        let failure = failure(answer);
        let Some(intent) = failure.payment_intent else {
            return Err(refusal(answer.status, failure));
        };
        let code = failure.decline_code.or(failure.code).unwrap_or_default();
        let message = failure.message.unwrap_or_else(|| "The card was declined.".to_owned());
        return Ok(state(intent, Some((code, message))));
    }
    Ok(state(read::<PaymentIntent>(answer)?, None))
}

fn state(intent: PaymentIntent, refused: Option<(String, String)>) -> Charged {
    let asks = |code: &str| code == "authentication_required";
    match (intent.status, refused) {
        (IntentStatus::Succeeded, _) => Charged::Paid(intent),
        (IntentStatus::Processing, _) => Charged::Pending(intent),
        (IntentStatus::RequiresAction, _) => Charged::NeedsAction { intent },
        (_, Some((code, _))) if asks(&code) => Charged::NeedsAction { intent },
        (_, Some((code, message))) => Charged::Declined { intent, code, message },
        (IntentStatus::RequiresPaymentMethod | IntentStatus::Canceled, None) => {
            let error = intent.last_payment_error.clone().unwrap_or_default();
            let code = error.decline_code.or(error.code).unwrap_or_default();
            let message = error.message.unwrap_or_else(|| "The card was declined.".to_owned());
            if asks(&code) {
                return Charged::NeedsAction { intent };
            }
            Charged::Declined { intent, code, message }
        }
        (
            IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresCapture
            | IntentStatus::Unknown,
            None,
        ) => Charged::Pending(intent),
    }
}

/// What is said of a call that brought no answer at all: it may have been heard.
pub fn silence(why: &str) -> Error {
    unavailable("The payment provider could not be reached. Try again in a moment.").caused_by(why)
}

/// The failure that an answer tells of; an empty one where it is no failure of Stripe's.
fn failure(answer: &Answer) -> FailureBody {
    let text = answer.text.as_deref().unwrap_or_default();
    serde_json::from_str::<Failure>(text).map(|failure| failure.error).unwrap_or_default()
}

fn refusal(status: u16, failure: FailureBody) -> Error {
    let FailureBody { r#type, code, decline_code, message, .. } = failure;
    let (code, message) = (code.unwrap_or_default(), message.unwrap_or_default());
    let cause = format!("status {status} {type} {code}: {message}");
    let error = match (status, r#type.as_str()) {
        (_, "idempotency_error") => Error::internal(""),
        (402, _) => {
            let word = decline_code.unwrap_or(code);
            let shown = if message.is_empty() { "The card was declined." } else { &message };
            Error::new(Code::Conflict, format!("{shown} Use another card.")).caused_by(word)
        }
        (404, _) => Error::new(Code::ResourceNotFound, "The payment provider has no such thing."),
        (409 | 429 | 500..=599, _) => {
            unavailable("The payment provider is busy. Try again in a moment.")
        }
        // It does not know us, or does not understand us: both are ours to mend.
        _ => Error::internal(""),
    };
    error.caused_by(cause)
}

fn unavailable(message: &str) -> Error {
    Error::new(Code::Unavailable, message).retry_after(RETRY_S)
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    let failed = || Error::new(Code::UpstreamFailed, "The payment provider's answer was unusable.");
    let text = answer.text.as_deref().ok_or_else(|| failed().caused_by("it is too long"))?;
    serde_json::from_str(text).map_err(|error| failed().caused_by(error))
}
