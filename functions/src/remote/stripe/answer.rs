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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status, text: Some(body.to_string()), told: String::new() }
    }

    fn intent(status: &str) -> Value {
        json!({
            "id": "pi_1", "status": status, "amount": 500, "amount_received": 0,
            "currency": "usd", "created": 1, "brand_new": {},
        })
    }

    fn refused(code: &str, word: &str) -> Answer {
        let mut error = json!({ "type": "card_error", "code": code, "decline_code": word });
        error["message"] = "Your card has insufficient funds.".into();
        error["payment_intent"] = intent("requires_payment_method");
        answer(402, json!({ "error": error }))
    }

    fn code(status: u16, error: Value) -> Code {
        read::<PaymentIntent>(&answer(status, json!({ "error": error }))).unwrap_err().code
    }

    #[test]
    fn a_charge_is_paid_declined_pending_or_wants_its_owner() {
        let charged = |answer: &Answer| charged(answer).unwrap();
        assert!(matches!(charged(&answer(200, intent("succeeded"))), Charged::Paid(_)));
        assert!(matches!(charged(&answer(200, intent("processing"))), Charged::Pending(_)));
        assert!(matches!(charged(&answer(200, intent("brand_new"))), Charged::Pending(_)));
        let asked = answer(200, intent("requires_action"));
        assert!(matches!(charged(&asked), Charged::NeedsAction { .. }));
        let asked = refused("authentication_required", "authentication_required");
        assert!(matches!(charged(&asked), Charged::NeedsAction { .. }));
        let Charged::Declined { code, message, .. } =
            charged(&refused("card_declined", "insufficient_funds"))
        else {
            panic!("declined")
        };
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("insufficient_funds", "Your card has insufficient funds.")
        );
    }

    #[test]
    fn only_what_may_pass_is_worth_another_try() {
        assert_eq!(code(429, json!({ "type": "invalid_request_error" })), Code::Unavailable);
        assert_eq!(code(409, json!({ "type": "invalid_request_error" })), Code::Unavailable);
        assert_eq!(code(503, json!({})), Code::Unavailable);
        assert_eq!(code(400, json!({ "type": "idempotency_error" })), Code::InternalError);
        assert_eq!(code(400, json!({ "type": "invalid_request_error" })), Code::InternalError);
        assert_eq!(code(401, json!({})), Code::InternalError);
        assert_eq!(code(404, json!({ "code": "resource_missing" })), Code::ResourceNotFound);
        assert_eq!(code(402, json!({ "type": "card_error" })), Code::Conflict);
    }

    #[test]
    fn what_is_no_answer_is_no_payment() {
        let without = json!({ "id": "pi_1", "status": "succeeded" });
        for body in [without, json!([]), json!("<html>")] {
            let read = charged(&answer(200, body)).unwrap_err();
            assert_eq!(read.code, Code::UpstreamFailed);
        }
        let long = Answer { status: 200, text: None, told: String::new() };
        assert_eq!(charged(&long).unwrap_err().code, Code::UpstreamFailed);
    }
}
