//! What objects that speak in frames are told and answer: a head, and bytes after it.

use js_sys::{Uint8Array, futures::JsFuture};
use schema::tunnel;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};

use crate::js;

/// Room for what a head has without its body.
const HEAD_BYTES: usize = 512;

/// What a request says.
pub async fn told(request: &web_sys::Request) -> Result<Vec<u8>, JsValue> {
    let buffer = JsFuture::from(request.array_buffer()?).await?;
    Ok(js::bytes(&buffer.unchecked_into()))
}

/// What is answered.
pub fn answer(head: &impl Serialize, body: &[u8]) -> Result<web_sys::Response, JsValue> {
    let mut frame = Vec::with_capacity(HEAD_BYTES.saturating_add(body.len()));
    tunnel::push(&mut frame, head, body).map_err(|bad| JsValue::from_str(&bad.0))?;
    Ok(js::bytes_answer(&Uint8Array::from(frame.as_slice())))
}
