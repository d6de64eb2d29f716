//! `GET /v1/models`: one document for OpenAI's clients and for the Codex CLI.

use schema::{
    Result,
    openai::{CodexModel, Model, ModelList, ReasoningLevel, TruncationPolicy},
};

use crate::{api::system::Nothing, cx::Cx, http::Json, services::models};

/// The Codex CLI drops the whole list when one field is missing, so every entry has them all.
const CONTEXT_TOKENS: u64 = 272_000;
const TOOL_OUTPUT_MAX_BYTES: u64 = 10_000;
/// Seconds since the epoch; providers do not say, and clients only need a number.
const CREATED: i64 = 1_767_225_600;

/// Lists the models.
pub async fn list(cx: Cx, _: Nothing) -> Result<Json<ModelList>> {
    let names = models::list(&cx).await?;
    let data = names.iter().map(|name| Model {
        id: name.clone(),
        object: "model".to_owned(),
        created: CREATED,
        owned_by: cx.config.brand.clone(),
    });
    let codex = names.iter().zip(0..).map(|(name, priority)| codex_model(name, priority));
    Ok(Json(ModelList { object: "list".to_owned(), data: data.collect(), models: codex.collect() }))
}

fn codex_model(name: &str, priority: u32) -> CodexModel {
    let level = |effort: &str, description: &str| ReasoningLevel {
        effort: effort.to_owned(),
        description: description.to_owned(),
    };
    CodexModel {
        slug: name.to_owned(),
        display_name: name.to_uppercase(),
        description: "Metered from your wallet.".to_owned(),
        default_reasoning_level: "medium".to_owned(),
        supported_reasoning_levels: vec![
            level("low", "Quick"),
            level("medium", "Balanced"),
            level("high", "Thorough"),
        ],
        shell_type: "shell_command".to_owned(),
        visibility: "list".to_owned(),
        minimal_client_version: [0, 1, 0],
        supported_in_api: true,
        priority,
        upgrade: None,
        base_instructions: "You are Codex, a coding agent.".to_owned(),
        supports_reasoning_summaries: true,
        support_verbosity: true,
        default_verbosity: Some("low".to_owned()),
        apply_patch_tool_type: Some("freeform".to_owned()),
        truncation_policy: TruncationPolicy {
            mode: "bytes".to_owned(),
            limit: TOOL_OUTPUT_MAX_BYTES,
        },
        supports_parallel_tool_calls: true,
        context_window: CONTEXT_TOKENS,
        experimental_supported_tools: Vec::new(),
    }
}
