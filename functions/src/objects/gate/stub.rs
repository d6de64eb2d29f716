//! Calls to a gate: addressed by the name of what it counts for.

use js_sys::futures::JsFuture;
use schema::{Error, Result};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use crate::{
    domain::attempts::{Ask, Verdict},
    js,
};

/// The binding of the gates in `wrangler.toml`.
const GATE: &str = "GATE";

/// Tells a gate what is tried. One that is out of reach lets nobody in.
pub async fn tell(env: &Env, name: &str, ask: &Ask) -> Result<Verdict> {
    let unavailable = |thrown: JsValue| Error::unavailable(js::said(&thrown));
    let body = serde_json::to_string(ask).map_err(Error::internal)?;
    let init = web_sys::RequestInit::new();
    init.set_method("PUT");
    init.set_body(&body.into());
    let request = web_sys::Request::new_with_str_and_init("http://gate/", &init);
    let request = request.map_err(|thrown| Error::internal(js::said(&thrown)))?;
    let gates = env.durable_object(GATE).map_err(Error::unavailable)?;
    let gate = gates.get_by_name(name).map_err(Error::unavailable)?.into_rpc();
    let response = JsFuture::from(js::hand_on(&gate, &request)).await.map_err(unavailable)?;
    let response: web_sys::Response = response.dyn_into().map_err(unavailable)?;
    let text = JsFuture::from(response.text().map_err(unavailable)?).await.map_err(unavailable)?;
    serde_json::from_str(&text.as_string().unwrap_or_default()).map_err(Error::unavailable)
}
