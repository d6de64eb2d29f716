//! `/v1/models`: one document in OpenAI's form and in the form that the Codex CLI decodes.

use serde_json::{Value, json};

/// The models that rehearsal plays, most capable first.
const MODELS: [&str; 3] = ["gpt-6.1-sol", "gpt-5.5", "rehearsal"];

/// Both lists in one document.
pub fn document() -> Value {
    json!({
        "object": "list",
        "data": MODELS.map(listed),
        "models": MODELS.iter().enumerate().map(|(n, slug)| described(n, slug)).collect::<Vec<_>>(),
    })
}

fn listed(slug: &str) -> Value {
    json!({ "id": slug, "object": "model", "created": 1_700_000_000, "owned_by": "rehearsal" })
}

fn described(priority: usize, slug: &str) -> Value {
    json!({
        "slug": slug,
        "display_name": slug,
        "description": "Scripted by rehearsal",
        "default_reasoning_level": "medium",
        "supported_reasoning_levels": [
            { "effort": "low", "description": "Low" },
            { "effort": "medium", "description": "Medium" },
        ],
        "shell_type": "shell_command",
        "visibility": "list",
        "minimal_client_version": [0, 1, 0],
        "supported_in_api": true,
        "priority": priority,
        "upgrade": null,
        "base_instructions": "You are scripted.",
        "supports_reasoning_summaries": false,
        "support_verbosity": false,
        "default_verbosity": null,
        "apply_patch_tool_type": null,
        "truncation_policy": { "mode": "bytes", "limit": 10_000 },
        "supports_parallel_tool_calls": false,
        "context_window": 100_000,
        "experimental_supported_tools": [],
    })
}
