//! The events of a process on disk: numbered without gaps, appended before they are sent, and
//! forgotten only when the hub has stored them.
//!
//! The journal is a row of files, each named after its first event. Writes go to the system at
//! once, and to the disk in the background: a host that dies loses nothing, and what a power cut
//! takes was either stored by the hub or seen by nobody.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use schema::tunnel::{EVENTS_IN_FLIGHT_BYTES, Seq};
use schema::{AskId, Timestamp};

use super::record::{HEAD_BYTES, Record};
use super::segment;
use super::spec::{private_dir, write_private};

/// A file that has reached this size is followed by the next.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
/// The newest events are also kept in memory, up to this, so that sending does not read.
const RECENT_BYTES: usize = EVENTS_IN_FLIGHT_BYTES;
/// The name of the file that says how far the hub has stored.
const ACKED: &str = "acked";

/// An event without a number yet.
#[derive(Debug, Clone)]
pub struct Draft {
    pub at: Timestamp,
    pub ask: Option<AskId>,
    pub body: Bytes,
    /// Whether it changes what is open.
    pub matters: bool,
}

/// The journal of one process.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    max_bytes: u64,
    segments: VecDeque<Segment>,
    active: Option<File>,
    last: Seq,
    acked: Seq,
    recent: VecDeque<Record>,
    recent_bytes: usize,
    behind: Option<Behind>,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    first: Seq,
    bytes: u64,
}

/// Reads on where somebody is behind what is recent.
#[derive(Debug)]
struct Behind {
    segment: Seq,
    file: BufReader<File>,
    /// The one that was read last.
    record: Record,
}

impl Journal {
    /// Opens what is there, and shows every event after `from` (and maybe some before it). A record
    /// that was torn at the end is cut off. Damage elsewhere cannot be repaired without a gap: the
    /// journal is then laid aside, and a new one begins.
    pub fn open(
        folder: PathBuf,
        max_bytes: u64,
        from: Seq,
        mut show: impl FnMut(&Record),
    ) -> Result<Self> {
        private_dir(&folder)?;
        let acked = read_acked(&folder);
        let mut segments = VecDeque::new();
        let mut last = acked;
        let firsts = segment::list(&folder)?;
        for (place, first) in firsts.iter().enumerate() {
            let next = firsts.get(place + 1);
            let needed = next.is_none_or(|next| next.0 > from.0 + 1);
            let bytes = if needed {
                let scan = segment::scan(&folder, *first, next.is_none(), |record| {
                    last = record.seq;
                    show(record);
                });
                let Some(bytes) = scan? else { return lay_aside(folder, max_bytes, from, show) };
                bytes
            } else {
                fs::metadata(folder.join(segment::name(*first)))?.len()
            };
            last = last.max(Seq(first.0.saturating_sub(1)));
            let contiguous = next.is_none_or(|next| !needed || next.0 == last.0 + 1);
            if !contiguous {
                return lay_aside(folder, max_bytes, from, show);
            }
            segments.push_back(Segment { first: *first, bytes });
        }
        let active = segments
            .back()
            .map(|segment| segment::append_to(&folder, segment.first))
            .transpose()?;
        Ok(Self {
            folder,
            max_bytes,
            segments,
            active,
            last,
            acked,
            recent: VecDeque::new(),
            recent_bytes: 0,
            behind: None,
            buffer: Vec::new(),
        })
    }

    /// The oldest event that is still there, or the next one if none is.
    pub fn first(&self) -> Seq {
        self.segments.front().map_or(self.last.next(), |segment| segment.first)
    }

    /// The number of the newest event.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Writes events, all or none, and gives them their numbers. The first one's is returned.
    pub fn append(&mut self, drafts: &[Draft]) -> io::Result<Seq> {
        let first = self.last.next();
        let mut records = Vec::with_capacity(drafts.len());
        self.buffer.clear();
        for (number, draft) in (first.0..).zip(drafts) {
            let Draft { at, ask, body, .. } = draft.clone();
            let record = Record { seq: Seq(number), at, ask, body };
            record.encode(&mut self.buffer);
            records.push(record);
        }
        self.write(first)?;
        for record in records {
            self.last = record.seq;
            self.remember(record);
        }
        if self.buffer.capacity() > RECENT_BYTES {
            self.buffer = Vec::new();
        }
        Ok(first)
    }

    /// The hub has stored events through this one. True if there is now something to
    /// [`trim`](Self::trim).
    pub fn ack(&mut self, through: Seq) -> bool {
        self.acked = self.acked.max(through);
        self.obsolete().is_some()
    }

    /// Removes the files whose events the hub has stored.
    pub fn trim(&mut self) -> io::Result<()> {
        while let Some(segment) = self.obsolete() {
            fs::remove_file(self.folder.join(segment::name(segment)))?;
            self.segments.pop_front();
        }
        self.save_acked()
    }

    fn obsolete(&self) -> Option<Seq> {
        let (first, second) = (self.segments.front()?, self.segments.get(1)?);
        (second.first <= self.acked.next()).then_some(first.first)
    }

    /// The hub stands further than this journal: its disk was lost. Numbers go on after the hub's.
    pub fn skip_to(&mut self, hub: Seq) -> io::Result<()> {
        if hub <= self.last {
            return Ok(());
        }
        tracing::warn!(hub = hub.0, last = self.last.0, "the journal is behind its hub");
        self.recent.clear();
        self.recent_bytes = 0;
        self.behind = None;
        self.last = hub;
        self.acked = hub;
        self.active = None;
        for segment in std::mem::take(&mut self.segments) {
            fs::remove_file(self.folder.join(segment::name(segment.first)))?;
        }
        self.save_acked()
    }

    /// Writes down how far the hub has stored, for [`has_unsent`] and the next host.
    pub fn save_acked(&self) -> io::Result<()> {
        write_private(&self.folder.join(ACKED), self.acked.0.to_string().as_bytes(), false)
    }

    /// A handle whose data can be brought to the disk from another thread.
    pub fn handle(&self) -> io::Result<Option<File>> {
        self.active.as_ref().map(File::try_clone).transpose()
    }

    /// The event of that number; none past the end, or if it has been forgotten.
    pub fn get(&mut self, seq: Seq) -> io::Result<Option<&Record>> {
        if seq > self.last {
            return Ok(None);
        }
        if let Some(oldest) = self.recent.front().map(|record| record.seq)
            && seq >= oldest
        {
            self.behind = None;
            let place = usize::try_from(seq.0 - oldest.0).unwrap_or(usize::MAX);
            return Ok(self.recent.get(place));
        }
        self.catch_up(seq)
    }

    fn catch_up(&mut self, seq: Seq) -> io::Result<Option<&Record>> {
        if self.behind.as_ref().is_none_or(|behind| behind.record.seq > seq) {
            let segment = self.segments.iter().rev().find(|segment| segment.first <= seq);
            let Some(segment) = segment.map(|segment| segment.first) else { return Ok(None) };
            self.behind = Behind::open(&self.folder, segment)?;
        }
        while let Some(behind) = &mut self.behind
            && behind.record.seq < seq
        {
            if let Some(record) = segment::read_one(&mut behind.file)? {
                behind.record = record;
                continue;
            }
            let at = behind.segment;
            let next = self.segments.iter().find(|segment| segment.first > at);
            let Some(next) = next.map(|next| next.first) else { return Ok(None) };
            self.behind = Behind::open(&self.folder, next)?;
        }
        Ok(self.behind.as_ref().map(|behind| &behind.record).filter(|record| record.seq == seq))
    }

    fn write(&mut self, first: Seq) -> io::Result<()> {
        let held: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let more = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        if held.saturating_add(more) > self.max_bytes {
            return Err(io::Error::new(ErrorKind::StorageFull, "the journal is full"));
        }
        let full = self.segments.back().is_none_or(|segment| segment.bytes >= SEGMENT_BYTES);
        if full || self.active.is_none() {
            self.active = Some(segment::append_to(&self.folder, first)?);
            self.segments.push_back(Segment { first, bytes: 0 });
        }
        let (Some(file), Some(segment)) = (&mut self.active, self.segments.back_mut()) else {
            return Ok(());
        };
        if let Err(error) = file.write_all(&self.buffer) {
            // What was written of it would be damage in the middle, once there is room again.
            file.set_len(segment.bytes)?;
            return Err(error);
        }
        segment.bytes += more;
        Ok(())
    }

    fn remember(&mut self, record: Record) {
        self.recent_bytes += record.body.len() + HEAD_BYTES;
        self.recent.push_back(record);
        while self.recent_bytes > RECENT_BYTES && self.recent.len() > 1 {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.recent_bytes -= oldest.body.len() + HEAD_BYTES;
        }
    }
}

impl Behind {
    fn open(folder: &Path, segment: Seq) -> io::Result<Option<Self>> {
        let file = File::open(folder.join(segment::name(segment)))?;
        let mut file = BufReader::with_capacity(segment::READ_BYTES, file);
        Ok(segment::read_one(&mut file)?.map(|record| Self { segment, file, record }))
    }
}

/// Whether a journal holds events that no hub has acknowledged, as far as it has been written down.
pub fn has_unsent(folder: &Path) -> bool {
    let Ok(firsts) = segment::list(folder) else { return false };
    let Some(first) = firsts.last() else { return false };
    let mut last = Seq(first.0.saturating_sub(1));
    let scanned = segment::scan(folder, *first, false, |record| last = record.seq);
    scanned.is_ok() && last > read_acked(folder)
}

fn lay_aside(
    folder: PathBuf,
    max_bytes: u64,
    from: Seq,
    show: impl FnMut(&Record),
) -> Result<Journal> {
    let acked = read_acked(&folder);
    let aside = folder.with_extension("damaged");
    tracing::error!(aside = %aside.display(), "the journal is damaged, and laid aside");
    let _ = fs::remove_dir_all(&aside);
    fs::rename(&folder, &aside).context("a damaged journal cannot be laid aside")?;
    private_dir(&folder)?;
    write_private(&folder.join(ACKED), acked.0.to_string().as_bytes(), true)?;
    Journal::open(folder, max_bytes, from, show)
}

fn read_acked(folder: &Path) -> Seq {
    let text = fs::read_to_string(folder.join(ACKED)).unwrap_or_default();
    Seq(text.trim().parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: u64 = 1 << 30;

    fn open(folder: &Path) -> (Journal, Vec<Record>) {
        let mut shown = Vec::new();
        let journal = Journal::open(folder.join("journal"), MAX, Seq(0), |record| {
            shown.push(record.clone());
        });
        (journal.unwrap(), shown)
    }

    fn draft(text: &str) -> Draft {
        let body = Bytes::copy_from_slice(text.as_bytes());
        let ask = Some(AskId::from_bits(9));
        Draft { at: Timestamp::from_millis(7), ask, body, matters: false }
    }

    fn segment(folder: &Path, first: u64) -> PathBuf {
        folder.join("journal").join(segment::name(Seq(first)))
    }

    #[test]
    fn events_are_numbered_without_gaps_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path());
        assert_eq!(journal.append(&[draft("a"), draft("b")]).unwrap(), Seq(1));
        drop(journal);
        let (mut journal, shown) = open(folder.path());
        assert_eq!(journal.append(&[draft("c")]).unwrap(), Seq(3));
        assert_eq!(shown.len(), 2);
        for (seq, body) in [(1, "a"), (3, "c"), (2, "b")] {
            let record = journal.get(Seq(seq)).unwrap().unwrap();
            assert_eq!((record.seq, &record.body[..]), (Seq(seq), body.as_bytes()));
            assert_eq!(record.ask, Some(AskId::from_bits(9)));
        }
        assert_eq!(journal.get(Seq(4)).unwrap(), None);
    }

    #[test]
    fn a_torn_end_is_cut_off_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path());
        journal.append(&[draft("first"), draft("second")]).unwrap();
        let whole = fs::read(segment(folder.path(), 1)).unwrap();
        let second = whole.len() - HEAD_BYTES - "second".len();
        for end in second..whole.len() {
            fs::write(segment(folder.path(), 1), &whole[..end]).unwrap();
            let (journal, shown) = open(folder.path());
            assert_eq!((journal.last(), shown.len()), (Seq(1), 1), "{end} bytes");
        }
    }

    #[test]
    fn a_file_goes_when_the_hub_has_stored_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path());
        let big = "x".repeat(1 << 20);
        for _ in 0..10 {
            journal.append(&[draft(&big)]).unwrap();
        }
        assert_eq!(
            segment::list(&folder.path().join("journal")).unwrap(),
            [Seq(1), Seq(5), Seq(9)]
        );
        assert!(!journal.ack(Seq(3)));
        assert!(journal.ack(Seq(4)));
        journal.trim().unwrap();
        assert_eq!(segment::list(&folder.path().join("journal")).unwrap(), [Seq(5), Seq(9)]);
        assert!(has_unsent(&folder.path().join("journal")));
        assert!(journal.ack(Seq(10)));
        journal.trim().unwrap();
        assert_eq!(segment::list(&folder.path().join("journal")).unwrap(), [Seq(9)]);
        assert!(!has_unsent(&folder.path().join("journal")));
        let (journal, _) = open(folder.path());
        assert_eq!((journal.last(), journal.acked), (Seq(10), Seq(10)));
    }

    #[test]
    fn damage_in_the_middle_begins_a_new_journal_beside_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path());
        let big = "x".repeat(1 << 20);
        for _ in 0..5 {
            journal.append(&[draft(&big)]).unwrap();
        }
        let mut bytes = fs::read(segment(folder.path(), 1)).unwrap();
        bytes[100] ^= 1;
        fs::write(segment(folder.path(), 1), bytes).unwrap();
        let (mut journal, _) = open(folder.path());
        assert_eq!(journal.last(), Seq(0));
        journal.skip_to(Seq(5)).unwrap();
        assert_eq!(journal.append(&[draft("next")]).unwrap(), Seq(6));
        assert!(folder.path().join("journal.damaged").is_dir());
    }

    #[test]
    fn a_full_journal_takes_nothing_until_the_hub_has_stored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(path, 6 << 20, Seq(0), |_| {}).unwrap();
        let big = "x".repeat(1 << 20);
        for _ in 0..5 {
            journal.append(&[draft(&big)]).unwrap();
        }
        let refused = journal.append(&[draft(&big)]).unwrap_err();
        assert_eq!((refused.kind(), journal.last()), (ErrorKind::StorageFull, Seq(5)));
        assert!(journal.ack(Seq(4)));
        journal.trim().unwrap();
        assert_eq!(journal.append(&[draft(&big)]).unwrap(), Seq(6));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
        #[test]
        fn whatever_was_appended_is_read_in_any_order(
            sizes in prop::collection::vec(0usize..200_000, 1..60),
            reads in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
            reopen in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let (mut journal, _) = open(folder.path());
            for size in &sizes {
                journal.append(&[draft(&"y".repeat(*size))]).unwrap();
            }
            if reopen {
                journal = open(folder.path()).0;
            }
            for read in reads {
                let place = read.index(sizes.len());
                let record = journal.get(Seq(place as u64 + 1)).unwrap().unwrap();
                prop_assert_eq!(record.body.len(), sizes[place]);
            }
        }
    }
}
