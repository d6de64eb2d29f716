//! The slice of a `/v1/responses` body that decides what is played, independent of any socket.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::usage;

/// What was asked.
#[derive(Debug, Default, Hash)]
pub struct Asked {
    pub model: String,
    pub stream: bool,
    pub previous_response_id: Option<String>,
    pub prompt_cache_key: Option<String>,
    pub max_output_tokens: Option<u64>,
    /// The last text of the last user message.
    pub prompt: String,
    /// What the calls made since that message have put out.
    pub outputs: Vec<String>,
    pub input_tokens: u64,
    pub tools: Vec<Tool>,
    /// The JSON Schema that the answer has to follow, if there is one.
    pub schema: Option<Value>,
}

/// A tool that the request offers, wherever it stands.
#[derive(Debug, Default, PartialEq, Hash)]
pub struct Tool {
    pub kind: String,
    pub name: String,
}

/// How a command can be run, given the tools of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shell {
    /// A function taking `{"cmd": "…"}`.
    Cmd,
    /// A function taking `{"command": "…"}`.
    Line,
    /// A function taking `{"command": ["bash", "-lc", "…"]}`.
    Words,
    /// The hosted tool whose calls are items of their own kind.
    Hosted,
    /// The custom tool `exec`, which takes JavaScript.
    Code,
}

impl Asked {
    pub fn parse(body: &[u8]) -> Result<Asked, serde_json::Error> {
        let body: Body = serde_json::from_slice(body)?;
        let mut asked = Asked {
            model: body.model,
            stream: body.stream.unwrap_or_default(),
            previous_response_id: body.previous_response_id,
            prompt_cache_key: body.prompt_cache_key,
            max_output_tokens: body.max_output_tokens,
            schema: body.text.and_then(|text| text.format?.schema),
            ..Asked::default()
        };
        offer(body.tools.unwrap_or_default(), &mut asked.tools);
        let mut bytes = body.instructions.map_or(0, |text| text.len());
        for item in body.input.unwrap_or_default().0 {
            bytes += item.bytes();
            asked.take(item);
        }
        asked.input_tokens = usage::tokens(bytes);
        Ok(asked)
    }

    /// The best way to run a command; plain functions before code.
    pub fn shell(&self) -> Option<Shell> {
        let ways = [
            ("function", "exec_command", Shell::Cmd),
            ("function", "shell_command", Shell::Line),
            ("function", "shell", Shell::Words),
            ("local_shell", "", Shell::Hosted),
            ("custom", "exec", Shell::Code),
        ];
        ways.into_iter().find(|(kind, name, _)| self.offers(kind, name)).map(|(_, _, way)| way)
    }

    /// Whether there is a patch tool to be called by itself.
    pub fn offers_patch(&self) -> bool {
        self.offers("custom", "apply_patch")
    }

    fn offers(&self, kind: &str, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.kind == kind && tool.name == name)
    }

    fn take(&mut self, item: Item) {
        if item.role.as_deref() == Some("user") {
            let last = item.content.and_then(|text| text.0.into_iter().next_back());
            if let Some(prompt) = last.filter(|text| !is_context(text)) {
                self.prompt = prompt;
                self.outputs.clear();
            }
        } else if item.kind.as_deref().is_some_and(|kind| kind.ends_with("_call_output")) {
            self.outputs.push(item.output.map(|text| text.0.concat()).unwrap_or_default());
        } else {
            offer(item.tools.unwrap_or_default(), &mut self.tools);
        }
    }
}

/// Clients speak as the user too: of the environment in one element of markup, and in warnings.
fn is_context(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('<') && text.ends_with('>') || text.starts_with("Warning: ")
}

fn offer(offered: Vec<OfferedTool>, tools: &mut Vec<Tool>) {
    for tool in offered {
        tools.push(Tool { kind: tool.kind, name: tool.name.unwrap_or_default() });
        offer(tool.tools.unwrap_or_default(), tools);
    }
}

#[derive(Deserialize)]
struct Body {
    model: String,
    stream: Option<bool>,
    instructions: Option<String>,
    input: Option<Input>,
    tools: Option<Vec<OfferedTool>>,
    previous_response_id: Option<String>,
    prompt_cache_key: Option<String>,
    max_output_tokens: Option<u64>,
    text: Option<TextSettings>,
}

#[derive(Deserialize)]
struct TextSettings {
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    schema: Option<Value>,
}

#[derive(Deserialize)]
struct OfferedTool {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    tools: Option<Vec<OfferedTool>>,
}

/// The conversation; a bare string is one message of the user.
#[derive(Default)]
struct Input(Vec<Item>);

#[derive(Default, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    content: Option<Text>,
    arguments: Option<Text>,
    input: Option<Text>,
    output: Option<Text>,
    tools: Option<Vec<OfferedTool>>,
}

/// Text as a string or as a list of parts; anything else counts as none.
#[derive(Default)]
struct Text(Vec<String>);

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Item {
    fn bytes(&self) -> usize {
        [&self.content, &self.arguments, &self.input, &self.output]
            .into_iter()
            .flatten()
            .flat_map(|text| &text.0)
            .map(String::len)
            .sum()
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Input, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string or a list of items")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Input, E> {
        let content = Some(Text(vec![text.to_owned()]));
        Ok(Input(vec![Item { role: Some("user".to_owned()), content, ..Item::default() }]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input, A::Error> {
        let mut input = Input::default();
        while let Some(item) = items.next_element()? {
            input.0.push(item);
        }
        Ok(input)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("text, a list of parts, or an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Text, A::Error> {
        let mut text = Text::default();
        while let Some(part) = parts.next_element::<Part>()? {
            text.0.extend(part.text);
        }
        Ok(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Text, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(body: Value) -> Asked {
        Asked::parse(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn input_may_be_a_string() {
        let asked = asked(json!({ "model": "m", "input": "hello", "instructions": null }));
        assert_eq!((asked.prompt.as_str(), asked.input_tokens), ("hello", 2));
    }

    #[test]
    fn the_last_text_of_the_last_user_message_counts() {
        let asked = asked(json!({ "model": "m", "instructions": "1234", "input": [
            { "role": "user", "content": "first" },
            { "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "context" },
                { "type": "input_text", "text": "second" },
            ] },
            { "role": "developer", "content": "not this" },
            { "role": "user", "content": [
                { "type": "input_text", "text": "<environment_context>…</environment_context>" },
            ] },
        ] }));
        assert_eq!(asked.prompt, "second");
        assert_eq!(asked.input_tokens, (4 + 5 + 7 + 6 + 8 + 46_u64).div_ceil(4));
    }

    #[test]
    fn outputs_belong_to_the_turn_that_called() {
        let output = |text: Value| json!({ "type": "function_call_output", "output": text });
        let asked = asked(json!({ "model": "m", "input": [
            output(json!("of an earlier turn")),
            { "role": "user", "content": "go" },
            { "type": "function_call", "arguments": "{}" },
            output(json!("one")),
            { "type": "custom_tool_call", "input": "…" },
            { "role": "user", "content": "Warning: use another tool." },
            { "type": "custom_tool_call_output", "output": [{ "text": "t" }, { "text": "wo" }] },
        ] }));
        assert_eq!(asked.outputs, ["one", "two"]);
    }

    #[test]
    fn tools_are_found_inside_an_input_item_too() {
        let exec = json!({ "type": "custom", "name": "exec" });
        let functions = json!({ "type": "namespace", "name": "functions", "tools": [exec] });
        let asked = asked(json!({ "model": "m", "input": [
            { "type": "additional_tools", "role": "developer", "tools": [functions] },
            { "role": "user", "content": "go" },
        ] }));
        assert_eq!((asked.shell(), asked.offers_patch()), (Some(Shell::Code), false));
    }

    #[test]
    fn a_plain_function_is_preferred_to_code() {
        let tools = json!([
            { "type": "custom", "name": "exec" },
            { "type": "custom", "name": "apply_patch" },
            { "type": "web_search" },
            { "type": "function", "name": "shell" },
        ]);
        let asked = asked(json!({ "model": "m", "input": "go", "tools": tools }));
        assert_eq!((asked.shell(), asked.offers_patch()), (Some(Shell::Words), true));
    }

    #[test]
    fn a_body_without_a_model_is_no_request() {
        assert!(Asked::parse(br#"{"input": "hello"}"#).is_err());
        assert!(Asked::parse(b"{").is_err());
    }
}
