//! Bodies that come in pieces: an answer is put together here, a file goes on as it comes.

use schema::{
    Code, Error, OpId, Timestamp,
    tunnel::{CHUNK_BYTES, ToRunner},
    workspace::File,
};

use super::{
    Hub, Output, Settled,
    operate::{Kind, Operation},
    out::Out,
    pull::{Pull, Worth},
    refusals,
};

/// How long a body may stand still on its way.
pub(super) const PIECE_MS: i64 = 30_000;
/// The largest answer of a process that is put together here.
const ANSWER_MAX_BYTES: u64 = 16 << 20;

impl Hub {
    /// A body is announced by its size.
    pub(super) fn announced(
        &mut self,
        op: OpId,
        size: u64,
        file: Option<File>,
        now: Timestamp,
        out: &mut Out,
    ) -> Result<(), &'static str> {
        let Some(operation) = self.ops.get_mut(&op) else { return Ok(()) };
        if let Some(pull) = operation.pull {
            // Again, because it was asked for again: of another size, or in another state, it is
            // another body.
            if pull.size() != size || operation.file != file {
                self.end(op, refusals::changed(), out);
            }
            return Ok(());
        }
        if operation.kind == Kind::Read {
            operation.file.clone_from(&file);
            out.outputs.push(Output::Settle { op, settled: Settled::Announced(size, file) });
            operation.deadline = now.plus_millis(PIECE_MS);
            if size == 0 {
                self.ops.remove(&op);
                out.outputs.push(Output::Piece { op, bytes: Vec::new(), last: true });
                return Ok(());
            }
        } else if size <= CHUNK_BYTES as u64 {
            return Err("an answer that is not of its size");
        } else if size > ANSWER_MAX_BYTES {
            let most = ANSWER_MAX_BYTES >> 20;
            let message = format!("The process answered with more than {most} MiB.");
            self.end(op, Error::new(Code::UpstreamFailed, message), out);
            return Ok(());
        }
        operation.pull = Some(Pull::new(size));
        pull_on(op, operation, out);
        Ok(())
    }

    /// A piece of an announced body.
    pub(super) fn chunk(
        &mut self,
        op: OpId,
        offset: u64,
        last: bool,
        body: &[u8],
        now: Timestamp,
        out: &mut Out,
    ) -> Result<(), &'static str> {
        let Some(operation) = self.ops.get_mut(&op) else { return Ok(()) };
        let Some(pull) = &mut operation.pull else {
            return Err("a piece of a body that was not announced");
        };
        let worth = pull.take(offset, body.len(), last);
        match worth {
            Worth::Known => return Ok(()),
            Worth::Wrong => return Err("a piece that was not asked for"),
            Worth::Cut => {
                self.end(op, refusals::changed(), out);
                return Ok(());
            }
            Worth::Next | Worth::Last => {}
        }
        let is_last = worth == Worth::Last;
        if matches!(operation.kind, Kind::Read) {
            operation.deadline = now.plus_millis(PIECE_MS);
            out.outputs.push(Output::Piece { op, bytes: body.to_vec(), last: is_last });
            if is_last {
                self.ops.remove(&op);
            }
            return Ok(());
        }
        pull.pass(body.len() as u64);
        operation.gathered.extend_from_slice(body);
        if is_last {
            let whole = std::mem::take(&mut operation.gathered);
            self.turn_answered(op, &whole, out);
            self.done(op, whole, out);
        } else {
            pull_on(op, operation, out);
        }
        Ok(())
    }

    /// Bytes of a body reached whoever reads it: as many more may come.
    pub(super) fn passed(&mut self, op: OpId, bytes: usize, now: Timestamp, out: &mut Out) {
        let linked = self.is_linked();
        let Some(operation) = self.ops.get_mut(&op) else { return };
        let Some(pull) = &mut operation.pull else { return };
        pull.pass(bytes as u64);
        operation.deadline = now.plus_millis(PIECE_MS);
        if linked {
            pull_on(op, operation, out);
        }
    }

    /// Whoever waited has left.
    pub(super) fn left(&mut self, op: OpId, out: &mut Out) {
        let Some(operation) = self.ops.remove(&op) else { return };
        self.let_go(op, &operation, out);
    }

    /// Tells the runner that an announced body is not wanted any further.
    pub(super) fn let_go(&self, op: OpId, operation: &Operation, out: &mut Out) {
        if let (true, Some(_), Some(process)) =
            (self.is_linked(), operation.pull, operation.process())
        {
            out.send(&ToRunner::Drop { op, process }, b"");
        }
    }
}

/// Asks for as many pieces as may be under way.
pub(super) fn pull_on(op: OpId, operation: &mut Operation, out: &mut Out) {
    let Some(process) = operation.process() else { return };
    let Some(pull) = &mut operation.pull else { return };
    while let Some(offset) = pull.ask() {
        out.send(&ToRunner::Pull { op, process, offset }, b"");
    }
}
