//! What a handler answers, before it is bytes.

use schema::{Error, Result};
use serde::Serialize;

use super::route::Wire;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// The content type of JSON.
pub const JSON: &str = "application/json";

/// What a handler may return.
pub trait Answer {
    /// What it carries.
    type Body: Wire;
    /// The HTTP status.
    const STATUS: u16;
    /// The body's type.
    const CONTENT_TYPE: &'static str;
    /// The whole answer.
    fn reply(self) -> Result<Reply>;
}

/// 200 with JSON.
pub struct Json<T>(pub T);
/// 201 with JSON.
pub struct Created<T>(pub T);

impl<T: Serialize + Wire> Answer for Json<T> {
    type Body = T;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = JSON;
    fn reply(self) -> Result<Reply> {
        json(Self::STATUS, &self.0)
    }
}

impl<T: Serialize + Wire> Answer for Created<T> {
    type Body = T;
    const STATUS: u16 = 201;
    const CONTENT_TYPE: &'static str = JSON;
    fn reply(self) -> Result<Reply> {
        json(Self::STATUS, &self.0)
    }
}

fn json(status: u16, value: &impl Serialize) -> Result<Reply> {
    let body = serde_json::to_string(value).map_err(Error::internal)?;
    Ok(Reply { status, content_type: JSON, body })
}
