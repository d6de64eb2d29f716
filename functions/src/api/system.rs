//! What the deployment says of itself to anybody.

use schema::{Error, Result, agent::Failure};
use serde::{Deserialize, Serialize};

use super::agent;
use crate::{
    cx::Cx,
    domain::{access::Access::Public, contract::DOCUMENT},
    http::{
        Family, Json, get,
        reply::{Answer, Body, JSON, Reply},
    },
};

/// The routes of this family.
pub fn family() -> Family {
    Family::new::<Failure>(
        "system",
        agent::refuse::refuse,
        vec![
            get("/health", Public, "system", "Health check", health),
            get("/openapi.json", Public, "openapi", "This API as an OpenAPI 3.1 document", openapi),
        ],
    )
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Nothing {}

/// Whether the deployment answers.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Health {
    status: &'static str,
    version: &'static str,
}

async fn health(_: Cx, _: Nothing) -> Result<Json<Health>> {
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}

/// The committed document, as it is.
struct Document;

/// Any JSON object.
#[derive(Debug)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct AnyObject {}

impl Answer for Document {
    type Body = AnyObject;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = JSON;

    fn reply(self) -> Result<Reply, Error> {
        let body = DOCUMENT.to_owned();
        Ok(Reply { status: 200, content_type: JSON, body: Body::Text(body), headers: Vec::new() })
    }
}

async fn openapi(_: Cx, _: Nothing) -> Result<Document> {
    Ok(Document)
}
