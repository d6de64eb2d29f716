//! Items of codex, each kind as the texts that it is shown as.

use serde_json::Value;

use super::Room;

/// Lines of a diff that are shown: as many as the script shows.
const DIFF_MAX_LINES: usize = 2_000;

/// Of a command's output so much of its end is shown, as by the script.
const OUTPUT_MAX_BYTES: usize = 60_000;

/// What is shown of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// Something that somebody said.
    Words {
        kind: String,
        who: &'static str,
        text: String,
    },
    Thinking {
        text: String,
    },
    Command {
        line: String,
        output: String,
        state: Badge,
    },
    Files {
        changes: Vec<Change>,
        state: Badge,
    },
    /// Whatever has no form of its own, as it came.
    Other {
        kind: String,
        title: String,
        state: Badge,
        text: String,
    },
    /// A line between items.
    Mark {
        text: String,
        kind: &'static str,
    },
    /// Only what is asked.
    Nothing,
}

/// A short word about how something stands, and which colour it has.
#[derive(Debug, PartialEq, Eq)]
pub struct Badge {
    pub text: String,
    pub kind: &'static str,
}

/// A file that changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    pub kind: &'static str,
    pub lines: Vec<Line>,
}

/// A line of a diff.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub kind: &'static str,
    pub text: String,
}

impl Body {
    pub(super) fn mark(text: &str, kind: &'static str) -> Self {
        Self::Mark { text: text.to_owned(), kind }
    }

    /// What codex calls it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Words { kind, .. } | Self::Other { kind, .. } => kind,
            Self::Thinking { .. } => "reasoning",
            Self::Command { .. } => "commandExecution",
            Self::Files { .. } => "fileChange",
            Self::Mark { .. } | Self::Nothing => "",
        }
    }
}

/// What an item is known by.
pub fn id(item: &Value) -> String {
    text(item, "id").to_owned()
}

pub fn body(item: &Value, room: &mut Room) -> Body {
    let kind = text(item, "type");
    let mut said = |who, words: &str| {
        let (kind, text) = (kind.to_owned(), room.beginning(words));
        Body::Words { kind, who, text }
    };
    match kind {
        "userMessage" => said("You", &parts(item)),
        "agentMessage" => said("Codex", text(item, "text")),
        "plan" => said("Plan", text(item, "text")),
        "reasoning" => {
            let texts = [list(item, "summary"), list(item, "content")].concat();
            let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
            Body::Thinking { text: room.beginning(&texts.join("\n\n")) }
        }
        "commandExecution" => {
            let line = room.beginning(&command(item));
            let output = text(item, "aggregatedOutput");
            let from = output.len().saturating_sub(OUTPUT_MAX_BYTES);
            let (_, output) = output.split_at(output.ceil_char_boundary(from));
            let output = room.end(output);
            Body::Command { line, output, state: ended(item) }
        }
        "fileChange" => {
            let changes = changes(list(item, "changes"), room);
            Body::Files { changes, state: state(item) }
        }
        "mcpToolCall" => {
            let title = format!("Tool {} {}", text(item, "server"), text(item, "tool"));
            other(item, title, room)
        }
        "webSearch" => other(item, format!("Web search {}", text(item, "query")), room),
        kind => other(item, kind.to_owned(), room),
    }
}

fn other(item: &Value, title: String, room: &mut Room) -> Body {
    let text = room.beginning(&pretty(item));
    Body::Other { kind: self::text(item, "type").to_owned(), title, state: state(item), text }
}

/// Anything as it came, to be read.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A text of that name, or none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What a person sent: texts, and what else came by its kind.
fn parts(item: &Value) -> String {
    let part = |part: &Value| match part.get("text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => format!("[{}]", text(part, "type")),
    };
    list(item, "content").iter().map(part).collect::<Vec<_>>().join("\n")
}

/// A command, which newer versions tell as one text.
pub fn command(of: &Value) -> String {
    match list(of, "command") {
        [] => text(of, "command").to_owned(),
        words => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
    }
}

fn ended(item: &Value) -> Badge {
    match item.get("exitCode").and_then(Value::as_i64) {
        Some(0) => Badge { text: "exit 0".to_owned(), kind: "good" },
        Some(code) => Badge { text: format!("exit {code}"), kind: "bad" },
        None => state(item),
    }
}

fn state(item: &Value) -> Badge {
    let (text, kind) = match text(item, "status") {
        "inProgress" => ("runs", ""),
        "completed" => ("done", "good"),
        "failed" => ("failed", "bad"),
        "declined" => ("rejected", "warn"),
        other => (other, ""),
    };
    Badge { text: text.to_owned(), kind }
}

/// Files that change, each with its diff. A new file's diff is its text.
pub fn changes(told: &[Value], room: &mut Room) -> Vec<Change> {
    let change = |it: &Value| {
        let kind = it.get("kind").map_or("", |kind| match kind.as_str() {
            Some(kind) => kind,
            None => text(kind, "type"),
        });
        let diff = room.beginning(text(it, "diff"));
        let is_text = kind == "add" && !diff.starts_with("@@");
        let kind = match kind {
            "add" => "new",
            "delete" => "removed",
            _ => "changed",
        };
        Change { path: in_project(text(it, "path")).to_owned(), kind, lines: lines(&diff, is_text) }
    };
    told.iter().map(change).collect()
}

fn lines(diff: &str, is_text: bool) -> Vec<Line> {
    let marked = |line: &str| match line {
        line if is_text && !line.is_empty() => format!("+{line}"),
        line => line.to_owned(),
    };
    let line = |line: &str| {
        let text = marked(line);
        let kind = match text.chars().next() {
            Some('+') => "added",
            Some('-') => "removed",
            Some('@') => "place",
            _ => "",
        };
        Line { kind, text }
    };
    let mut lines: Vec<Line> = diff.split('\n').take(DIFF_MAX_LINES).map(line).collect();
    let left = diff.split('\n').count() - lines.len();
    if left > 0 {
        lines.push(Line { kind: "place", text: format!("{left} more lines") });
    }
    lines
}

/// A path as it is in the project: where its folder lies on the machine is nobody's business.
pub fn in_project(path: &str) -> &str {
    let place = |(at, folder): (usize, &str)| {
        let rest = path
            .get(at + folder.len()..)?
            .trim_start_matches(|it: char| it.is_ascii_digit() || ('a'..='f').contains(&it));
        if rest.is_empty() { Some("the project's folder") } else { rest.strip_prefix('/') }
    };
    let inside = path.rmatch_indices("/projects/prj_").find_map(place);
    match inside.unwrap_or(path) {
        "" => "the project's folder",
        inside => inside,
    }
}
