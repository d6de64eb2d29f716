//! People: they sign up, sign in, and show whose a mail address is.

use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
use crate::words::SessionKind;
use crate::{AccountId, KeyId};

/// `POST /api/v1/customer/register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Register {
    /// The mail address; a link is sent to it.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 254)))]
    pub email: String,
    /// 10 to 200 characters, and none of those that are guessed first.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 10, max = 200)))]
    pub password: String,
    /// Two letters (ISO 3166-1).
    #[cfg_attr(not(target_arch = "wasm32"), schemars(regex(pattern = r"^[A-Za-z]{2}$")))]
    pub country: String,
    /// `+`, the country's number and the person's (E.164).
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 40)))]
    pub phone: String,
    /// What to call the person.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 100)))]
    pub name: Option<String>,
    /// The readable part of the username; an unguessable tail is added, because the name serves as
    /// a bearer.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,40}$")))]
    pub username: Option<String>,
    /// Whether the answer also signs a browser in: `cookie` (unless told) or `none`.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<SessionKind>"))]
    pub session: Option<String>,
}

/// `POST /api/v1/auth/login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The username, or a mail address.
    #[serde(alias = "email")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 254)))]
    pub username: String,
    /// The password.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 200)))]
    pub password: String,
    /// Whether the answer also signs a browser in: `cookie` (unless told) or `none`.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<SessionKind>"))]
    pub session: Option<String>,
}

/// An account that somebody signed up for or in to, and the key of its wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The account.
    pub id: AccountId,
    /// The name that also serves as a bearer.
    pub username: String,
    /// The wallet's active key: the same at every sign-in.
    pub api_key: KeyText,
    /// Whether an operator has yet to approve the account: until then its key opens nothing.
    pub pending: bool,
}

/// A key with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyText {
    /// The key.
    pub id: KeyId,
    /// The bearer.
    pub token: String,
}

/// The person behind an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// What they are called.
    pub name: Option<String>,
    /// Their mail address.
    pub email: Option<String>,
    /// Whether they showed that it is theirs.
    pub email_verified: bool,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    /// `+` and digits (E.164).
    pub phone: Option<String>,
    /// What is still to be told: `email`, `country`, `phone`.
    pub missing: Vec<String>,
}

/// `POST /api/v1/me`: what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TellPerson {
    /// What to call the person.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 100)))]
    pub name: Option<String>,
    /// Two letters (ISO 3166-1).
    #[serde(default)]
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "Option<String>", regex(pattern = r"^[A-Za-z]{2}$"))
    )]
    pub country: Option<String>,
    /// `+`, the country's number and the person's (E.164).
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 40)))]
    pub phone: Option<String>,
}

/// `POST /api/v1/me/email`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetEmail {
    /// The mail address; a link is sent to it, and it counts once that is opened.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 254)))]
    pub email: String,
    /// The account's password, where another address was shown to be theirs before.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 200)))]
    pub password: Option<String>,
}

/// What `POST /api/v1/me/email` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EmailWanted {
    /// The mail address.
    pub email: String,
    /// Whether it was shown to be theirs; if not, a link is on its way.
    pub verified: bool,
}

/// `POST /api/v1/auth/verify-email`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEmail {
    /// What the link in the mail says after `token=`.
    pub token: String,
}

/// `POST /api/v1/auth/password/forgot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forgot {
    /// The mail address; a link is sent to it, if it is somebody's.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 254)))]
    pub email: String,
}

/// What was heard, and nothing of what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// What a person reads.
    pub detail: String,
}

/// `POST /api/v1/auth/password/reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPassword {
    /// What the link in the mail says after `token=`.
    pub token: String,
    /// 10 to 200 characters, and none of those that are guessed first.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 10, max = 200)))]
    pub password: String,
}

/// `POST /api/v1/me/password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The password of today.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 200)))]
    pub current_password: String,
    /// 10 to 200 characters, and none of those that are guessed first.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 10, max = 200)))]
    pub new_password: String,
}
