//! The memory of operations: what was sent again is answered again and not done again.
//!
//! That an operation has begun is written down before the process hears of it, so that not even a
//! host that dies in between lets a turn run twice: what has begun and has no answer is refused
//! after a restart. What only reads is not written down, for it may well be done twice; and what
//! was refused before the process heard of it was not done, and may come again.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use schema::tunnel::Refusal;
use schema::{Code, OpId};

/// Operations that are remembered.
const OPS_MAX: usize = 4_096;
/// A file of this size is followed by a new one, and the one before it is forgotten.
const FILE_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The largest answer that is kept; of a larger one only that there was one.
const ANSWER_MAX_BYTES: usize = 1024 * 1024;
/// `[u32 bytes of the payload][u32 CRC-32 of the rest][u8 kind][u128 op][payload]`
const HEAD_BYTES: usize = 25;

/// What an operation came to.
pub type Outcome = Result<Bytes, Refusal>;

/// What is known of an operation that was sent.
#[derive(Debug, PartialEq)]
pub enum Known {
    /// Nothing: do it.
    Nothing,
    /// It is being done; its answer will come.
    Running,
    /// It has been done, to this end.
    Done(Outcome),
    /// Something else was done under this name.
    Other,
}

/// The operations of one process.
#[derive(Debug)]
pub struct Ops {
    folder: PathBuf,
    file: File,
    written: u64,
    old: Option<File>,
    index: HashMap<OpId, Entry>,
    order: VecDeque<OpId>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    state: State,
    /// What was asked for, a digest of the call's body; not known where its beginning has been
    /// forgotten.
    asked: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Begun by this host.
    Running,
    /// Begun by a host that has died since.
    Orphaned,
    Answered(Place),
    Refused(Place),
    /// The answer was too large to be kept, or its file has been forgotten.
    Forgotten,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    old: bool,
    at: u64,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Begun = 0,
    Answered = 1,
    Refused = 2,
    Forgotten = 3,
    Undone = 4,
}

impl Ops {
    /// Remembers what an earlier host has written down.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let (new, old) = (folder.join("ops"), folder.join("ops.old"));
        let mut index = HashMap::new();
        let mut order = VecDeque::new();
        let mut learn = |op, kind, place, payload: &[u8]| {
            let state = match kind {
                Kind::Begun => State::Orphaned,
                Kind::Answered => State::Answered(place),
                Kind::Refused => State::Refused(place),
                Kind::Forgotten => State::Forgotten,
                Kind::Undone => {
                    index.remove(&op);
                    order.retain(|other| *other != op);
                    return;
                }
            };
            let begun = payload.first_chunk().filter(|_| kind == Kind::Begun);
            let known = index.get(&op).and_then(|entry: &Entry| entry.asked);
            let asked = begun.map(|digest| u32::from_le_bytes(*digest)).or(known);
            if index.insert(op, Entry { state, asked }).is_none() {
                order.push_back(op);
            }
        };
        let old = match fs::read(&old) {
            Ok(bytes) => {
                scan(&bytes, true, &mut learn);
                Some(File::open(&old)?)
            }
            Err(_) => None,
        };
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(&new)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let written = scan(&bytes, false, &mut learn);
        file.set_len(written)?;
        let mut ops = Self { folder: folder.to_owned(), file, written, old, index, order };
        ops.forget_oldest();
        Ok(ops)
    }

    /// What is known of an operation that asks for this.
    pub fn look(&self, op: OpId, asked: u32) -> io::Result<Known> {
        let Some(entry) = self.index.get(&op) else { return Ok(Known::Nothing) };
        if entry.asked.is_some_and(|first| first != asked) {
            return Ok(Known::Other);
        }
        Ok(match entry.state {
            State::Running => Known::Running,
            State::Orphaned => Known::Done(Err(orphaned())),
            State::Forgotten => Known::Done(Err(forgotten())),
            State::Answered(place) => Known::Done(Ok(self.read(place)?.into())),
            State::Refused(place) => {
                let refusal = serde_json::from_slice(&self.read(place)?);
                Known::Done(Err(refusal.unwrap_or_else(|_| forgotten())))
            }
        })
    }

    /// An operation begins. Not until this has returned may the process hear of it.
    pub fn begin(&mut self, op: OpId, asked: u32, written: bool) -> io::Result<()> {
        if written {
            self.write(Kind::Begun, op, &asked.to_le_bytes())?;
        }
        self.index.insert(op, Entry { state: State::Running, asked: Some(asked) });
        self.order.push_back(op);
        self.forget_oldest();
        Ok(())
    }

    fn forget_oldest(&mut self) {
        while self.order.len() > OPS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.index.remove(&oldest);
        }
    }

    /// An operation has not been done, and may come again.
    pub fn undo(&mut self, op: OpId, written: bool) -> io::Result<()> {
        self.index.remove(&op);
        self.order.retain(|other| *other != op);
        if written { self.write(Kind::Undone, op, b"").map(drop) } else { Ok(()) }
    }

    /// An operation has ended.
    pub fn end(&mut self, op: OpId, outcome: &Outcome, written: bool) -> io::Result<()> {
        if !written {
            self.index.remove(&op);
            return Ok(());
        }
        let state = match outcome {
            Ok(answer) if answer.len() <= ANSWER_MAX_BYTES => {
                self.write(Kind::Answered, op, answer).map(State::Answered)
            }
            Ok(_) => self.write(Kind::Forgotten, op, b"").map(|_| State::Forgotten),
            Err(refusal) => {
                let text = serde_json::to_vec(refusal)?;
                self.write(Kind::Refused, op, &text).map(State::Refused)
            }
        };
        // Without room for its answer it still must not be done again.
        if let Some(entry) = self.index.get_mut(&op) {
            entry.state = *state.as_ref().unwrap_or(&State::Forgotten);
        }
        state.map(drop)
    }

    fn write(&mut self, kind: Kind, op: OpId, payload: &[u8]) -> io::Result<Place> {
        if self.written >= FILE_MAX_BYTES {
            self.turn_over()?;
        }
        let mut record = Vec::with_capacity(HEAD_BYTES + payload.len());
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        record.extend_from_slice(&bytes.to_le_bytes());
        record.extend_from_slice(&[0; 4]);
        record.push(kind as u8);
        record.extend_from_slice(&op.bits().to_le_bytes());
        record.extend_from_slice(payload);
        let sum = crc32fast::hash(record.get(8..).unwrap_or_default());
        if let Some(place) = record.get_mut(4..8) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        if let Err(error) = io::Write::write_all(&mut self.file, &record) {
            self.file.set_len(self.written)?;
            return Err(error);
        }
        let at = self.written + HEAD_BYTES as u64;
        self.written += record.len() as u64;
        Ok(Place { old: false, at, bytes: payload.len() })
    }

    fn turn_over(&mut self) -> io::Result<()> {
        let (new, old) = (self.folder.join("ops"), self.folder.join("ops.old"));
        fs::rename(&new, &old)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true).mode(0o600);
        self.old = Some(std::mem::replace(&mut self.file, options.open(&new)?));
        self.written = 0;
        for Entry { state, .. } in self.index.values_mut() {
            match state {
                State::Answered(place) | State::Refused(place) if !place.old => place.old = true,
                State::Answered(_) | State::Refused(_) => *state = State::Forgotten,
                State::Running | State::Orphaned | State::Forgotten => {}
            }
        }
        Ok(())
    }

    fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let file = if place.old { self.old.as_ref() } else { Some(&self.file) };
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; place.bytes];
        file.read_exact_at(&mut bytes, place.at)?;
        Ok(bytes)
    }
}

/// Shows every whole record, and returns where they end.
fn scan(bytes: &[u8], old: bool, learn: &mut impl FnMut(OpId, Kind, Place, &[u8])) -> u64 {
    let mut rest = bytes;
    while let Some((op, kind, payload, after)) = first(rest) {
        let at = (bytes.len() - after.len() - payload.len()) as u64;
        learn(op, kind, Place { old, at, bytes: payload.len() }, payload);
        rest = after;
    }
    (bytes.len() - rest.len()) as u64
}

fn first(bytes: &[u8]) -> Option<(OpId, Kind, &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (record, after) = rest.split_at_checked(length.checked_add(HEAD_BYTES - 8)?)?;
    if crc32fast::hash(record) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (kind, record) = record.split_first()?;
    let (op, payload) = record.split_first_chunk()?;
    let kinds = [Kind::Begun, Kind::Answered, Kind::Refused, Kind::Forgotten, Kind::Undone];
    let kind = kinds.into_iter().find(|it| *it as u8 == *kind)?;
    Some((OpId::from_bits(u128::from_le_bytes(*op)), kind, payload, after))
}

fn orphaned() -> Refusal {
    let message = "the host ended while this operation ran; whether it took effect is not known";
    Refusal { code: Code::RunnerUnavailable, message: message.to_owned() }
}

fn forgotten() -> Refusal {
    let message = "this operation was done before, and its answer is no longer kept";
    Refusal { code: Code::Conflict, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: OpId = OpId::from_bits(1);
    const TWO: OpId = OpId::from_bits(2);
    const ASKED: u32 = 7;

    fn refusal() -> Refusal {
        Refusal { code: Code::Timeout, message: "no answer".to_owned() }
    }

    #[test]
    fn an_operation_is_done_once_and_answered_as_often_as_it_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Nothing);
        ops.begin(ONE, ASKED, true).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Running);
        let outcome = Ok(Bytes::from_static(b"{\"result\":1}"));
        ops.end(ONE, &outcome, true).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Done(outcome));
    }

    #[test]
    fn answers_outlive_the_host_and_what_was_running_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        ops.begin(ONE, ASKED, true).unwrap();
        ops.end(ONE, &Err(refusal()), true).unwrap();
        ops.begin(TWO, ASKED, true).unwrap();
        drop(ops);
        let ops = Ops::open(folder.path()).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Done(Err(refusal())));
        assert_eq!(ops.look(TWO, ASKED).unwrap(), Known::Done(Err(orphaned())));
    }

    #[test]
    fn what_only_reads_may_be_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        ops.begin(ONE, ASKED, false).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Running);
        ops.end(ONE, &Ok(Bytes::new()), false).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Nothing);
    }

    #[test]
    fn what_was_not_done_may_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        ops.begin(ONE, ASKED, true).unwrap();
        ops.undo(ONE, true).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Nothing);
        drop(ops);
        let ops = Ops::open(folder.path()).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Nothing);
    }

    #[test]
    fn one_name_stands_for_one_thing() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        ops.begin(ONE, ASKED, true).unwrap();
        ops.end(ONE, &Ok(Bytes::new()), true).unwrap();
        assert_eq!(ops.look(ONE, ASKED + 1).unwrap(), Known::Other);
        drop(ops);
        let ops = Ops::open(folder.path()).unwrap();
        assert_eq!(ops.look(ONE, ASKED + 1).unwrap(), Known::Other);
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Done(Ok(Bytes::new())));
    }

    #[test]
    fn a_torn_end_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        ops.begin(ONE, ASKED, true).unwrap();
        ops.end(ONE, &Ok(Bytes::from_static(b"whole")), true).unwrap();
        drop(ops);
        let path = folder.path().join("ops");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], &whole[..20]].concat()).unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        ops.begin(TWO, ASKED, true).unwrap();
        drop(ops);
        let ops = Ops::open(folder.path()).unwrap();
        assert_eq!(ops.look(ONE, ASKED).unwrap(), Known::Done(Ok(Bytes::from_static(b"whole"))));
        assert_eq!(ops.look(TWO, ASKED).unwrap(), Known::Done(Err(orphaned())));
    }

    #[test]
    fn old_answers_are_forgotten_but_not_that_they_were_given() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        let big = Bytes::from(vec![b'x'; ANSWER_MAX_BYTES]);
        for number in 0..40 {
            let op = OpId::from_bits(number);
            ops.begin(op, ASKED, true).unwrap();
            ops.end(op, &Ok(big.clone()), true).unwrap();
        }
        assert_eq!(ops.look(OpId::from_bits(0), ASKED).unwrap(), Known::Done(Err(forgotten())));
        assert_eq!(ops.look(OpId::from_bits(39), ASKED).unwrap(), Known::Done(Ok(big)));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut ops = Ops::open(folder.path()).unwrap();
        for number in 0..=OPS_MAX as u128 {
            ops.begin(OpId::from_bits(number), ASKED, true).unwrap();
        }
        assert_eq!(ops.look(OpId::from_bits(0), ASKED).unwrap(), Known::Nothing);
        assert_eq!(ops.look(OpId::from_bits(1), ASKED).unwrap(), Known::Running);
        drop(ops);
        let ops = Ops::open(folder.path()).unwrap();
        assert_eq!(ops.index.len(), OPS_MAX);
        assert_eq!(ops.look(OpId::from_bits(0), ASKED).unwrap(), Known::Nothing);
    }
}
