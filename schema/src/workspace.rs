//! What a host does itself in an account's workspace, without codex: methods of `ToRunner::Call`
//! whose names begin with [`PREFIX`], their params and what comes of them.
//!
//! Every path is a text of `/`-separated names below a *root*, which is a directory below the
//! account's workspace. A failure is `{"error": {"code", "message", "data"}}`, where `data` is a
//! whole [`Error`](crate::Error).

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What the names of the host's own methods begin with. Codex has none of them.
pub const PREFIX: &str = "gantry/";
/// [`Prepare`] → [`Prepared`].
pub const PREPARE: &str = "gantry/project/prepare";
/// [`ReadTree`] → [`Tree`].
pub const TREE: &str = "gantry/files/tree";
/// [`Stat`] → [`Entry`].
pub const STAT: &str = "gantry/files/stat";
/// [`Write`] → [`Written`].
pub const WRITE: &str = "gantry/files/write";
/// [`Remove`] → [`Removed`].
pub const REMOVE: &str = "gantry/files/remove";
/// [`Watch`] → [`Watching`].
pub const WATCH: &str = "gantry/files/watch";
/// The event of the account's log by which changes are told: [`Changed`].
pub const CHANGED: &str = "gantry/files/changed";

/// The largest piece of a file that one [`Write`] carries.
pub const PIECE_BYTES: usize = 512 * 1024;
/// The largest file that is written.
pub const FILE_MAX_BYTES: u64 = 10 * 1024 * 1024;
/// Entries of one page of a tree at most, and unless it is said.
pub const PAGE_MAX: u32 = 1_000;
/// Changes that one event names at most.
pub const CHANGES_MAX: usize = 100;
/// The code of JSON-RPC under which every failure of these methods stands.
pub const FAILED: i64 = -32_000;

/// Make a root and put a template in. A root that is there is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepare {
    /// The root.
    pub root: String,
    /// What a new root begins with.
    #[serde(default)]
    pub template: Template,
}

/// What a new project begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// A page of React components, served and built by Vite.
    React,
    /// A Node program with a test, without packages.
    Node,
    /// A Python package with a test, without packages.
    Python,
    /// A Rust program with a test, without crates.
    Rust,
    /// A page of HTML, CSS and JavaScript.
    Static,
    /// Nothing.
    #[default]
    Empty,
    /// A git repository's files and last commit.
    Git(GitSource),
}

/// A git repository that a project begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct GitSource {
    /// Where it is: `https://…`, without a name or password in it.
    pub url: String,
    /// A branch or tag; the default branch if there is none.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A root that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// Whether it was made now.
    pub made: bool,
}

/// List what lies below a directory, in order of the paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadTree {
    /// The root.
    pub root: String,
    /// The directory; the root itself if it is empty.
    pub path: String,
    /// How many levels down; all of them if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Entries of this page: [`PAGE_MAX`] unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Go on after this path: the last one of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Also what ignore rules hide.
    pub all: bool,
}

/// A page of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// In order of their paths, name by name.
    pub entries: Vec<Entry>,
    /// What to go on after, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One thing of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From the root.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file; 0 of anything else.
    pub size: u64,
    /// When its content last changed.
    pub modified_at: Timestamp,
    /// The state of a file; empty of anything else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub etag: String,
}

/// What something in a workspace is. Devices, sockets and pipes are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, wherever it leads.
    Link,
}

/// Describe one thing. A link is followed within the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// The root.
    pub root: String,
    /// The path.
    pub path: String,
}

/// Write a file, piece by piece; it appears whole with the last one, or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Write {
    /// The root.
    pub root: String,
    /// The path.
    pub path: String,
    /// Names what pieces belong together: letters and digits, new for each file that is sent.
    pub upload: String,
    /// Where the piece begins.
    pub offset: u64,
    /// The piece in base64, [`PIECE_BYTES`] at most.
    pub data: String,
    /// Whether it is the last.
    pub last: bool,
    /// Only if the file's state is this one, or `*` for any. Looked at with the last piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    /// Only if the file's state is not this one, or `*`: only if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_none_match: Option<String>,
}

/// What a piece came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The file as it is now; nothing before the last piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// Whether there was none before.
    #[serde(default)]
    pub made: bool,
}

/// Remove a file, a link or an empty directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remove {
    /// The root.
    pub root: String,
    /// The path. A link at its end is removed itself.
    pub path: String,
    /// Only if the file's state is this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// What it was.
    pub kind: Kind,
}

/// Tell changes of a root's files, or no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The root.
    pub root: String,
    /// Whether to tell.
    pub on: bool,
}

/// How a root is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// Directories that are watched.
    pub directories: u32,
    /// Whether these are all: what ignore rules hide is not counted.
    pub complete: bool,
}

/// Files of a root changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The latest thread that runs in the root.
    pub thread_id: String,
    /// The root.
    pub root: String,
    /// Each path once, by how it changed last.
    pub changes: Vec<Change>,
    /// More changed than is named: read the tree again.
    pub more: bool,
}

/// A file that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// From the root.
    pub path: String,
    /// How.
    pub kind: ChangeKind,
}

/// How a file changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It came to be there.
    Created,
    /// Its content or mode changed.
    Modified,
    /// It is not there any more.
    Removed,
}

/// The part of a file that is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// All of it.
    #[default]
    Whole,
    /// From there on, so many bytes at most.
    From {
        /// The first byte.
        offset: u64,
        /// How many; to the end if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        length: Option<u64>,
    },
    /// So many bytes of its end.
    Last(u64),
}

impl Span {
    /// Where it begins in a file of that size, and how many bytes it has there.
    pub fn within(self, size: u64) -> (u64, u64) {
        match self {
            Self::Whole => (0, size),
            Self::From { offset, length } => {
                let offset = offset.min(size);
                (offset, length.unwrap_or(u64::MAX).min(size - offset))
            }
            Self::Last(length) => {
                let length = length.min(size);
                (size - length, length)
            }
        }
    }
}

/// What is known of a file that is read, from the very handle that it is read by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its state.
    pub etag: String,
    /// Bytes of the whole file.
    pub size: u64,
    /// The first byte that is sent.
    pub offset: u64,
    /// When it last changed.
    pub modified_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_a_name_or_a_repository() {
        let read = |value| serde_json::from_value::<Template>(value).ok();
        assert_eq!(read(json!("react")), Some(Template::React));
        let url = "https://example.com/x.git".to_owned();
        let git = |reference| Some(Template::Git(GitSource { url: url.clone(), reference }));
        assert_eq!(read(json!({ "git": { "url": url } })), git(None));
        let tagged = json!({ "git": { "url": url, "ref": "v1" } });
        assert_eq!(read(tagged), git(Some("v1".to_owned())));
        assert_eq!(read(json!("cobol")), None);
    }

    #[test]
    fn a_span_never_leaves_the_file() {
        let from = |offset, length| Span::From { offset, length };
        for (span, expected) in [
            (Span::Whole, (0, 10)),
            (from(3, None), (3, 7)),
            (from(3, Some(4)), (3, 4)),
            (from(3, Some(u64::MAX)), (3, 7)),
            (from(11, Some(1)), (10, 0)),
            (Span::Last(4), (6, 4)),
            (Span::Last(40), (0, 10)),
        ] {
            assert_eq!(span.within(10), expected, "{span:?}");
        }
    }
}
