//! Calls to a project's object: addressed by the project's id, typed on both sides.

use std::{cell::RefCell, rc::Rc};

use js_sys::{ArrayBuffer, Uint8Array, futures::JsFuture};
use schema::{Error, ProjectId, Result, tunnel};
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, ObjectNamespace};

use crate::{
    domain::project::command::{Answer, Command},
    js,
};

/// The binding of the project objects in `wrangler.toml`.
const PROJECT: &str = "PROJECT";

/// Tells a project's object something, for its answer. Its refusal is an error here; so is an
/// object out of reach.
pub async fn tell(env: &Env, project: ProjectId, command: &Command) -> Result<Answer> {
    let mut frame = Vec::with_capacity(512);
    tunnel::push(&mut frame, command, b"").map_err(Error::internal)?;
    let promise = js::put(&stub(env, project)?, &Uint8Array::from(frame.as_slice()));
    let told = JsFuture::from(promise).await.map_err(unavailable)?;
    let told = js::bytes(&told.unchecked_into::<ArrayBuffer>());
    match tunnel::pop::<Answer>(&told).map_err(Error::unavailable)? {
        Some((Answer::Refused(error), _, _)) => Err(error),
        Some((answer, _, _)) => Ok(answer),
        None => Err(Error::unavailable("a project's object answered nothing")),
    }
}

/// The events of a project as server-sent events, for as long as somebody reads them.
pub async fn events(env: &Env, project: ProjectId, query: &str) -> Result<web_sys::Response> {
    let url = format!("http://object/events?{query}");
    let response = JsFuture::from(js::look(&stub(env, project)?, &url)).await;
    granted(response.map_err(unavailable)?).await
}

/// Hands a terminal's connection on to its project's object.
pub async fn connect(
    env: &Env,
    project: ProjectId,
    query: &str,
    request: &web_sys::Request,
) -> Result<web_sys::Response> {
    let url = format!("http://object/terminal?{query}");
    let response = JsFuture::from(js::hand_to(&stub(env, project)?, &url, request)).await;
    granted(response.map_err(unavailable)?).await
}

/// What an object answers, unless it refuses.
async fn granted(response: JsValue) -> Result<web_sys::Response> {
    let response: web_sys::Response = response.dyn_into().map_err(unavailable)?;
    if response.status() < 400 {
        return Ok(response);
    }
    let text = JsFuture::from(response.text().map_err(unavailable)?).await.map_err(unavailable)?;
    let text = text.as_string().unwrap_or_default();
    Err(serde_json::from_str(&text).unwrap_or_else(Error::unavailable))
}

fn unavailable(thrown: JsValue) -> Error {
    Error::unavailable(js::said(&thrown))
}

thread_local! {
    static PROJECTS: RefCell<Option<Rc<ObjectNamespace>>> = const { RefCell::new(None) };
}

fn stub(env: &Env, project: ProjectId) -> Result<JsValue> {
    let kept = PROJECTS.with_borrow(Clone::clone);
    let projects = match kept {
        Some(projects) => projects,
        None => {
            let projects = Rc::new(env.durable_object(PROJECT).map_err(Error::unavailable)?);
            PROJECTS.set(Some(projects.clone()));
            projects
        }
    };
    let stub = projects.get_by_name(&project.to_string()).map_err(Error::unavailable)?;
    Ok(stub.into_rpc())
}
