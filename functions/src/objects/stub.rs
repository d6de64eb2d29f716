//! Calls to an object: addressed by the account's id, typed on both sides.

use std::{cell::RefCell, rc::Rc};

use js_sys::futures::JsFuture;
use schema::{AccountId, Error, Result};
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, ObjectNamespace};

use crate::{
    domain::{
        account::{Answer, Ask, Command, Knock, Outcome},
        admission::{Pass, Refusal},
    },
    js,
};

/// The binding of the account objects in `wrangler.toml`.
const ACCOUNT: &str = "ACCOUNT";

/// Tells an account's object to do something. Its refusal is an error here; so is an object out of
/// reach.
pub async fn ask(env: &Env, account: AccountId, command: Command) -> Result<Outcome> {
    match put(env, account, &Ask { knock: None, command }).await?.outcome {
        Outcome::Refused(error) => Err(error),
        outcome => Ok(outcome),
    }
}

/// Asks an account's object to let somebody in.
pub async fn knock(env: &Env, account: AccountId, knock: Knock) -> Result<Pass, Refusal> {
    let ask = Ask { knock: Some(knock), command: Command::Admit };
    let answer = put(env, account, &ask).await?;
    match (answer.outcome, answer.pass) {
        (Outcome::Refused(error), _) => Err(Refusal { error, rate: answer.rate }),
        (_, Some(pass)) => Ok(pass),
        (outcome, None) => Err(Error::internal(format!("{outcome:?} instead of a pass")).into()),
    }
}

async fn put(env: &Env, account: AccountId, ask: &Ask) -> Result<Answer> {
    let body = serde_json::to_string(ask).map_err(Error::internal)?;
    let init = web_sys::RequestInit::new();
    init.set_method("PUT");
    init.set_body(&body.into());
    let request = web_sys::Request::new_with_str_and_init("http://account/", &init);
    let request = request.map_err(|thrown| Error::internal(js::said(&thrown)))?;
    let response = send(env, account, &request).await?;
    let text = response.text().map_err(|thrown| Error::unavailable(js::said(&thrown)))?;
    let text = JsFuture::from(text).await.map_err(|t| Error::unavailable(js::said(&t)))?;
    let text = text.as_string().unwrap_or_default();
    serde_json::from_str(&text).map_err(Error::unavailable)
}

/// Hands a request on to an account's object as it is, body and all.
pub async fn send(
    env: &Env,
    account: AccountId,
    request: &web_sys::Request,
) -> Result<web_sys::Response> {
    let unavailable = |thrown: JsValue| Error::unavailable(js::said(&thrown));
    let objects = accounts(env)?;
    let stub = objects.get_by_name(&account.to_string()).map_err(Error::unavailable)?;
    let stub: JsValue = stub.into_rpc();
    let promise = js::hand_on(&stub, request);
    let response = JsFuture::from(promise).await.map_err(unavailable)?;
    response.dyn_into().map_err(unavailable)
}

thread_local! {
    static ACCOUNTS: RefCell<Option<Rc<ObjectNamespace>>> = const { RefCell::new(None) };
}

/// The binding, looked up once per isolate: it stays the same, and looking it up costs a call's
/// worth.
fn accounts(env: &Env) -> Result<Rc<ObjectNamespace>> {
    if let Some(accounts) = ACCOUNTS.with_borrow(Clone::clone) {
        return Ok(accounts);
    }
    let accounts = Rc::new(env.durable_object(ACCOUNT).map_err(Error::unavailable)?);
    ACCOUNTS.set(Some(accounts.clone()));
    Ok(accounts)
}
