//! Files of a project.

use serde::{Deserialize, Serialize};

use crate::workspace::Kind;

/// `GET /api/v1/projects/{project_id}/files/tree`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileTree {
    /// In order of their paths, a directory before what is in it.
    pub entries: Vec<FileEntry>,
    /// Give it as `cursor` for the entries that follow; absent after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A file, a directory or a link of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// From the project's directory.
    pub path: String,
    /// Its last name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file.
    pub size: u64,
    /// When its content last changed.
    pub modified_at: String,
    /// The state of a file, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// How the content of a file is written in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub enum FileEncoding {
    /// As it is.
    #[default]
    #[serde(rename = "utf-8", alias = "utf8")]
    Utf8,
    /// In base64, with padding.
    #[serde(rename = "base64")]
    Base64,
}

/// `GET /api/v1/projects/{project_id}/files/content`, of a file up to 1 MiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileContent {
    /// As it was asked for.
    pub path: String,
    /// The file: text as it is, anything else in base64.
    pub content: String,
    /// Which of both.
    pub encoding: FileEncoding,
    /// Bytes of the file.
    pub size: u64,
    /// Its state, for `If-Match`.
    pub etag: String,
    /// When its content last changed.
    pub modified_at: String,
}

/// `PUT /api/v1/projects/{project_id}/files/content`. A body of another type than JSON is the file
/// itself, and `path` then stands in the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WriteFile {
    /// From the project's directory; directories on the way are made.
    pub path: String,
    /// The whole file.
    pub content: String,
    /// How it is written.
    #[serde(default)]
    pub encoding: FileEncoding,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileWritten {
    /// From the project's directory.
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
    /// Its state, for `If-Match`.
    pub etag: String,
    /// When its content last changed.
    pub modified_at: String,
    /// Whether there was none before.
    pub created: bool,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileRemoved {
    /// From the project's directory.
    pub path: String,
    /// What it was.
    pub kind: Kind,
}
