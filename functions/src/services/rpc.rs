//! Calls of codex's own methods: allowed, noted where an operator's change or show something, and
//! put to the account's process.

use schema::{Error, Result, app_server::Members};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use super::{
    acting::Acting,
    audit,
    runners::{self, Answered, CALL_MS, Request, Watch},
};
use crate::{
    cx::Cx,
    domain::methods::{self, Noted},
};

/// Puts a call to the process, whatever it comes to.
pub async fn pass(cx: &Cx, whom: Acting, method: &str, params: &RawValue) -> Result<Answered> {
    let noted = methods::permit(whom.grade, method)?;
    let members = serde_json::from_str::<Map<String, Value>>(params.get());
    let members = members.map_err(|_| Error::field("params", "a JSON object"))?;
    methods::permit_params(whom.grade, &members)?;
    // Before it happens: what was done without a note would be worse than a note of nothing. What
    // was sent may be a secret, and is not noted.
    let noted = match noted {
        Noted::Never => false,
        Noted::OfOthers => whom.account != cx.config.operator,
        Noted::Always => true,
    };
    if noted {
        audit::note(cx, &format!("codex.{method}"), &whom.account.to_string()).await?;
    }
    put(cx, whom, method, params).await
}

async fn put(cx: &Cx, whom: Acting, method: &str, params: &RawValue) -> Result<Answered> {
    let Acting { account, grade } = whom;
    runners::answered(cx, account, Request { grade, method, params, wait_ms: CALL_MS }).await
}

/// Puts a call to the process; what codex refuses is an error in our words.
pub async fn call(
    cx: &Cx,
    whom: Acting,
    method: &str,
    params: Map<String, Value>,
) -> Result<Members> {
    let params = to_raw_value(&params).map_err(Error::internal)?;
    said(method, pass(cx, whom, method, &params).await?)
}

/// Asks the process what we need to know ourselves and show to nobody.
pub(super) async fn ask(
    cx: &Cx,
    whom: Acting,
    method: &str,
    params: Map<String, Value>,
) -> Result<Members> {
    let params = to_raw_value(&params).map_err(Error::internal)?;
    said(method, put(cx, whom, method, &params).await?)
}

fn said(method: &str, answered: Answered) -> Result<Members> {
    match answered {
        Answered::Result(result) => serde_json::from_str(result.get()).map_err(|error| {
            Error::internal(format!("`{method}` was answered with no object: {error}"))
        }),
        Answered::Error(error) => Err(runners::failure(&error)),
    }
}

/// Tells the process something that has no answer.
pub async fn notify(cx: &Cx, whom: Acting, method: &str, params: Option<&RawValue>) -> Result<()> {
    methods::permit_notification(method)?;
    audit::note(cx, &format!("codex.{method}"), &whom.account.to_string()).await?;
    runners::notify(cx, whom.account, method, params).await
}

/// The events of the process, from now on or after one that was seen.
pub async fn events(cx: &Cx, whom: Acting, watch: &Watch) -> Result<web_sys::ReadableStream> {
    let response = runners::events(cx, whom.account, watch).await?;
    response.body().ok_or_else(|| Error::unavailable("a stream of events without a body"))
}
