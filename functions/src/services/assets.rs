//! The files that pages are made of. In production the platform serves them ahead of the Worker;
//! locally the Worker asks the same service for them.

use schema::{Error, Result};
use wasm_bindgen::JsCast;

use crate::{cx::Cx, js};

/// The binding of the files in `wrangler.toml`.
const ASSETS: &str = "ASSETS";

/// The file that a request asks for.
pub async fn file(cx: &Cx, request: &web_sys::Request) -> Result<web_sys::Response> {
    let binding = js_sys::Reflect::get(cx.env.as_ref(), &ASSETS.into());
    let binding = binding.map_err(|thrown| Error::unavailable(js::said(&thrown)))?;
    let answer = js_sys::futures::JsFuture::from(js::hand_on(&binding, request)).await;
    let answer = answer.map_err(|thrown| Error::unavailable(js::said(&thrown)))?;
    answer.dyn_into().map_err(|_| Error::unavailable("the files answered with no response"))
}
