//! The routes var of a local run.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::config::Wrangler;

/// The committed routes cut to one that leads to `base_url`, so that models are named once.
pub fn routes(name: &str, base_url: &str) -> Result<String> {
    let committed = Wrangler::read()?.vars().remove("ROUTES").context("wrangler.toml: ROUTES")?;
    let mut routes: Vec<Value> = serde_json::from_str(&committed).context("ROUTES")?;
    routes.truncate(1);
    for route in &mut routes {
        route["name"] = json!(name);
        route["base_url"] = json!(base_url);
    }
    Ok(json!(routes).to_string())
}
