//! One file of the journal: a row of records, named after the first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use schema::tunnel::Seq;

use super::record::{Head, Record};

/// The buffer of one who reads.
pub const READ_BYTES: usize = 64 * 1024;

/// Shows the records of a file and returns its length, without a torn end if it `may_end_torn`;
/// none if it is damaged.
pub fn scan(
    folder: &Path,
    first: Seq,
    may_end_torn: bool,
    mut show: impl FnMut(&Record),
) -> io::Result<Option<u64>> {
    let path = folder.join(name(first));
    let file = File::open(&path)?;
    let length = file.metadata()?.len();
    let mut file = BufReader::with_capacity(READ_BYTES, file);
    let (mut whole, mut expected) = (0, first);
    while let Some(record) = read_one(&mut file)? {
        if record.seq != expected {
            break;
        }
        expected = expected.next();
        whole = file.stream_position()?;
        show(&record);
    }
    if whole == length {
        return Ok(Some(whole));
    }
    if !may_end_torn {
        return Ok(None);
    }
    tracing::warn!(bytes = length - whole, "the journal's last record was torn, and is cut off");
    OpenOptions::new().write(true).open(&path)?.set_len(whole)?;
    Ok(Some(whole))
}

/// The next whole record; none at the end, and where it is torn or damaged.
pub fn read_one(file: &mut impl Read) -> io::Result<Option<Record>> {
    let mut head = [0; 8];
    if !filled(file, &mut head)? {
        return Ok(None);
    }
    let Some(head) = Head::decode(head) else { return Ok(None) };
    let mut rest = vec![0; head.rest_bytes()];
    if !filled(file, &mut rest)? {
        return Ok(None);
    }
    Ok(Record::decode(head, &rest))
}

fn filled(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The first events of all files, in order.
pub fn list(folder: &Path) -> io::Result<Vec<Seq>> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
        firsts.extend(number.and_then(|number| number.parse().ok()).map(Seq));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Opens a file to write at its end.
pub fn append_to(folder: &Path, first: Seq) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(folder.join(name(first)))
}

/// The name of the file that begins with this event.
pub fn name(first: Seq) -> String {
    format!("{:020}.log", first.0)
}
