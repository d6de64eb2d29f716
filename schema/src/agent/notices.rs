//! What a customer was told, and by which way.

use serde::{Deserialize, Serialize};

use crate::NoticeId;
#[cfg(not(target_arch = "wasm32"))]
use crate::words::{ChannelName, NoticeState};

/// One message on one channel, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The message.
    pub id: NoticeId,
    /// What it told of; it is told once on each channel.
    pub event: String,
    /// What it said, by the name of its template.
    pub template: String,
    /// `mail` or `whatsapp`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "ChannelName"))]
    pub channel: String,
    /// The address or number that it went to.
    pub recipient: Option<String>,
    /// `waiting`, `handed`, `sent`, `unconfirmed` (handed over, and never heard of), `failed` or
    /// `suppressed`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "NoticeState"))]
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was told, ISO 8601.
    pub created_at: String,
    /// When it was tried last, ISO 8601.
    pub tried_at: Option<String>,
    /// When it is tried next, ISO 8601.
    pub next_at: Option<String>,
}

/// `GET` and `POST /api/v1/notices/wanted`: the messages that a person can do without. What is left
/// out of a change stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedNotices {
    /// That the wallet runs low.
    #[serde(default)]
    pub low_balance: Option<bool>,
    /// That fair use of the Unlimited plan is nearly used up.
    #[serde(default)]
    pub fair_use: Option<bool>,
}
