//! Responses as bytes: the object of the JSON answer, and the events of the stream.

use std::io::Write;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::request::Asked;
use super::script::Ending;
use super::speech::{Item, Piece};

/// Everything that an answer says.
#[derive(Debug)]
pub struct Answer<'a> {
    pub id: &'a str,
    /// Unique per answer; the ids of its items are made from it.
    pub stem: &'a str,
    pub created_at: u64,
    pub model: &'a str,
    pub asked: &'a Asked,
    pub items: &'a [Item],
    pub ending: &'a Ending,
    /// The `usage` member as reported, if there is to be one.
    pub usage: Option<&'a Value>,
}

/// The events of a stream, in one piece of memory.
#[derive(Debug, Default)]
pub struct Reel {
    pub bytes: Vec<u8>,
    pub marks: Vec<Mark>,
}

/// The end of one event: where its bytes end, and the output tokens produced by then.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mark {
    pub end: usize,
    pub tokens: u64,
}

/// The JSON answer.
pub fn object(answer: &Answer) -> serde_json::Result<Vec<u8>> {
    let output = output(answer)?;
    serde_json::to_vec(&answer.ended(&output))
}

/// The stream.
pub fn stream(answer: &Answer) -> serde_json::Result<Reel> {
    let mut reel = Reel::default();
    reel.event("response.created", &Carrier { response: answer.begun() })?;
    reel.event("response.in_progress", &Carrier { response: answer.begun() })?;
    let output = output(answer)?;
    for (index, (item, done)) in answer.items.iter().zip(&output).enumerate() {
        reel.item(&Placed { id: &id(item, answer.stem, index), index, item, done })?;
    }
    reel.event(answer.last_event(), &Carrier { response: answer.ended(&output) })?;
    Ok(reel)
}

/// An error in OpenAI's form.
pub fn error(kind: &str, code: Option<&str>, message: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

/// An item with its place in the answer.
struct Placed<'a> {
    id: &'a str,
    index: usize,
    item: &'a Item,
    done: &'a RawValue,
}

#[derive(Serialize)]
struct Carrier<'a> {
    response: Response<'a>,
}

#[derive(Serialize)]
struct Event<'a, T> {
    r#type: &'a str,
    sequence_number: usize,
    #[serde(flatten)]
    fields: T,
}

/// The response object, with every field that the official clients require.
#[derive(Serialize)]
struct Response<'a> {
    id: &'a str,
    object: &'a str,
    created_at: u64,
    status: &'a str,
    background: bool,
    error: Option<Value>,
    incomplete_details: Option<Value>,
    instructions: Option<&'a str>,
    max_output_tokens: Option<u64>,
    model: &'a str,
    output: &'a [Box<RawValue>],
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    prompt_cache_key: Option<&'a str>,
    service_tier: &'a str,
    store: bool,
    temperature: f32,
    text: Value,
    tool_choice: &'a str,
    tools: [(); 0],
    top_p: f32,
    truncation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a Value>,
    metadata: Value,
}

impl<'a> Answer<'a> {
    fn begun(&self) -> Response<'a> {
        self.response("in_progress", &[], Some(&Value::Null))
    }

    fn ended(&self, output: &'a [Box<RawValue>]) -> Response<'a> {
        match self.ending {
            Ending::Completed => self.response("completed", output, self.usage),
            Ending::Incomplete(reason) => Response {
                incomplete_details: Some(json!({ "reason": reason })),
                ..self.response("incomplete", output, self.usage)
            },
            Ending::Failed { code, message } => Response {
                error: Some(json!({ "code": code, "message": message })),
                ..self.response("failed", output, self.usage)
            },
        }
    }

    fn last_event(&self) -> &'static str {
        match self.ending {
            Ending::Completed => "response.completed",
            Ending::Incomplete(_) => "response.incomplete",
            Ending::Failed { .. } => "response.failed",
        }
    }

    fn response(
        &self,
        status: &'a str,
        output: &'a [Box<RawValue>],
        usage: Option<&'a Value>,
    ) -> Response<'a> {
        Response {
            id: self.id,
            object: "response",
            created_at: self.created_at,
            status,
            background: false,
            error: None,
            incomplete_details: None,
            instructions: None,
            max_output_tokens: self.asked.max_output_tokens,
            model: self.model,
            output,
            parallel_tool_calls: true,
            previous_response_id: self.asked.previous_response_id.as_deref(),
            prompt_cache_key: self.asked.prompt_cache_key.as_deref(),
            service_tier: "default",
            store: false,
            temperature: 1.0,
            text: json!({ "format": { "type": "text" } }),
            tool_choice: "auto",
            tools: [],
            top_p: 1.0,
            truncation: "disabled",
            usage,
            metadata: json!({}),
        }
    }
}

fn output(answer: &Answer) -> serde_json::Result<Vec<Box<RawValue>>> {
    let items = answer.items.iter().enumerate();
    items
        .map(|(index, item)| {
            let mut done = item_object(item, &id(item, answer.stem, index), "completed");
            if let Some(call) = done.get_mut("call_id") {
                *call = json!(format!("call_{}{index}", answer.stem));
            }
            serde_json::value::to_raw_value(&done)
        })
        .collect()
}

fn id(item: &Item, stem: &str, index: usize) -> String {
    let prefix = match item {
        Item::Reasoning(_) => "rs",
        Item::Message(_) => "msg",
        Item::Function { .. } => "fc",
        Item::Custom { .. } => "ctc",
        Item::LocalShell { .. } => "lsh",
    };
    format!("{prefix}_{stem}{index}")
}

/// An item in full; `call_id` is left to the caller.
fn item_object(item: &Item, id: &str, status: &str) -> Value {
    match item {
        Item::Reasoning(words) => json!({
            "id": id, "type": "reasoning", "encrypted_content": "scripted",
            "summary": [{ "type": "summary_text", "text": words.concat() }],
        }),
        Item::Message(words) => json!({
            "id": id, "type": "message", "role": "assistant", "status": status,
            "content": [text_part(&words.concat())],
        }),
        Item::Function { name, arguments } => json!({
            "id": id, "type": "function_call", "status": status, "call_id": null,
            "name": name, "arguments": arguments.concat(),
        }),
        Item::Custom { name, input } => json!({
            "id": id, "type": "custom_tool_call", "status": status, "call_id": null,
            "name": name, "input": input.concat(),
        }),
        Item::LocalShell { command } => json!({
            "id": id, "type": "local_shell_call", "status": status, "call_id": null,
            "action": { "type": "exec", "command": command, "env": {} },
        }),
    }
}

/// The item as it is announced: nothing of it has been said yet.
fn announced(item: &Placed) -> serde_json::Result<Value> {
    let mut object: Value = serde_json::from_str(item.done.get())?;
    let empty = match item.item {
        Item::Reasoning(_) => ("summary", json!([])),
        Item::Message(_) => ("content", json!([])),
        Item::Function { .. } => ("arguments", json!("")),
        Item::Custom { .. } => ("input", json!("")),
        Item::LocalShell { .. } => ("status", json!("in_progress")),
    };
    for (key, value) in [empty, ("status", json!("in_progress"))] {
        if let Some(member) = object.get_mut(key) {
            *member = value;
        }
    }
    Ok(object)
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

impl Reel {
    fn item(&mut self, item: &Placed) -> serde_json::Result<()> {
        let index = item.index;
        let added = json!({ "output_index": index, "item": announced(item)? });
        self.event("response.output_item.added", &added)?;
        match item.item {
            Item::Reasoning(words) => self.reasoning(item, words)?,
            Item::Message(words) => self.message(item, words)?,
            Item::Function { arguments, .. } => {
                self.call(item, "response.function_call_arguments", "arguments", arguments)?;
            }
            Item::Custom { input, .. } => {
                self.call(item, "response.custom_tool_call_input", "input", input)?;
            }
            Item::LocalShell { .. } => {}
        }
        self.event("response.output_item.done", &Done { output_index: index, item: item.done })?;
        if let (Item::LocalShell { .. }, Some(mark)) = (item.item, self.marks.last_mut()) {
            mark.tokens += 1;
        }
        Ok(())
    }

    fn message(&mut self, item: &Placed, words: &[Piece]) -> serde_json::Result<()> {
        let at = json!({ "item_id": item.id, "output_index": item.index, "content_index": 0 });
        let text = words.concat();
        let part = with(&at, "part", text_part(""));
        self.event("response.content_part.added", &part)?;
        let silent = with(&at, "logprobs", json!([]));
        self.deltas("response.output_text.delta", &silent, words)?;
        self.event("response.output_text.done", &with(&silent, "text", json!(text)))?;
        self.event("response.content_part.done", &with(&at, "part", text_part(&text)))
    }

    fn reasoning(&mut self, item: &Placed, words: &[Piece]) -> serde_json::Result<()> {
        let at = json!({ "item_id": item.id, "output_index": item.index, "summary_index": 0 });
        let part = |text: &str| with(&at, "part", json!({ "type": "summary_text", "text": text }));
        let text = words.concat();
        self.event("response.reasoning_summary_part.added", &part(""))?;
        self.deltas("response.reasoning_summary_text.delta", &at, words)?;
        let done = with(&at, "text", json!(text));
        self.event("response.reasoning_summary_text.done", &done)?;
        self.event("response.reasoning_summary_part.done", &part(&text))
    }

    fn call(
        &mut self,
        item: &Placed,
        family: &str,
        member: &str,
        pieces: &[Piece],
    ) -> serde_json::Result<()> {
        let at = json!({ "item_id": item.id, "output_index": item.index });
        self.deltas(&format!("{family}.delta"), &at, pieces)?;
        self.event(&format!("{family}.done"), &with(&at, member, json!(pieces.concat())))
    }

    fn event<T: Serialize>(&mut self, kind: &str, fields: &T) -> serde_json::Result<()> {
        let sequence_number = self.marks.len();
        self.line(format_args!("event: {kind}\ndata: "));
        let event = Event { r#type: kind, sequence_number, fields };
        serde_json::to_writer(&mut self.bytes, &event)?;
        self.end(0);
        Ok(())
    }

    /// One event per piece. They make up most of a stream, so what they share is written only once.
    fn deltas(&mut self, kind: &str, at: &Value, pieces: &[Piece]) -> serde_json::Result<()> {
        let at = at.to_string();
        let at = at.trim_matches(['{', '}']);
        let head = format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{at},\"sequence_number\":");
        for piece in pieces {
            self.bytes.extend_from_slice(head.as_bytes());
            let sequence_number = self.marks.len();
            self.line(format_args!("{sequence_number},\"delta\":"));
            serde_json::to_writer(&mut self.bytes, piece)?;
            self.bytes.push(b'}');
            self.end(1);
        }
        Ok(())
    }

    fn line(&mut self, text: std::fmt::Arguments) {
        // Writing to memory cannot fail.
        let _ = self.bytes.write_fmt(text);
    }

    fn end(&mut self, tokens: u64) {
        self.bytes.extend_from_slice(b"\n\n");
        let before = self.marks.last().map_or(0, |mark| mark.tokens);
        self.marks.push(Mark { end: self.bytes.len(), tokens: before + tokens });
    }
}

#[derive(Serialize)]
struct Done<'a> {
    output_index: usize,
    item: &'a RawValue,
}

fn with(object: &Value, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::super::speech;
    use super::*;

    fn play(directives: &str) -> (Vec<Value>, Reel) {
        let script = Script::parse(directives).unwrap();
        let asked = Asked::parse(
            br#"{"model": "m", "input": "go", "tools": [
            {"type": "function", "name": "exec_command"}]}"#,
        );
        let asked = asked.unwrap();
        let items = speech::items(&script, &asked);
        let answer = Answer {
            id: "resp_1",
            stem: "1",
            created_at: 7,
            model: "m",
            asked: &asked,
            items: &items,
            ending: &script.faults.ending,
            usage: Some(&Value::Null),
        };
        let reel = stream(&answer).unwrap();
        let text = String::from_utf8(reel.bytes.clone()).unwrap();
        let events = text.split_terminator("\n\n").map(parse).collect();
        (events, reel)
    }

    fn parse(event: &str) -> Value {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name, format!("event: {}", data["type"].as_str().unwrap()));
        data
    }

    #[track_caller]
    fn check(directives: &str, kinds: &[&str]) {
        let (events, reel) = play(directives);
        let played: Vec<&str> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap().trim_start_matches("response."))
            .collect();
        assert_eq!(played, kinds);
        assert!(events.iter().enumerate().all(|(n, event)| event["sequence_number"] == n));
        assert_eq!(reel.marks.len(), events.len());
        assert_eq!(reel.marks.last().unwrap().end, reel.bytes.len());
    }

    #[test]
    fn text_is_announced_spoken_and_closed() {
        check(
            "text 2",
            &[
                "created",
                "in_progress",
                "output_item.added",
                "content_part.added",
                "output_text.delta",
                "output_text.delta",
                "output_text.done",
                "content_part.done",
                "output_item.done",
                "completed",
            ],
        );
    }

    #[test]
    fn a_call_comes_after_the_text_before_it() {
        check(
            "text 0; shell true",
            &[
                "created",
                "in_progress",
                "output_item.added",
                "content_part.added",
                "output_text.done",
                "content_part.done",
                "output_item.done",
                "output_item.added",
                "function_call_arguments.delta",
                "function_call_arguments.done",
                "output_item.done",
                "completed",
            ],
        );
    }

    #[test]
    fn a_failure_is_the_last_event() {
        let (events, _) = play("text 1; failed invalid_prompt no money");
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.failed");
        assert_eq!(last["response"]["error"]["code"], "invalid_prompt");
        let (events, _) = play("incomplete");
        let details = &events.last().unwrap()["response"]["incomplete_details"];
        assert_eq!(details["reason"], "max_output_tokens");
    }

    #[test]
    fn every_delta_is_a_token() {
        let (_, reel) = play("reasoning 3; text 4");
        assert_eq!(reel.marks.last().unwrap().tokens, 7);
        assert_eq!(reel.marks.iter().filter(|mark| mark.tokens == 0).count(), 4);
    }

    #[test]
    fn an_item_is_announced_empty_and_closed_in_full() {
        let (events, _) = play("shell true");
        assert_eq!(events[2]["item"]["arguments"], "");
        assert_eq!(events[2]["item"]["status"], "in_progress");
        let done = &events.iter().rfind(|event| event["item"].is_object()).unwrap()["item"];
        assert_eq!(done["arguments"], r#"{"cmd":"true"}"#);
        assert_eq!(done["call_id"], "call_10");
        assert_eq!(events.last().unwrap()["response"]["output"][0], *done);
    }
}
