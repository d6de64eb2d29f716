//! `/v1/responses` and `/v1/models`: the slice of the Responses wire that we read, and the model
//! list.
//!
//! Bodies and events pass through untouched; these types look at a copy. Unknown fields are
//! ignored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What we read of a request to `POST /v1/responses`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ResponsesRequest<'a> {
    /// The model asked for.
    #[serde(borrow, default)]
    pub model: Option<Cow<'a, str>>,
    /// Whether the answer is a stream of events.
    #[serde(default)]
    pub stream: Option<bool>,
    /// Whether the provider should go on without a connection; refused here.
    #[serde(default)]
    pub background: Option<bool>,
    /// The caller's own bound on the output.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
}

/// Token counts of one response, as the provider reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Usage {
    /// All input, cached or not.
    pub input_tokens: u64,
    /// Details of the input.
    #[serde(default, deserialize_with = "or_default")]
    pub input_tokens_details: InputDetails,
    /// All output, reasoning included.
    pub output_tokens: u64,
    /// Details of the output.
    #[serde(default, deserialize_with = "or_default")]
    pub output_tokens_details: OutputDetails,
}

/// Details of the input tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct InputDetails {
    /// The part of the input that the provider had cached.
    #[serde(default, deserialize_with = "or_default")]
    pub cached_tokens: u64,
}

/// Details of the output tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct OutputDetails {
    /// The part of the output that was reasoning.
    #[serde(default, deserialize_with = "or_default")]
    pub reasoning_tokens: u64,
}

/// A `null` where a value is expected counts as absent.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// What we read of a whole response, from a JSON answer or the last event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ResponseObject<'a> {
    /// The provider's id of the response.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    /// `completed`, `incomplete`, `failed`, `cancelled` and others to come.
    #[serde(borrow, default)]
    pub status: Option<Cow<'a, str>>,
    /// Its token counts, where it has usable ones.
    #[serde(default, deserialize_with = "if_usable")]
    pub usage: Option<Usage>,
}

/// Counts that cannot be read are no counts; the response around them is one all the same.
fn if_usable<'de, D>(deserializer: D) -> Result<Option<Usage>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let found = Option::<&RawValue>::deserialize(deserializer)?;
    Ok(found.and_then(|found| serde_json::from_str(found.get()).ok()))
}

/// The last event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FinalEvent<'a> {
    /// The response as it ended.
    #[serde(borrow)]
    pub response: ResponseObject<'a>,
}

/// `GET /v1/models`: one document that satisfies generic OpenAI clients (`object`, `data`) and the
/// Codex CLI (`models`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ModelList {
    /// Always `list`.
    pub object: String,
    /// The models in OpenAI's form.
    pub data: Vec<Model>,
    /// The models in the Codex CLI's form.
    pub models: Vec<CodexModel>,
}

/// A model in OpenAI's form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Model {
    /// What to send as `model`.
    pub id: String,
    /// Always `model`.
    pub object: String,
    /// Seconds since the epoch; the same for all, because providers do not say.
    pub created: i64,
    /// Who serves it: the operator's brand, never a route.
    pub owned_by: String,
}

/// A model in the Codex CLI's form. The CLI rejects the whole list when one field of one entry is
/// missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct CodexModel {
    /// What to send as `model`.
    pub slug: String,
    /// What a person sees.
    pub display_name: String,
    /// One line about it.
    pub description: String,
    /// The effort when nobody names one.
    pub default_reasoning_level: String,
    /// The efforts that may be named.
    pub supported_reasoning_levels: Vec<ReasoningLevel>,
    /// How commands are run: `shell_command`.
    pub shell_type: String,
    /// `list` shows it in the picker.
    pub visibility: String,
    /// The oldest CLI that may use it.
    pub minimal_client_version: [u32; 3],
    /// Whether an API key may use it.
    pub supported_in_api: bool,
    /// Order in the picker.
    pub priority: u32,
    /// A newer model to recommend.
    pub upgrade: Option<String>,
    /// The instructions that the CLI sends with it.
    pub base_instructions: String,
    /// Whether it summarises its reasoning.
    pub supports_reasoning_summaries: bool,
    /// Whether `text.verbosity` may be sent.
    pub support_verbosity: bool,
    /// The verbosity when nobody names one.
    pub default_verbosity: Option<String>,
    /// The form of the patch tool.
    pub apply_patch_tool_type: Option<String>,
    /// How the CLI shortens tool output.
    pub truncation_policy: TruncationPolicy,
    /// Whether several tools may be called at once.
    pub supports_parallel_tool_calls: bool,
    /// Tokens that fit.
    pub context_window: u64,
    /// Tools behind a flag.
    pub experimental_supported_tools: Vec<String>,
}

/// A reasoning effort and what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ReasoningLevel {
    /// `low`, `medium` or `high`.
    pub effort: String,
    /// One line about it.
    pub description: String,
}

/// How the CLI shortens tool output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct TruncationPolicy {
    /// `bytes` or `tokens`.
    pub mode: String,
    /// How many of them.
    pub limit: u64,
}

/// A failure in OpenAI's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ErrorResponse {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong, in OpenAI's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// What a person reads: what happened and what to do next.
    pub message: String,
    /// The group that it belongs to, for example `invalid_request_error`.
    pub r#type: String,
    /// The field that is wrong, where one is.
    pub param: Option<String>,
    /// What a program switches on.
    pub code: Option<String>,
}
