//! What a question of codex is about, as far as rules look at it.

use schema::agent::ApprovalKind;
use serde_json::Value;

use super::plain;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Command(Command),
    Files(Files),
    /// What no rule can look into.
    Other(ApprovalKind),
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// As it was shown.
    pub text: String,
    /// Its words, if it is one plain command.
    pub words: Option<Vec<String>>,
    /// Whether it runs in the project's directory, and wants nothing beside that.
    pub is_ordinary: bool,
}

/// Changes of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Every path that is touched.
    pub paths: Vec<Path>,
    /// Whether that is all that is asked for.
    pub is_ordinary: bool,
}

/// A path, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// From the project's directory.
    Inside(Vec<String>),
    /// From the root of everything.
    Outside(Vec<String>),
}

impl Asked {
    /// Reads a question and the item that it is about: only the item of a change of files names
    /// them. `root` is the project's directory as its process names it, an absolute path.
    pub fn read(method: &str, params: &Value, item: Option<&Value>, root: &str) -> Self {
        match method {
            "item/commandExecution/requestApproval" => Self::Command(Command::read(params, root)),
            "item/fileChange/requestApproval" => Self::Files(Files::read(params, item, root)),
            "execCommandApproval" => Self::Other(ApprovalKind::Command),
            "applyPatchApproval" => Self::Other(ApprovalKind::FileChange),
            "item/permissions/requestApproval" => Self::Other(ApprovalKind::Permissions),
            "item/tool/requestUserInput" => Self::Other(ApprovalKind::Question),
            "mcpServer/elicitation/request" => Self::Other(ApprovalKind::Elicitation),
            _ => Self::Other(ApprovalKind::Other),
        }
    }

    pub const fn kind(&self) -> ApprovalKind {
        match self {
            Self::Command(_) => ApprovalKind::Command,
            Self::Files(_) => ApprovalKind::FileChange,
            Self::Other(kind) => *kind,
        }
    }
}

impl Command {
    /// A command that is run in the project's directory.
    pub fn of(text: &str) -> Self {
        Self { text: text.to_owned(), words: plain::command(text), is_ordinary: true }
    }

    fn read(params: &Value, root: &str) -> Self {
        let text = params.get("command").and_then(Value::as_str).unwrap_or_default();
        let at = params.get("cwd").and_then(Value::as_str).unwrap_or_default();
        let inside = at.starts_with('/') && matches!(Path::read(at, root), Path::Inside(_));
        // More than the command: the network, or more of the machine.
        let wants = ["networkApprovalContext", "additionalPermissions"];
        let wants_more = wants.iter().any(|name| params.get(name).is_some_and(|it| !it.is_null()));
        // `kind` came with 0.169; what another kind asks for is not known.
        let kind = params.get("kind").and_then(Value::as_str);
        let is_command = kind.is_none_or(|kind| kind == "command");
        Self { is_ordinary: inside && is_command && !wants_more, ..Self::of(text) }
    }
}

impl Files {
    fn read(params: &Value, item: Option<&Value>, root: &str) -> Self {
        let changes = item.and_then(|item| item.get("changes")).and_then(Value::as_array);
        let mut paths = Vec::new();
        // What names no path is not known.
        let mut known = true;
        for change in changes.into_iter().flatten() {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let path = text(change.get("path"));
            known &= path.is_some();
            let kind = change.get("kind");
            let moved =
                kind.and_then(|kind| kind.get("move_path").or_else(|| kind.get("movePath")));
            let both = path.into_iter().chain(text(moved));
            paths.extend(both.map(|path| Path::read(&path, root)));
        }
        let grants = params.get("grantRoot").is_some_and(|root| !root.is_null());
        Self { paths, is_ordinary: known && !grants }
    }

    /// Changes of these paths and nothing else.
    pub fn of(paths: &[String], root: &str) -> Self {
        let paths = paths.iter().map(|path| Path::read(path, root)).collect();
        Self { paths, is_ordinary: true }
    }
}

impl Path {
    /// A path as it is told, absolute or from the project's directory. A root that is not absolute
    /// has nothing below it that is named absolutely.
    fn read(path: &str, root: &str) -> Self {
        let root = names(&[root]);
        let all = if path.starts_with('/') {
            names(&[path])
        } else {
            let root = root.iter().map(String::as_str).collect::<Vec<_>>().join("/");
            names(&[&root, path])
        };
        match all.get(..root.len()) {
            Some(above) if above == root && !root.is_empty() => {
                Self::Inside(all.into_iter().skip(root.len()).collect())
            }
            _ => Self::Outside(all),
        }
    }
}

/// The names of a path one after the other, with every `..` done.
fn names(parts: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in parts.iter().flat_map(|part| part.split('/')) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name.to_owned()),
        }
    }
    names
}
