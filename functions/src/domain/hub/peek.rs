//! What is read of what a process says: who it concerns, and nothing else.

use std::borrow::Cow;

use schema::{rpc::RequestId, workspace};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Said;
use crate::domain::own_usage::Report;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Params<'a> {
    #[serde(borrow)]
    thread_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    turn_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thread: Option<Named<'a>>,
    #[serde(borrow)]
    turn: Option<Named<'a>>,
}

/// Something with an id.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
}

/// What tells that a question is no longer open.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NoLonger {
    pub request_id: RequestId,
    #[serde(default)]
    pub thread_id: Option<String>,
    /// Who says so, if it is not the process itself: `lapsed`.
    #[serde(default)]
    pub gantry: Option<String>,
}

/// The method under which a process says it.
pub(super) const NO_LONGER: &str = "serverRequest/resolved";

/// Reads a notification or request. Nothing if it is neither.
pub(super) fn said(body: &[u8]) -> Option<Said> {
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    let params = message.params.map_or("null", RawValue::get);
    // A list would be read as the members in their order.
    let is_object = params.starts_with('{');
    let named = is_object.then(|| serde_json::from_str::<Params<'_>>(params).ok()).flatten();
    let Params { thread_id, turn_id, thread, turn } = named.unwrap_or_default();
    let text = |name: Option<Cow<'_, str>>| name.map(Cow::into_owned);
    let id = |named: Option<Named<'_>>| named.and_then(|named| text(named.id));
    Some(Said {
        method: message.method.into_owned(),
        thread: text(thread_id).or_else(|| id(thread)),
        turn: text(turn_id).or_else(|| id(turn)),
        id: message.id.map(|id| id.get().to_owned()),
        params: one_line(params),
    })
}

/// JSON has line ends only between its tokens, where a space does as well; a stream of events has
/// none within.
fn one_line(json: &str) -> String {
    if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json.to_owned() }
}

/// The question that is no longer open.
pub(super) fn no_longer(params: &str) -> Option<NoLonger> {
    serde_json::from_str(params).ok()
}

/// Whether a call is for the host itself, which codex never hears of.
pub(super) fn is_hosts(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        method: Cow<'a, str>,
    }
    let named = serde_json::from_slice::<Named<'_>>(body);
    named.is_ok_and(|named| named.method.starts_with(workspace::PREFIX))
}

/// A call, as far as it concerns what a turn costs.
pub(super) struct Asked {
    pub method: String,
    pub thread: String,
    /// The model that it names.
    pub model: Option<String>,
}

/// Reads a call.
pub(super) fn asked(body: &[u8]) -> Option<Asked> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Params {
        thread_id: Option<String>,
        model: Option<String>,
        collaboration_mode: Option<Mode>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Mode {
        settings: Option<Settings>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Settings {
        model: Option<String>,
    }
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    let params = message.params.map(|params| serde_json::from_str::<Params>(params.get()));
    let Params { thread_id, model, collaboration_mode } = params.and_then(Result::ok)?;
    // Where a mode names a model, codex takes that one.
    let mode = collaboration_mode.and_then(|mode| mode.settings?.model);
    let (method, thread) = (message.method.into_owned(), thread_id.unwrap_or_default());
    Some(Asked { method, thread, model: mode.or(model) })
}

/// What a call came to, as far as it concerns what a turn costs.
pub(super) struct Replied {
    pub failed: bool,
    /// The thread, and the model that its turns ask for.
    pub thread: Option<String>,
    pub model: Option<String>,
    pub turn: Option<String>,
}

/// Reads an answer.
pub(super) fn replied(body: &[u8]) -> Option<Replied> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        #[serde(borrow, default)]
        result: Option<&'a RawValue>,
        #[serde(default)]
        error: Option<serde::de::IgnoredAny>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told<'a> {
        #[serde(borrow)]
        thread: Option<Named<'a>>,
        #[serde(borrow)]
        turn: Option<Named<'a>>,
        #[serde(borrow)]
        model: Option<Cow<'a, str>>,
    }
    let reply: Reply<'_> = serde_json::from_slice(body).ok()?;
    let result = reply.result.map_or("null", RawValue::get);
    let Told { thread, turn, model } = serde_json::from_str(result).unwrap_or_default();
    let id = |named: Option<Named<'_>>| named?.id.map(Cow::into_owned);
    let (thread, turn, model) = (id(thread), id(turn), model.map(Cow::into_owned));
    Some(Replied { failed: reply.error.is_some(), thread, model, turn })
}

/// What a thread has used, in the parameters of `thread/tokenUsage/updated`.
pub(super) fn usage(params: &str) -> Option<Report> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        token_usage: Report,
    }
    serde_json::from_str::<Params>(params).ok().map(|params| params.token_usage)
}

/// Whether a turn came to its own end, in the parameters of `turn/completed`.
pub(super) fn has_completed(params: &str) -> bool {
    #[derive(Deserialize)]
    struct Params {
        turn: Ended,
    }
    #[derive(Deserialize)]
    struct Ended {
        status: String,
    }
    serde_json::from_str::<Params>(params).is_ok_and(|params| params.turn.status == "completed")
}

/// The id of a request.
pub(super) fn request(said: &Said) -> Option<RequestId> {
    serde_json::from_str(said.id.as_ref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, thread: Option<&str>, turn: Option<&str>) {
        let said = said(body.as_bytes()).unwrap();
        assert_eq!((said.thread.as_deref(), said.turn.as_deref()), (thread, turn), "{body}");
    }

    #[test]
    fn threads_and_turns_are_found_wherever_they_are_named() {
        check(r#"{"method":"a","params":{"threadId":"T","turnId":"U"}}"#, Some("T"), Some("U"));
        let started = r#"{"method":"turn/started","params":{"threadId":"T","turn":{"id":"U"}}}"#;
        check(started, Some("T"), Some("U"));
        check(r#"{"method":"thread/started","params":{"thread":{"id":"T"}}}"#, Some("T"), None);
        check(r#"{"method":"a","params":["T","U"]}"#, None, None);
        check(r#"{"method":"a","params":{"threadId":7}}"#, None, None);
        check(r#"{"method":"a"}"#, None, None);
    }

    #[test]
    fn what_passes_through_stays_as_it_is_but_for_line_ends() {
        let said = said(b"{\"method\":\"a\",\"id\":0,\"params\":{\"x\":1.50,\r\n\"y\":\"\\n\"}}");
        let said = said.unwrap();
        assert_eq!(said.params, r#"{"x":1.50,  "y":"\n"}"#);
        assert_eq!((said.id.as_deref(), request(&said)), (Some("0"), Some(RequestId::Number(0))));
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for body in ["", "{", "[]", "{\"id\":1,\"result\":{}}", "\u{fffd}"] {
            assert_eq!(said(body.as_bytes()), None, "{body}");
        }
        assert_eq!(said(b"{\"method\":\"\xff\"}"), None);
    }
}
