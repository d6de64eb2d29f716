//! Calls to a runner's object: addressed by the runner's id, typed on both sides.

use std::{cell::RefCell, rc::Rc};

use js_sys::{ArrayBuffer, Promise, Uint8Array, futures::JsFuture};
use schema::{Error, Result, RunnerId, tunnel};
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, ObjectNamespace};

use crate::{
    domain::hub::command::{Answer, Command},
    js,
};

/// The status by which an object says that its runner is void.
pub(super) const GONE: u16 = 410;
/// The header by which an object describes the file that it answers with.
pub const FILE: &str = "x-gantry-file";
/// The binding of the runner objects in `wrangler.toml`.
const RUNNER: &str = "RUNNER";

/// Tells a runner's object something, for its answer and the answer's body. Its refusal is an error
/// here; so is an object out of reach.
pub async fn tell(
    env: &Env,
    runner: RunnerId,
    command: &Command,
    body: &[u8],
) -> Result<(Answer, Vec<u8>)> {
    let mut frame = Vec::with_capacity(body.len() + 256);
    tunnel::push(&mut frame, command, body).map_err(Error::internal)?;
    let promise = js::put(&stub(env, runner)?, &Uint8Array::from(frame.as_slice()));
    let told = JsFuture::from(promise).await.map_err(unavailable)?;
    let told = js::bytes(&told.unchecked_into::<ArrayBuffer>());
    match tunnel::pop::<Answer>(&told).map_err(Error::unavailable)? {
        Some((Answer::Refused(error), _, _)) => Err(error),
        Some((answer, body, _)) => Ok((answer, body.to_vec())),
        None => Err(Error::unavailable("a runner's object answered nothing")),
    }
}

/// Asks a runner's object for something that it streams: nothing if the runner is void. Its refusal
/// is an error here.
pub async fn look(env: &Env, runner: RunnerId, path: &str) -> Result<Option<web_sys::Response>> {
    let url = format!("http://object{path}");
    let response = response(js::look(&stub(env, runner)?, &url)).await?;
    match response.status() {
        GONE => return Ok(None),
        ..400 => return Ok(Some(response)),
        _ => {}
    }
    let text = JsFuture::from(response.text().map_err(unavailable)?).await.map_err(unavailable)?;
    let text = text.as_string().unwrap_or_default();
    Err(serde_json::from_str(&text).unwrap_or_else(Error::unavailable))
}

/// Hands a runner's own connection on to its object.
pub async fn connect(
    env: &Env,
    runner: RunnerId,
    generation: u64,
    request: &web_sys::Request,
) -> Result<web_sys::Response> {
    let url = format!("http://object/connect?generation={generation}");
    response(js::hand_to(&stub(env, runner)?, &url, request)).await
}

async fn response(promise: Promise) -> Result<web_sys::Response> {
    JsFuture::from(promise).await.map_err(unavailable)?.dyn_into().map_err(unavailable)
}

fn unavailable(thrown: JsValue) -> Error {
    Error::unavailable(js::said(&thrown))
}

thread_local! {
    static RUNNERS: RefCell<Option<Rc<ObjectNamespace>>> = const { RefCell::new(None) };
}

fn stub(env: &Env, runner: RunnerId) -> Result<JsValue> {
    let kept = RUNNERS.with_borrow(Clone::clone);
    let runners = match kept {
        Some(runners) => runners,
        None => {
            let runners = Rc::new(env.durable_object(RUNNER).map_err(Error::unavailable)?);
            RUNNERS.set(Some(runners.clone()));
            runners
        }
    };
    let stub = runners.get_by_name(&runner.to_string()).map_err(Error::unavailable)?;
    Ok(stub.into_rpc())
}
