//! OpenAI's grammar of failure, and what the stock Codex CLI needs of it to show a reason to a
//! person.

use schema::{
    Code, Error,
    openai::{ErrorBody, ErrorResponse},
};

use crate::http::{
    reply::JSON,
    route::{Asker, Refusal},
};

/// `{"error": {"message", "type", "param", "code"}}`.
///
/// The CLI retries 401, 402, 403, 404, 413 and 429 or hides their message; it shows the body of a
/// 400 as it stands and asks once (both versions, measured). A failure that trying again cannot
/// mend therefore reaches the CLI as a 400 in plain words; every other client gets the status that
/// HTTP has for it.
pub fn refuse(error: &Error, asker: &Asker) -> Refusal {
    if asker.codex_cli && final_for_cli(error.code) {
        return Refusal {
            status: 400,
            content_type: "text/plain; charset=utf-8",
            body: error.message.clone(),
        };
    }
    let mut message = error.message.clone();
    if error.code.is_ours() {
        message = format!("{message} (request {})", asker.request_id);
    }
    // The CLI tries 503 with this code five times and any other 5xx thirty times.
    let overloaded = asker.codex_cli && error.code.is_ours();
    let code = if overloaded { "server_is_overloaded" } else { error.code.as_str() };
    let status = if overloaded { 503 } else { error.code.status() };
    let error = ErrorBody {
        message,
        r#type: kind(error.code).to_owned(),
        param: error.details.first().map(|detail| detail.field.clone()),
        code: Some(code.to_owned()),
    };
    // Texts have no way to fail.
    let body = serde_json::to_string(&ErrorResponse { error }).unwrap_or_default();
    Refusal { status, content_type: JSON, body }
}

/// All that is not a fault of ours; but 426 is what makes the CLI leave its WebSocket for HTTP.
const fn final_for_cli(code: Code) -> bool {
    !code.is_ours() && !matches!(code, Code::UpgradeRefused)
}

/// OpenAI's `type` of a failure.
const fn kind(code: Code) -> &'static str {
    match code {
        Code::AuthenticationRequired => "authentication_error",
        Code::PermissionDenied => "permission_error",
        Code::InsufficientCredit | Code::BudgetExceeded => "insufficient_quota",
        Code::RateLimitExceeded | Code::FairUseExceeded | Code::ConcurrencyLimitExceeded => {
            "rate_limit_error"
        }
        Code::RunnerUnavailable
        | Code::UpstreamFailed
        | Code::UpstreamOverloaded
        | Code::Timeout
        | Code::Unavailable
        | Code::InternalError => "server_error",
        Code::InvalidRequest
        | Code::ResourceNotFound
        | Code::MethodNotAllowed
        | Code::Conflict
        | Code::PreconditionFailed
        | Code::ApprovalExpired
        | Code::PreconditionRequired
        | Code::PayloadTooLarge
        | Code::RangeNotSatisfiable
        | Code::UnsupportedMediaType
        | Code::ValidationError
        | Code::IdempotencyKeyReused
        | Code::ModelNotFound
        | Code::ModelNotPriced
        | Code::UpgradeRefused => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use schema::CallId;

    use super::*;

    fn refused(code: Code, codex_cli: bool) -> Refusal {
        let asker = Asker {
            request_id: CallId::from_bits(1),
            codex_cli,
            browser: false,
            brand: String::new(),
        };
        refuse(&Error::new(code, "Why."), &asker)
    }

    #[test]
    fn the_cli_gets_an_empty_wallet_in_plain_words_and_others_get_402() {
        let cli = refused(Code::InsufficientCredit, true);
        assert_eq!((cli.status, cli.body.as_str()), (400, "Why."));
        let other = refused(Code::InsufficientCredit, false);
        assert_eq!(other.status, 402);
        assert!(other.body.contains(r#""code":"insufficient_credit""#), "{}", other.body);
    }

    #[test]
    fn what_trying_again_cannot_mend_is_told_to_the_cli_once() {
        for code in [Code::AuthenticationRequired, Code::InvalidRequest, Code::RateLimitExceeded] {
            assert_eq!(refused(code, true).status, 400);
        }
        assert_eq!(refused(Code::UpgradeRefused, true).status, 426);
    }

    #[test]
    fn a_fault_of_ours_names_the_request() {
        let fault = refused(Code::InternalError, false);
        assert_eq!(fault.status, 500);
        assert!(fault.body.contains("req_00000000000000000000000000000001"));
        assert_eq!(refused(Code::UpstreamFailed, true).status, 503);
    }
}
