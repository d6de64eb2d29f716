//! Stripe's official clients, led through the stand-in.

use anyhow::Result;
use serde_json::{Value, json};

use crate::sdk::Sdk;

/// Has a client do steps one after the other: `{"do", …}`, as `tests/clients/stripe_client.mjs`
/// names them. Tells what each came to, or the exception that it threw.
pub async fn ask(sdk: Sdk, url: &str, key: &str, asks: Value) -> Result<Vec<Value>> {
    sdk.run("stripe", json!({ "url": url, "key": key, "asks": asks })).await
}
