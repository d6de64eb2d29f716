//! Files of workspaces, by way of the host on the account's runner. They need no codex to run.

use base64::{Engine, engine::general_purpose::STANDARD};
use js_sys::{ArrayBuffer, futures::JsFuture};
use schema::{
    AccountId, Code, Error, OpId, Result,
    workspace::{
        self, Entry, FILE_MAX_BYTES, File, PIECE_BYTES, Prepare, Prepared, ReadTree, Remove,
        Removed, Span, Stat, Template, Tree, Watch, Watching, Write, Written,
    },
};
use wasm_bindgen::JsCast;

use super::{projects::Project, runners};
use crate::{
    cx::{self, Cx},
    js,
    objects::runner::stub::FILE,
};

/// How long a project may take to be made: as long as a repository may take to come, and a little.
const PREPARE_MS: u32 = 110_000;
/// How long anything else may take.
const WORK_MS: u32 = 30_000;

/// The files that are meant: a directory of an account's workspace.
#[derive(Debug, Clone, Copy)]
pub struct Root<'a> {
    pub account: AccountId,
    pub path: &'a str,
}

impl<'a> Root<'a> {
    /// Of a project.
    pub fn of(project: &'a Project) -> Self {
        Self { account: project.account, path: &project.root }
    }
}

/// Conditions of a change: see [`Write`].
#[derive(Debug, Clone, Default)]
pub struct Only {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
}

/// A part of a file, on its way.
pub struct Opened {
    pub file: File,
    /// Bytes of the part.
    pub bytes: u64,
    response: web_sys::Response,
}

/// Makes the root of a project, if it is not there.
pub async fn prepare(cx: &Cx, root: Root<'_>, template: Template) -> Result<Prepared> {
    let params = Prepare { root: root.path.to_owned(), template };
    runners::hosts(cx, root.account, workspace::PREPARE, &params, PREPARE_MS).await
}

/// Has changes of a root's files told in the account's log, or no more.
pub async fn watch(cx: &Cx, root: Root<'_>, on: bool) -> Result<Watching> {
    let params = Watch { root: root.path.to_owned(), on };
    runners::hosts(cx, root.account, workspace::WATCH, &params, WORK_MS).await
}

/// A page of what lies in a root, which `asked` need not name.
pub async fn tree(cx: &Cx, root: Root<'_>, asked: ReadTree) -> Result<Tree> {
    let params = ReadTree { root: root.path.to_owned(), ..asked };
    runners::hosts(cx, root.account, workspace::TREE, &params, WORK_MS).await
}

/// Describes one thing.
pub async fn stat(cx: &Cx, root: Root<'_>, path: &str) -> Result<Entry> {
    let params = Stat { root: root.path.to_owned(), path: path.to_owned() };
    runners::hosts(cx, root.account, workspace::STAT, &params, WORK_MS).await
}

/// Opens a part of a file. It comes as fast as it is read.
pub async fn open(cx: &Cx, root: Root<'_>, path: &str, span: Span) -> Result<Opened> {
    let op: OpId = cx::new_id(cx.now)?;
    let part = serde_json::to_string(&span).map_err(Error::internal)?;
    let query = (
        ("op", op),
        ("account", root.account),
        ("path", path),
        ("root", root.path),
        ("span", part),
    );
    let query = serde_urlencoded::to_string(query).map_err(Error::internal)?;
    let response = runners::stream(cx, root.account, &format!("/file?{query}")).await?;
    let file: File = serde_json::from_str(&js::response_header(&response, FILE))
        .map_err(|error| Error::internal(format!("a file without a description: {error}")))?;
    let (_, bytes) = span.within(file.size);
    Ok(Opened { file, bytes, response })
}

impl Opened {
    /// The bytes as they come.
    pub fn stream(self) -> Result<web_sys::ReadableStream> {
        self.response.body().ok_or_else(|| Error::internal("a file without a body"))
    }

    /// All of them, of a part that is small.
    pub async fn read(self) -> Result<Vec<u8>> {
        let cut = |thrown| {
            let message = "The file changed while it was read. Read it again.";
            Error::new(Code::Conflict, message).caused_by(js::said(&thrown))
        };
        let whole = JsFuture::from(self.response.array_buffer().map_err(cut)?).await;
        Ok(js::bytes(&whole.map_err(cut)?.unchecked_into::<ArrayBuffer>()))
    }

    /// It is not wanted after all.
    pub fn discard(self) {
        js::discard(&self.response);
    }
}

/// Writes a file: whole or not at all, and only in the state that is said.
pub async fn write(
    cx: &Cx,
    root: Root<'_>,
    path: &str,
    content: &[u8],
    only: Only,
) -> Result<Written> {
    if content.len() as u64 > FILE_MAX_BYTES {
        let most = FILE_MAX_BYTES >> 20;
        let message = format!("A file that is written here may have at most {most} MiB.");
        return Err(Error::new(Code::PayloadTooLarge, message));
    }
    let upload = cx::new_id::<schema::id::OpKind>(cx.now)?.to_string();
    let mut offset = 0;
    loop {
        let end = content.len().min(offset + PIECE_BYTES);
        let piece = content.get(offset..end).unwrap_or_default();
        let last = end == content.len();
        let params = Write {
            root: root.path.to_owned(),
            path: path.to_owned(),
            upload: upload.clone(),
            offset: offset as u64,
            data: STANDARD.encode(piece),
            last,
            if_match: only.if_match.clone(),
            if_none_match: only.if_none_match.clone(),
        };
        let written = runners::hosts(cx, root.account, workspace::WRITE, &params, WORK_MS).await?;
        if last {
            return Ok(written);
        }
        offset = end;
    }
}

/// Removes a file, a link or an empty directory.
pub async fn remove(
    cx: &Cx,
    root: Root<'_>,
    path: &str,
    if_match: Option<String>,
) -> Result<Removed> {
    let params = Remove { root: root.path.to_owned(), path: path.to_owned(), if_match };
    runners::hosts(cx, root.account, workspace::REMOVE, &params, WORK_MS).await
}
