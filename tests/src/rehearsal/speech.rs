//! What the scripted model says and calls: from a script and a request to output items.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::request::{Asked, Shell};
use super::script::{Act, Script};

/// One word, or one piece of a call's arguments; each is a delta and an output token.
pub type Piece = Cow<'static, str>;

/// The words of `text N`, over and over: whoever reads a part of them reads that they are scripted.
const WORDS: [&str; 12] = [
    "This ",
    "is ",
    "a ",
    "scripted ",
    "answer: ",
    "rehearsal ",
    "plays ",
    "it ",
    "and ",
    "no ",
    "model ",
    "spoke. ",
];

const UNICODE_WORDS: [&str; 5] = ["scripted ", "naïve ", "脚本の", "répétition ", "🎭 "];

/// Bytes of the prompt, or of a call's output, that an answer repeats.
const QUOTE_MAX_BYTES: usize = 2_000;

/// Bytes of a call's arguments in one delta.
const PIECE_BYTES: usize = 16;

/// An item of the answer, before it has an id.
#[derive(Debug, PartialEq)]
pub enum Item {
    Reasoning(Vec<Piece>),
    Message(Vec<Piece>),
    Function { name: &'static str, arguments: Vec<Piece> },
    Custom { name: &'static str, input: Vec<Piece> },
    LocalShell { command: Vec<String> },
}

impl Item {
    /// The output tokens it takes to say or call this.
    pub fn tokens(&self) -> usize {
        match self {
            Item::Reasoning(pieces) | Item::Message(pieces) => pieces.len(),
            Item::Function { arguments, .. } => arguments.len(),
            Item::Custom { input, .. } => input.len(),
            Item::LocalShell { .. } => 1,
        }
    }
}

/// The items of the response that comes next in this turn.
pub fn items(script: &Script, asked: &Asked) -> Vec<Item> {
    let round = script.round(asked.outputs.len());
    let mut items: Vec<Item> = round.speech.iter().map(|act| perform(act, asked)).collect();
    match round.call {
        Some(call) => items.push(perform(call, asked)),
        None if items.is_empty() => items.push(reply(asked)),
        None => {}
    }
    items
}

fn perform(act: &Act, asked: &Asked) -> Item {
    match act {
        Act::Text(count) => Item::Message(cycle(&WORDS, *count)),
        Act::Unicode(count) => Item::Message(cycle(&UNICODE_WORDS, *count)),
        Act::Say(words) => Item::Message(split(words)),
        Act::Reasoning(count) => Item::Reasoning(cycle(&WORDS, *count)),
        Act::Shell(command) => run(command, asked),
        Act::Patch(file) => patch(file, asked),
    }
}

/// What is said where the script says nothing: the last call's output, or a word about the prompt.
fn reply(asked: &Asked) -> Item {
    if let Some(schema) = &asked.schema {
        return Item::Message(split(&instance(schema).to_string()));
    }
    let text = match asked.outputs.last() {
        Some(output) => format!("This answer is scripted. The call put out: {}", quote(output)),
        None => format!(
            "Hello! This answer is scripted: rehearsal plays a model, and no model was asked. \
             You wrote: {}",
            quote(&asked.prompt)
        ),
    };
    Item::Message(split(&text))
}

/// A value that a schema of the usual kind accepts.
fn instance(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0).or(schema.get("const")) {
        return first.clone();
    }
    let kind = schema["type"].get(0).unwrap_or(&schema["type"]);
    match kind.as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            members.map(|(name, schema)| (name.clone(), instance(schema))).collect()
        }
        Some("array") => json!([]),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("null") => Value::Null,
        _ => json!("Scripted"),
    }
}

fn quote(text: &str) -> &str {
    let text = text.rsplit_once("Output:\n").map_or(text, |(_, output)| output).trim();
    text.get(..text.floor_char_boundary(QUOTE_MAX_BYTES)).unwrap_or(text)
}

fn run(command: &str, asked: &Asked) -> Item {
    let function =
        |name, arguments: Value| Item::Function { name, arguments: chunks(&arguments.to_string()) };
    match asked.shell() {
        Some(Shell::Cmd) => function("exec_command", json!({ "cmd": command })),
        Some(Shell::Line) => function("shell_command", json!({ "command": command })),
        Some(Shell::Words) => function("shell", json!({ "command": ["bash", "-lc", command] })),
        Some(Shell::Hosted) => {
            Item::LocalShell { command: ["bash", "-lc", command].map(str::to_owned).to_vec() }
        }
        Some(Shell::Code) => code(&format!(
            "const r = await tools.exec_command({}); text(r.output);",
            json!({ "cmd": command })
        )),
        None => Item::Message(split("This answer is scripted. No shell tool was offered.")),
    }
}

fn patch(file: &str, asked: &Asked) -> Item {
    let patch = format!(
        "*** Begin Patch\n*** Add File: {file}\n+This file was added by a scripted patch.\n\
         *** End Patch\n"
    );
    if asked.offers_patch() {
        return Item::Custom { name: "apply_patch", input: chunks(&patch) };
    }
    match asked.shell() {
        Some(Shell::Code) => {
            code(&format!("const r = await tools.apply_patch({}); text(r);", json!(patch)))
        }
        _ => run(&format!("apply_patch <<'PATCH'\n{patch}PATCH"), asked),
    }
}

fn code(javascript: &str) -> Item {
    Item::Custom { name: "exec", input: chunks(javascript) }
}

fn cycle(words: &'static [&'static str], count: u32) -> Vec<Piece> {
    words.iter().cycle().take(count as usize).map(|word| Cow::Borrowed(*word)).collect()
}

/// Words, each with the space that follows it.
fn split(text: &str) -> Vec<Piece> {
    text.split_inclusive(char::is_whitespace).map(|word| Cow::Owned(word.to_owned())).collect()
}

fn chunks(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(PIECE_BYTES));
        pieces.push(Cow::Owned(piece.to_owned()));
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::super::request::Tool;
    use super::*;

    fn offering(kind: &str, name: &str) -> Asked {
        let tool = Tool { kind: kind.to_owned(), name: name.to_owned() };
        Asked { tools: vec![tool], prompt: "hi".to_owned(), ..Asked::default() }
    }

    #[track_caller]
    fn check(directives: &str, asked: &Asked, expected: &[&str]) {
        let script = Script::parse(directives).unwrap();
        let told: Vec<String> = items(&script, asked).iter().map(tell).collect();
        assert_eq!(told, expected);
    }

    fn tell(item: &Item) -> String {
        match item {
            Item::Reasoning(words) => format!("thinks {}", words.concat()),
            Item::Message(words) => format!("says {}", words.concat()),
            Item::Function { name, arguments } => format!("calls {name} {}", arguments.concat()),
            Item::Custom { name, input } => format!("calls {name} {}", input.concat()),
            Item::LocalShell { command } => format!("runs {command:?}"),
        }
    }

    #[test]
    fn a_command_goes_to_the_shell_that_is_offered() {
        let code =
            r#"calls exec const r = await tools.exec_command({"cmd":"ls"}); text(r.output);"#;
        let calls = [
            ("function", "exec_command", r#"calls exec_command {"cmd":"ls"}"#),
            ("function", "shell_command", r#"calls shell_command {"command":"ls"}"#),
            ("function", "shell", r#"calls shell {"command":["bash","-lc","ls"]}"#),
            ("local_shell", "", r#"runs ["bash", "-lc", "ls"]"#),
            ("custom", "exec", code),
        ];
        for (kind, name, call) in calls {
            check("text 2; shell ls", &offering(kind, name), &["says This is ", call]);
        }
    }

    #[test]
    fn a_patch_goes_through_the_shell_where_there_is_no_patch_tool() {
        let script = Script::parse("patch a.txt").unwrap();
        let told = |asked: &Asked| items(&script, asked).iter().map(tell).collect::<String>();
        let by_tool = told(&offering("custom", "apply_patch"));
        assert!(by_tool.starts_with("calls apply_patch *** Begin Patch\n*** Add File: a.txt\n+"));
        let by_shell = told(&offering("function", "exec_command"));
        assert!(by_shell.starts_with(r#"calls exec_command {"cmd":"apply_patch <<'PATCH'\n***"#));
        let by_code = told(&offering("custom", "exec"));
        assert!(by_code.starts_with(r#"calls exec const r = await tools.apply_patch("*** Begin"#));
    }

    #[test]
    fn the_output_of_a_call_is_quoted() {
        let mut asked = offering("function", "exec_command");
        asked.outputs.push("Wall time: 1 s\nOutput:\nfile.txt\n".to_owned());
        check("shell ls", &asked, &["says This answer is scripted. The call put out: file.txt"]);
        check("shell ls; say done", &asked, &["says done"]);
    }

    #[test]
    fn an_answer_says_that_it_is_scripted() {
        let told =
            items(&Script::default(), &offering("", "")).iter().map(tell).collect::<String>();
        assert!(told.contains("scripted") && told.ends_with("You wrote: hi"));
    }

    #[test]
    fn a_structured_answer_follows_its_schema() {
        let schema = json!({ "type": "object", "properties": {
            "title": { "type": "string", "maxLength": 36 },
            "count": { "type": ["integer", "null"] },
            "mood": { "enum": ["calm", "wild"] },
            "tags": { "type": "array" },
        } });
        let asked = Asked { schema: Some(schema), ..offering("", "") };
        let json = r#"says {"count":0,"mood":"calm","tags":[],"title":"Scripted"}"#;
        check("", &asked, &[json]);
    }

    #[test]
    fn arguments_come_in_pieces_that_join_up_again() {
        let text = "0123456789abcdeé and the rest of it";
        let pieces = chunks(text);
        assert_eq!((pieces.len(), pieces.concat().as_str()), (3, text));
    }
}
