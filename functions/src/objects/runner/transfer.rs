//! A file on its way from a runner to whoever asked for it: a few pieces in memory, never all.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use futures::{StreamExt, channel::mpsc};
use js_sys::{
    Uint8Array,
    futures::{JsFuture, spawn_local},
};
use schema::{AccountId, Code, Error, OpId, Result, workspace::Span};
use serde::Deserialize;

use super::{Inner, stub::FILE};
use crate::{
    domain::hub::{
        Input, Settled,
        command::{Act, Answer},
    },
    js,
};

/// Files under way, by their operation. As many pieces as the hub lets be under way are in each.
#[derive(Default)]
pub(super) struct Transfers(RefCell<HashMap<OpId, mpsc::UnboundedSender<Piece>>>);

/// The query of a request for a file.
#[derive(Deserialize)]
pub(super) struct FileOf {
    op: OpId,
    account: AccountId,
    path: String,
    root: Option<String>,
    /// A [`Span`] as JSON; the whole file if it is not said.
    span: Option<String>,
}

/// What may come of a file.
enum Piece {
    Bytes(Vec<u8>),
    Last(Vec<u8>),
    Broken(Error),
}

impl Transfers {
    pub fn piece(&self, op: OpId, bytes: Vec<u8>, last: bool) {
        self.put(op, if last { Piece::Last(bytes) } else { Piece::Bytes(bytes) });
    }

    pub fn broken(&self, op: OpId, error: Error) {
        self.put(op, Piece::Broken(error));
    }

    fn put(&self, op: OpId, piece: Piece) {
        let mut transfers = self.0.borrow_mut();
        let ends = !matches!(piece, Piece::Bytes(_));
        if let Some(to) = transfers.get(&op) {
            // Whoever has left has said so.
            let _ = to.unbounded_send(piece);
        }
        if ends {
            transfers.remove(&op);
        }
    }

    /// Nothing that is under way will be heard of again.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// Asks for a file of an account's workspace, and answers with it as it comes.
pub(super) async fn file(
    inner: &Rc<Inner>,
    FileOf { op, account, path, root, span }: FileOf,
) -> Result<web_sys::Response> {
    // Its pieces may come in the same message as its size.
    let (to, pieces) = mpsc::unbounded();
    inner.transfers.0.borrow_mut().insert(op, to);
    let (span, needs) =
        (span.map_or(Ok(Span::Whole), |it| serde_json::from_str(&it)), root.is_some());
    let span = span.map_err(Error::internal)?;
    let told = inner.act(Act::Read { op, account, path, root, span }, b"").await;
    let (size, file) = match told {
        Ok(Settled::Announced(_, None)) if needs => {
            inner.transfers.0.borrow_mut().remove(&op);
            inner.step(Input::Left { op });
            let message = "This runner knows no files of projects: update it.";
            return Err(Error::new(Code::RunnerUnavailable, message));
        }
        Ok(Settled::Announced(size, file)) => (size, file),
        other => {
            inner.transfers.0.borrow_mut().remove(&op);
            return Err(match other? {
                Settled::Answer(Answer::Refused(error), _) => error,
                other => Error::internal(format!("{other:?} instead of a file")),
            });
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
    let transfer = js::Transfer::new(size as f64);
    let mut lines = "content-type: application/octet-stream\ncache-control: no-store".to_owned();
    if let Some(file) = file {
        let file = serde_json::to_string(&file).map_err(Error::internal)?;
        lines = format!("{lines}\n{FILE}: {file}");
    }
    let response = js::answer(200, &lines, &transfer.readable().into());
    spawn_local(carry(inner.clone(), op, pieces, transfer));
    response.map_err(|thrown| Error::internal(js::said(&thrown)))
}

async fn carry(
    inner: Rc<Inner>,
    op: OpId,
    mut pieces: mpsc::UnboundedReceiver<Piece>,
    transfer: js::Transfer,
) {
    loop {
        let (bytes, last) = match pieces.next().await {
            Some(Piece::Bytes(bytes)) => (bytes, false),
            Some(Piece::Last(bytes)) => (bytes, true),
            Some(Piece::Broken(error)) => {
                return drop(JsFuture::from(transfer.cut(&error.message)).await);
            }
            None => return drop(JsFuture::from(transfer.cut("the hub began anew")).await),
        };
        let written = if bytes.is_empty() {
            true
        } else {
            let written = JsFuture::from(transfer.write(&Uint8Array::from(bytes.as_slice()))).await;
            written.is_ok_and(|written| written.is_truthy())
        };
        if !written {
            inner.transfers.0.borrow_mut().remove(&op);
            return inner.step(Input::Left { op });
        }
        if last {
            return drop(JsFuture::from(transfer.end()).await);
        }
        inner.step(Input::Passed { op, bytes: bytes.len() });
    }
}
