//! Files of a project: listed, read as JSON or as they are, written whole, removed.

use base64::{Engine, engine::general_purpose::STANDARD};
use schema::{
    Code, Error, ProjectId, Result,
    agent::{FileContent, FileEncoding, FileEntry, FileRemoved, FileTree, FileWritten, WriteFile},
    workspace::{Entry, FILE_MAX_BYTES, File, ReadTree, Span, Written},
};
use serde::Deserialize;

use crate::{
    cx::Cx,
    domain::precondition,
    http::{Incoming, Json, JsonOrBytes, WithHeaders, body},
    services::{
        files::{self, Only, Opened, Root},
        projects,
    },
};

/// The largest file that is answered as JSON.
const JSON_MAX_BYTES: u64 = 1 << 20;
/// The largest body of JSON: a file in base64, and some room for escapes.
const BODY_MAX_BYTES: usize = (FILE_MAX_BYTES as usize / 3 + 1) * 4 + (1 << 20);

/// Which files of a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct TreePath {
    /// The project.
    project_id: ProjectId,
    /// The directory; the whole project if it is not said.
    path: Option<String>,
    /// How many levels down; all if it is not said.
    depth: Option<u32>,
    /// Entries in the page: 1 to 1000, which is also what there is unless it is said.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Also what ignore rules hide, and what is noise: `.git`, `node_modules`, `target` and so on.
    all: Option<bool>,
}

/// Names a file of a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct FilePath {
    /// The project.
    project_id: ProjectId,
    /// The file, from the project's directory.
    path: Option<String>,
}

pub async fn tree(cx: Cx, at: TreePath) -> Result<Json<FileTree>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let TreePath { path, depth, limit, cursor, all, .. } = at;
    let (root, path) = (String::new(), path.unwrap_or_default());
    let asked = ReadTree { root, path, depth, limit, cursor, all: all.unwrap_or_default() };
    let tree = files::tree(&cx, Root::of(&project), asked).await?;
    let entries = tree.entries.into_iter().map(entry).collect();
    Ok(Json(FileTree { entries, next_cursor: tree.next }))
}

pub async fn read(cx: Cx, at: FilePath) -> Result<WithHeaders<JsonOrBytes<FileContent>>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let (root, path) = (Root::of(&project), named(at.path)?);
    let (range, accept) = (cx.header("range"), cx.header("accept"));
    let span = precondition::span(&range);
    let mut opened = files::open(&cx, root, &path, span.unwrap_or_default()).await?;
    let mut part = span;
    let unless = cx.header("if-range");
    if part.is_some() && !unless.is_empty() && !precondition::names(&unless, &opened.file.etag) {
        // The caller has a part of another state: this one is wanted whole.
        opened.discard();
        part = None;
        opened = files::open(&cx, root, &path, Span::Whole).await?;
    }
    let mut headers = about(&opened.file);
    let known = cx.header("if-none-match");
    if !known.is_empty() && precondition::names(&known, &opened.file.etag) {
        opened.discard();
        return Ok(WithHeaders(JsonOrBytes::Same, headers));
    }
    if let Some(span) = part {
        let (size, offset, bytes) = (opened.file.size, opened.file.offset, opened.bytes);
        if precondition::is_beyond(span, size) {
            opened.discard();
            let message = format!("`{path}` has {size} bytes, and none of this range.");
            return Err(Error::new(Code::RangeNotSatisfiable, message));
        }
        let range = format!("bytes {offset}-{}/{size}", offset + bytes.saturating_sub(1));
        headers.push(("content-range", range));
        return Ok(WithHeaders(JsonOrBytes::Part(opened.stream()?), headers));
    }
    if accept.contains("application/octet-stream") {
        return Ok(WithHeaders(JsonOrBytes::Bytes(opened.stream()?), headers));
    }
    Ok(WithHeaders(JsonOrBytes::Json(content(path, opened).await?), headers))
}

pub async fn write(
    cx: Cx,
    at: FilePath,
    incoming: Incoming,
) -> Result<WithHeaders<Json<FileWritten>>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let only = Only {
        if_match: precondition::state("If-Match", &cx.header("if-match"))?,
        if_none_match: precondition::state("If-None-Match", &cx.header("if-none-match"))?,
    };
    let is_json = cx.header("content-type").to_ascii_lowercase().starts_with("application/json");
    let (path, bytes) = match (is_json, at.path) {
        (true, _) => {
            let body: WriteFile = body::json_up_to(&incoming.request, BODY_MAX_BYTES).await?;
            (body.path, decoded(body.content, body.encoding)?)
        }
        (false, path) => {
            let most = usize::try_from(FILE_MAX_BYTES).unwrap_or(usize::MAX);
            (named(path)?, body::bytes_up_to(&incoming.request, most).await?)
        }
    };
    let Written { entry, made } =
        files::write(&cx, Root::of(&project), &path, &bytes, only).await?;
    let entry = entry.ok_or_else(|| Error::internal("a file was written and is not there"))?;
    let headers = vec![("etag", quoted(&entry.etag))];
    let Entry { path, size, etag, modified_at, .. } = entry;
    let modified_at = modified_at.to_string();
    Ok(WithHeaders(Json(FileWritten { path, size, etag, modified_at, created: made }), headers))
}

pub async fn remove(cx: Cx, at: FilePath) -> Result<Json<FileRemoved>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let path = named(at.path)?;
    let if_match = precondition::state("If-Match", &cx.header("if-match"))?;
    let removed = files::remove(&cx, Root::of(&project), &path, if_match).await?;
    Ok(Json(FileRemoved { path, kind: removed.kind }))
}

async fn content(path: String, opened: Opened) -> Result<FileContent> {
    let File { size, etag, modified_at, .. } = opened.file.clone();
    if size > JSON_MAX_BYTES {
        opened.discard();
        let most = JSON_MAX_BYTES >> 20;
        let message = format!(
            "`{path}` has {size} bytes, and JSON at most {most} MiB of a file: ask for it with \
             `accept: application/octet-stream`, or for a part with `range`."
        );
        return Err(Error::new(Code::PayloadTooLarge, message));
    }
    let (content, encoding) = match String::from_utf8(opened.read().await?) {
        Ok(text) => (text, FileEncoding::Utf8),
        Err(other) => (STANDARD.encode(other.into_bytes()), FileEncoding::Base64),
    };
    let modified_at = modified_at.to_string();
    Ok(FileContent { path, content, encoding, size, etag, modified_at })
}

fn decoded(content: String, encoding: FileEncoding) -> Result<Vec<u8>> {
    match encoding {
        FileEncoding::Utf8 => Ok(content.into_bytes()),
        FileEncoding::Base64 => {
            STANDARD.decode(content).map_err(|_| Error::field("content", "not base64"))
        }
    }
}

fn named(path: Option<String>) -> Result<String> {
    path.filter(|path| !path.is_empty()).ok_or_else(|| Error::field("path", "which file?"))
}

fn about(file: &File) -> Vec<(&'static str, String)> {
    let etag = quoted(&file.etag);
    // The files of a project are whatever somebody put there: no page of ours shows them.
    let plain = ("x-content-type-options", "nosniff".to_owned());
    vec![("etag", etag), ("accept-ranges", "bytes".to_owned()), plain]
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn entry(entry: Entry) -> FileEntry {
    let Entry { path, kind, size, modified_at, etag } = entry;
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let etag = Some(etag).filter(|etag| !etag.is_empty());
    FileEntry { path, name, kind, size, modified_at: modified_at.to_string(), etag }
}
