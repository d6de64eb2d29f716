//! The one vocabulary of failure. Each API family renders it in its own grammar.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What every fallible verb returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request failed. A code exists only where a caller would act differently on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is not what it claims to be: not JSON, the wrong type or encoding.
    InvalidRequest,
    /// No credential, or one that is not (or no longer) valid.
    AuthenticationRequired,
    /// The wallet does not cover the call.
    InsufficientCredit,
    /// What a project or a turn may spend does not cover the call.
    BudgetExceeded,
    /// The caller is known and may not do this: scope, address, account state.
    PermissionDenied,
    /// Nothing there, or nothing of the caller's.
    ResourceNotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The thing is in a state that does not allow this.
    Conflict,
    /// The thing is not in the state that `If-Match` or `If-None-Match` asks for; `details` says
    /// in which it is.
    PreconditionFailed,
    /// Nobody decided in time, so it was refused.
    ApprovalExpired,
    /// The thing is changed only by who has seen it: `If-Match` is missing.
    PreconditionRequired,
    /// The body is larger than is taken.
    PayloadTooLarge,
    /// The file has nothing of the range that is asked for.
    RangeNotSatisfiable,
    /// A content type or encoding that is not taken.
    UnsupportedMediaType,
    /// A field is missing or wrong; `details` says which.
    ValidationError,
    /// The same `Idempotency-Key` came with another request before.
    IdempotencyKeyReused,
    /// The model is not served here.
    ModelNotFound,
    /// The model has no price, so nothing is sent to it.
    ModelNotPriced,
    /// A WebSocket where only HTTP is served.
    UpgradeRefused,
    /// Too many requests in the hour.
    RateLimitExceeded,
    /// The Unlimited plan's fair use is used up for now.
    FairUseExceeded,
    /// Too many requests at once.
    ConcurrencyLimitExceeded,
    /// The machine that would do the work is not there.
    RunnerUnavailable,
    /// The model provider failed.
    UpstreamFailed,
    /// The model provider is over capacity.
    UpstreamOverloaded,
    /// The model provider did not answer in time.
    Timeout,
    /// Our storage or a part of ours is out of reach; nothing was charged.
    Unavailable,
    /// A fault of ours.
    InternalError,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::InvalidRequest,
        Self::AuthenticationRequired,
        Self::InsufficientCredit,
        Self::BudgetExceeded,
        Self::PermissionDenied,
        Self::ResourceNotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::ApprovalExpired,
        Self::PreconditionRequired,
        Self::PayloadTooLarge,
        Self::RangeNotSatisfiable,
        Self::UnsupportedMediaType,
        Self::ValidationError,
        Self::IdempotencyKeyReused,
        Self::ModelNotFound,
        Self::ModelNotPriced,
        Self::UpgradeRefused,
        Self::RateLimitExceeded,
        Self::FairUseExceeded,
        Self::ConcurrencyLimitExceeded,
        Self::RunnerUnavailable,
        Self::UpstreamFailed,
        Self::UpstreamOverloaded,
        Self::Timeout,
        Self::Unavailable,
        Self::InternalError,
    ];

    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::ModelNotPriced => 400,
            Self::AuthenticationRequired => 401,
            Self::InsufficientCredit | Self::BudgetExceeded => 402,
            Self::PermissionDenied => 403,
            Self::ResourceNotFound | Self::ModelNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict | Self::ApprovalExpired => 409,
            Self::PreconditionFailed => 412,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RangeNotSatisfiable => 416,
            Self::ValidationError | Self::IdempotencyKeyReused => 422,
            Self::UpgradeRefused => 426,
            Self::PreconditionRequired => 428,
            Self::RateLimitExceeded | Self::FairUseExceeded | Self::ConcurrencyLimitExceeded => 429,
            Self::InternalError => 500,
            Self::UpstreamFailed => 502,
            Self::RunnerUnavailable | Self::UpstreamOverloaded | Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// The code as it stands in an answer: `snake_case`, never changed within a major version.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::AuthenticationRequired => "authentication_required",
            Self::InsufficientCredit => "insufficient_credit",
            Self::BudgetExceeded => "budget_exceeded",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceNotFound => "resource_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::ApprovalExpired => "approval_expired",
            Self::PreconditionRequired => "precondition_required",
            Self::PayloadTooLarge => "payload_too_large",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::ValidationError => "validation_error",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::ModelNotFound => "model_not_found",
            Self::ModelNotPriced => "model_not_priced",
            Self::UpgradeRefused => "upgrade_refused",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::FairUseExceeded => "fair_use_exceeded",
            Self::ConcurrencyLimitExceeded => "concurrency_limit_exceeded",
            Self::RunnerUnavailable => "runner_unavailable",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamOverloaded => "upstream_overloaded",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::InternalError => "internal_error",
        }
    }

    /// Whether the fault is on our side, so that the answer must carry the request's id.
    pub const fn is_ours(self) -> bool {
        self.status() >= 500
    }
}

/// What is wrong with one field of a body or query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct FieldError {
    /// The field's path, for example `credit_usd`.
    pub field: String,
    /// What to do about it.
    pub message: String,
}

/// A failure: what we say, and apart from it what we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What a program switches on.
    pub code: Code,
    /// What a person reads: what happened and what to do next.
    pub message: String,
    /// One entry for each wrong field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<FieldError>,
    /// Seconds to wait before trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// What only the log may know.
    #[serde(skip)]
    pub cause: Option<String>,
}

impl Error {
    /// A failure with a message for a person.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), retry_after: None, cause: None }
    }

    /// No such thing, or none of the caller's: the two look the same.
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::new(Code::ResourceNotFound, format!("There is no {what} `{id}`."))
    }

    /// One wrong field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = FieldError { field: field.to_owned(), message: message.clone() };
        let error = Self::new(Code::ValidationError, format!("`{field}`: {message}"));
        Self { details: vec![detail], ..error }
    }

    /// A part of ours did not answer; nothing was charged.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        Self::new(Code::Unavailable, "A part of this service is out of reach. Try again shortly.")
            .caused_by(cause)
            .retry_after(1)
    }

    /// A fault of ours.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let message = "Something failed on our side. Quote the request id when you report it.";
        Self::new(Code::InternalError, message).caused_by(cause)
    }

    /// The same failure with what the log should know.
    pub fn caused_by(self, cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..self }
    }

    /// The same failure with the seconds to wait.
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_never_leaves() {
        let sent = serde_json::to_string(&Error::internal("secret path")).unwrap_or_default();
        assert!(!sent.contains("secret path") && sent.contains("internal_error"), "{sent}");
    }
}
