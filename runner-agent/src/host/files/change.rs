//! Writing and removing: whole or not at all, and only where nothing changed meanwhile if the
//! caller says so.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{AtFlags, CWD, FileType, Stat, fstat, renameat, statat, unlinkat};
use rustix::io::Errno;
use schema::workspace::{FILE_MAX_BYTES, Kind, PIECE_BYTES, Remove, Removed, Write, Written};
use schema::{Code, Error, FieldError, Result};

use super::root::{Place, Root, etag, refused};
use super::{entry, staging};
use crate::host::spec::{Spec, private_dir};

/// Files that are being sent at once; of more, the oldest is given up.
const UPLOADS_MAX: usize = 64;
/// Characters that the name of an upload may have.
const UPLOAD_MAX_BYTES: usize = 64;
/// The mode of a new file.
const MODE: u32 = 0o644;

/// Takes a piece of a file; the last one puts the file in its place.
pub fn write(spec: &Spec, turn: &Mutex<()>, params: &Write) -> Result<Written> {
    let root = Root::open(&spec.account, &params.root)?;
    // What cannot be written is refused with the first piece, without making anything.
    root.check(&params.path)?;
    let folder = staging(spec);
    private_dir(&folder).map_err(Error::unavailable)?;
    let good = |text: &str| text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let upload = &params.upload;
    if upload.is_empty() || upload.len() > UPLOAD_MAX_BYTES || !good(upload) {
        return Err(Error::field("upload", "letters and digits"));
    }
    let staged = folder.join(format!("upload.{upload}"));
    let file = match take(&folder, &staged, params) {
        Ok(file) => file,
        Err(error) => {
            let _ = fs::remove_file(&staged);
            return Err(error);
        }
    };
    if !params.last {
        return Ok(Written { entry: None, made: false });
    }
    let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let written = commit(&root, &staged, &file, params);
    drop(turn);
    if written.is_err() {
        let _ = fs::remove_file(&staged);
    }
    written
}

/// Removes a file, a link or an empty directory.
pub fn remove(spec: &Spec, turn: &Mutex<()>, params: &Remove) -> Result<Removed> {
    let root = Root::open(&spec.account, &params.root)?;
    let Place { parent, name } = root.place(&params.path, false)?;
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let about = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| refused(&params.path, error))?;
    let kind = super::kind(&about).ok_or_else(|| not_a_file(&params.path))?;
    check(&params.path, Some(&about), params.if_match.as_deref(), None)?;
    let flags = if kind == Kind::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    unlinkat(&parent, name, flags).map_err(|error| match error {
        Errno::NOTEMPTY => {
            let message = format!("`{}` is not empty: remove what is in it first.", params.path);
            Error::new(Code::Conflict, message)
        }
        error => refused(&params.path, error),
    })?;
    Ok(Removed { kind })
}

/// Adds a piece to what has come of a file.
fn take(folder: &Path, staged: &Path, params: &Write) -> Result<File> {
    let piece = STANDARD.decode(&params.data);
    let piece = piece.map_err(|_| Error::field("data", "not base64"))?;
    if piece.len() > PIECE_BYTES {
        return Err(Error::field("data", format!("{PIECE_BYTES} bytes at most")));
    }
    let end = params.offset.saturating_add(piece.len() as u64);
    if end > FILE_MAX_BYTES {
        let most = FILE_MAX_BYTES >> 20;
        let message = format!("A file that is written here may have at most {most} MiB.");
        return Err(Error::new(Code::PayloadTooLarge, message));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    if params.offset == 0 {
        make_room(folder);
        options.create(true).truncate(true);
    }
    let lost = || {
        let message = "What came of this file before is gone: send it again from its beginning.";
        Error::new(Code::Unavailable, message).retry_after(1)
    };
    let file = options.open(staged).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => lost(),
        _ => broken(&error),
    })?;
    if file.metadata().map_err(|error| broken(&error))?.len() < params.offset {
        return Err(lost());
    }
    file.write_all_at(&piece, params.offset).map_err(|error| broken(&error))?;
    // A piece that comes twice leaves no more behind it than when it came first.
    file.set_len(end).map_err(|error| broken(&error))?;
    Ok(file)
}

/// Gives up the uploads that nobody has gone on with for the longest.
fn make_room(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut uploads: Vec<_> = entries
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"upload."))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    uploads.sort();
    for (_, path) in uploads.iter().take((uploads.len() + 1).saturating_sub(UPLOADS_MAX)) {
        let _ = fs::remove_file(path);
    }
}

/// Puts a whole file in its place, in one step.
fn commit(root: &Root, staged: &Path, file: &File, params: &Write) -> Result<Written> {
    let path = &params.path;
    let Place { parent, name } = root.place(path, true)?;
    let there = match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(about) => Some(about),
        Err(Errno::NOENT) => None,
        Err(error) => return Err(refused(path, error)),
    };
    match there.as_ref().map(|about| FileType::from_raw_mode(about.st_mode)) {
        None | Some(FileType::RegularFile) => {}
        Some(FileType::Symlink) => {
            let message = format!("`{path}` is a link: write where it leads, or remove it first.");
            return Err(Error::new(Code::Conflict, message));
        }
        Some(FileType::Directory) => {
            return Err(Error::new(Code::Conflict, format!("`{path}` is a directory.")));
        }
        Some(_) => return Err(not_a_file(path)),
    }
    check(path, there.as_ref(), params.if_match.as_deref(), params.if_none_match.as_deref())?;
    let mode = there.as_ref().map_or(MODE, |about| about.st_mode & 0o777);
    let ready = file.set_permissions(fs::Permissions::from_mode(mode));
    ready.and_then(|()| file.sync_data()).map_err(|error| broken(&error))?;
    // What has taken the name meanwhile is replaced, and if it is a link, the link itself.
    renameat(CWD, staged, parent.as_fd(), name).map_err(|error| match error {
        Errno::ISDIR => Error::new(Code::Conflict, format!("`{path}` is a directory.")),
        Errno::XDEV => {
            let message = "Workspaces and the host's own files have to lie on one file system.";
            Error::new(Code::RunnerUnavailable, message)
        }
        error => refused(path, error),
    })?;
    let about = fstat(file).map_err(|error| refused(path, error))?;
    Ok(Written { entry: Some(entry(path.clone(), Kind::File, &about)), made: there.is_none() })
}

/// Whether a file is in the state that its caller knows.
fn check(
    path: &str,
    there: Option<&Stat>,
    if_match: Option<&str>,
    if_none_match: Option<&str>,
) -> Result<()> {
    let state = there.map(etag);
    let is = |wanted: &str| state.as_deref().is_some_and(|it| wanted == "*" || wanted == it);
    if if_match.is_none_or(is) && !if_none_match.is_some_and(is) {
        return Ok(());
    }
    let message = match &state {
        Some(state) => format!("`{path}` changed: it is `{state}` now. Read it again."),
        None => format!("There is no `{path}` any more."),
    };
    let field = "etag".to_owned();
    let details = vec![FieldError { field, message: state.unwrap_or_default() }];
    Err(Error { details, ..Error::new(Code::PreconditionFailed, message) })
}

fn not_a_file(path: &str) -> Error {
    Error::new(Code::ValidationError, format!("`{path}` is not a file."))
}

fn broken(error: &io::Error) -> Error {
    match rustix::io::Errno::from_io_error(error) {
        Some(error) => refused("The file", error),
        None => Error::unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::host::files::tests::world;

    fn piece(path: &str, data: &[u8]) -> Write {
        let upload = "one".to_owned();
        let (path, data) = (path.to_owned(), STANDARD.encode(data));
        Write { path, upload, data, last: true, ..Write::default() }
    }

    #[test]
    fn a_file_appears_with_its_last_piece_and_keeps_its_mode() {
        let (_folder, spec) = world();
        let turn = Mutex::default();
        let first = Write { last: false, ..piece("a/b/c.txt", b"one ") };
        assert_eq!(write(&spec, &turn, &first).unwrap().entry, None);
        assert!(!spec.work().join("a").exists());
        // Twice is once.
        write(&spec, &turn, &first).unwrap();
        let second = Write { offset: 4, ..piece("a/b/c.txt", b"two") };
        let written = write(&spec, &turn, &second).unwrap();
        let path = spec.work().join("a/b/c.txt");
        assert_eq!((fs::read(&path).unwrap(), written.made), (b"one two".to_vec(), true));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let written = write(&spec, &turn, &piece("a/b/c.txt", b"new")).unwrap();
        assert_eq!((fs::read(&path).unwrap(), written.made), (b"new".to_vec(), false));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(staging(&spec)).unwrap().count(), 0);
        let late = Write { offset: 4, ..piece("a/b/c.txt", b"x") };
        assert_eq!(write(&spec, &turn, &late).unwrap_err().code, Code::Unavailable);
    }

    #[test]
    fn what_changed_meanwhile_is_not_written_over() {
        let (_folder, spec) = world();
        let turn = Mutex::default();
        let made = Write { if_none_match: Some("*".to_owned()), ..piece("x", b"1") };
        let etag = write(&spec, &turn, &made).unwrap().entry.unwrap().etag;
        let refused = write(&spec, &turn, &made).unwrap_err();
        assert_eq!((refused.code, &refused.details[0].message), (Code::PreconditionFailed, &etag));
        let knows = |etag: &str| Write { if_match: Some(etag.to_owned()), ..piece("x", b"2") };
        let next = write(&spec, &turn, &knows(&etag)).unwrap().entry.unwrap().etag;
        assert_ne!(next, etag);
        let refused = write(&spec, &turn, &knows(&etag)).unwrap_err();
        assert_eq!((refused.code, &refused.details[0].message), (Code::PreconditionFailed, &next));
        // Somebody else than us writes as much into the same file.
        fs::write(spec.work().join("x"), "3").unwrap();
        assert!(write(&spec, &turn, &knows(&next)).is_err());
        fs::remove_file(spec.work().join("x")).unwrap();
        assert!(write(&spec, &turn, &knows("*")).is_err());
        assert!(write(&spec, &turn, &piece("x", b"4")).is_ok(), "without a condition");
    }

    #[test]
    fn of_many_who_know_the_same_state_one_writes() {
        let (_folder, spec) = world();
        let turn = Arc::new(Mutex::default());
        let etag = write(&spec, &turn, &piece("x", b"0")).unwrap().entry.unwrap().etag;
        let writers: Vec<_> = (0..16)
            .map(|number| {
                let (spec, turn, if_match) = (spec.clone(), turn.clone(), Some(etag.clone()));
                let upload = format!("u{number}");
                let params = Write { upload, if_match, ..piece("x", &[b'a' + number]) };
                thread::spawn(move || write(&spec, &turn, &params).is_ok())
            })
            .collect();
        let wrote = writers.into_iter().filter_map(|it| it.join().ok()).filter(|it| *it).count();
        assert_eq!(wrote, 1);
    }

    #[test]
    fn what_is_too_large_or_no_piece_is_refused() {
        let (_folder, spec) = world();
        let turn = Mutex::default();
        let code = |params: &Write| write(&spec, &turn, params).unwrap_err().code;
        assert_eq!(
            code(&Write { offset: FILE_MAX_BYTES, ..piece("x", b"1") }),
            Code::PayloadTooLarge
        );
        let large = piece("x", &vec![0; PIECE_BYTES + 1]);
        assert_eq!(code(&large), Code::ValidationError);
        assert_eq!(code(&Write { data: "?".to_owned(), ..large }), Code::ValidationError);
        for upload in ["", "../x", "a/b", "é"] {
            let params = Write { upload: upload.to_owned(), ..piece("x", b"1") };
            assert_eq!(code(&params), Code::ValidationError, "{upload}");
        }
    }

    #[test]
    fn what_is_removed_is_the_thing_itself() {
        let (_folder, spec) = world();
        let turn = Mutex::default();
        let work = spec.work();
        fs::create_dir_all(work.join("full/empty")).unwrap();
        fs::write(work.join("file"), "").unwrap();
        symlink("file", work.join("link")).unwrap();
        let gone = |path: &str| {
            let params = Remove { path: path.to_owned(), ..Remove::default() };
            remove(&spec, &turn, &params).map(|it| it.kind).map_err(|it| it.code)
        };
        assert_eq!(gone("full"), Err(Code::Conflict));
        assert_eq!(gone("full/empty"), Ok(Kind::Directory));
        assert_eq!(gone("link"), Ok(Kind::Link));
        assert_eq!(gone("file"), Ok(Kind::File));
        assert_eq!(gone("file"), Err(Code::ResourceNotFound));
    }
}
