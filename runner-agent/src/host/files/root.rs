//! A directory of an account's workspace that nothing leads out of: every path is opened from its
//! handle by the kernel, which refuses whatever leaves it, links and races included.
//!
//! The codex of an account may have full access to the account's directory, the workspace's own
//! name in it included. So the way to the root follows no links at all; below it, links are
//! followed as long as they stay below.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, mkdirat, openat2};
use rustix::io::Errno;
use schema::{Code, Error, Result, Timestamp};

/// The workspace's name in the account's directory.
const WORK: &str = "work";
/// The system's own limits, said in our words.
const PATH_MAX_BYTES: usize = 4_000;
const NAME_MAX_BYTES: usize = 255;
/// A lookup that a rename got in the way of is tried again.
const TRIES: u32 = 64;
/// What codex and git keep for themselves: who writes there has programs run that nobody approved.
const KEPT: [&str; 3] = [".git", ".codex", ".agents"];

const WITHIN: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);
const PLAIN: ResolveFlags = WITHIN.union(ResolveFlags::NO_SYMLINKS);
const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
const DIRECTORY: OFlags = HANDLE.union(OFlags::DIRECTORY);

/// The root of a project, or of the whole workspace.
#[derive(Debug)]
pub struct Root(OwnedFd);

/// Where something is to be put: a directory, by its handle, and a name in it.
#[derive(Debug)]
pub struct Place<'a> {
    pub parent: OwnedFd,
    pub name: &'a str,
}

impl Root {
    /// Opens a root that is there.
    pub fn open(account: &Path, root: &str) -> Result<Self> {
        let account = open_account(account)?;
        let path = [&[WORK], &names(root)?[..]].concat().join("/");
        let opened = open(account.as_fd(), &path, DIRECTORY, PLAIN);
        opened.map(Self).map_err(|error| match error {
            Errno::NOENT => Error::new(Code::ResourceNotFound, "There is no such workspace."),
            error => refused("The workspace", error),
        })
    }

    /// Opens a directory of the account, made if it is missing; for its owner alone.
    pub fn make(account: &Path, root: &str) -> Result<Self> {
        let mut at = open_account(account)?;
        for name in [&[WORK], &names(root)?[..]].concat() {
            at = enter(&at, name, Mode::from_raw_mode(0o700))
                .map_err(|error| refused("The workspace", error))?;
        }
        Ok(Self(at))
    }

    /// A file of the root and what the handle says of it. Links are followed while they stay below.
    pub fn file(&self, path: &str) -> Result<(File, Stat)> {
        let (handle, about) = self.look(path)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(Error::new(Code::ValidationError, format!("`{path}` is not a file.")));
        }
        // Nothing but a file is ever opened, for to open a device is to act on it. This is the very
        // one that was looked at.
        let again = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::open(again, flags, Mode::empty());
        let file = File::from(file.map_err(|error| refused(path, error))?);
        let about = fstat(&file).map_err(|error| refused(path, error))?;
        Ok((file, about))
    }

    /// Anything below the root, without opening it.
    pub fn look(&self, path: &str) -> Result<(OwnedFd, Stat)> {
        let handle = self.handle(path, HANDLE)?;
        let about = fstat(&handle).map_err(|error| refused(path, error))?;
        Ok((handle, about))
    }

    /// A directory below the root, to be read. No link leads to it.
    pub fn directory(&self, path: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        open(self.0.as_fd(), if path.is_empty() { "." } else { path }, flags, PLAIN)
    }

    /// Where a file is to be put. Directories on the way are made, and nothing that codex or git
    /// keep for themselves is entered.
    pub fn place<'a>(&self, path: &'a str, make: bool) -> Result<Place<'a>> {
        let names = names(path)?;
        let Some((name, above)) = names.split_last() else {
            return Err(Error::new(Code::ValidationError, "`path` has to name a file."));
        };
        check_kept(names.iter().copied())?;
        let parent = match make {
            true => self.make_all(above, path)?,
            false => self.handle(&above.join("/"), DIRECTORY)?,
        };
        // A link may have led to what its name does not tell.
        let (root, there) = (real(self.0.as_fd())?, real(parent.as_fd())?);
        let below = there.strip_prefix(&root).map_err(|_| outside(path))?;
        check_kept(below.iter().filter_map(|name| name.to_str()))?;
        Ok(Place { parent, name })
    }

    /// Whether a file may be written there, as far as its path tells.
    pub fn check(&self, path: &str) -> Result<()> {
        let names = names(path)?;
        if names.is_empty() {
            return Err(Error::new(Code::ValidationError, "`path` has to name a file."));
        }
        check_kept(names.into_iter())
    }

    fn make_all(&self, above: &[&str], path: &str) -> Result<OwnedFd> {
        for many in 1..=above.len() {
            let (Some(part), Some(before)) = (above.get(..many), above.get(..many - 1)) else {
                break;
            };
            match open(self.0.as_fd(), &part.join("/"), DIRECTORY, WITHIN) {
                Err(Errno::NOENT) => {}
                Err(error) => return Err(refused(path, error)),
                Ok(_) => continue,
            }
            let parent = self.handle(&before.join("/"), DIRECTORY)?;
            let name = part.last().copied().unwrap_or_default();
            enter(&parent, name, Mode::from_raw_mode(0o755))
                .map_err(|error| refused(path, error))?;
        }
        self.handle(&above.join("/"), DIRECTORY)
    }

    fn handle(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        let names = names(path)?.join("/");
        let names = if names.is_empty() { "." } else { &names };
        open(self.0.as_fd(), names, flags, WITHIN).map_err(|error| refused(path, error))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The names of a path, which has to lie below where it begins: what a caller may say, and no more.
pub fn names(path: &str) -> Result<Vec<&str>> {
    let wrong = |what: &str| Err(Error::field("path", what));
    if path.len() > PATH_MAX_BYTES {
        return wrong("too long");
    }
    if path.contains('\0') {
        return wrong("a NUL byte is in it");
    }
    if path.contains('\\') {
        return wrong("names are parted by `/`");
    }
    if path.starts_with('/') {
        return Err(outside(path));
    }
    let names: Vec<_> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    if names.contains(&"..") {
        return Err(outside(path));
    }
    if names.iter().any(|name| name.len() > NAME_MAX_BYTES) {
        return wrong("a name in it is too long");
    }
    Ok(names)
}

/// The state of a file: another one after every write, and after every file put in its place.
pub fn etag(about: &Stat) -> String {
    let (seconds, nanos) = (about.st_ctime, about.st_ctime_nsec);
    format!("{:x}-{seconds:x}{nanos:08x}-{:x}", about.st_ino, about.st_size)
}

/// When its content last changed.
pub fn modified_at(about: &Stat) -> Timestamp {
    let nanos = i64::try_from(about.st_mtime_nsec).unwrap_or_default();
    let seconds = about.st_mtime;
    Timestamp::from_millis(seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000))
}

/// What the system refused, in our words.
pub fn refused(path: &str, error: Errno) -> Error {
    match error {
        Errno::XDEV | Errno::LOOP => outside(path),
        Errno::NOENT | Errno::NOTDIR => {
            Error::new(Code::ResourceNotFound, format!("There is no `{path}` in the workspace."))
        }
        Errno::ACCESS | Errno::PERM => {
            Error::new(Code::PermissionDenied, format!("The system does not let `{path}` be used."))
        }
        Errno::NAMETOOLONG => Error::field("path", "too long"),
        Errno::NOSYS => {
            let message = "The runner's kernel is too old for files: Linux 5.6 is the oldest.";
            Error::new(Code::RunnerUnavailable, message)
        }
        Errno::NOSPC | Errno::DQUOT => {
            Error::new(Code::Unavailable, "The runner's disk is full.").retry_after(60)
        }
        error => Error::new(Code::Unavailable, format!("`{path}` cannot be used: {error}.")),
    }
}

/// Enters a directory of that name, made if it is missing; never by a link.
fn enter(parent: &OwnedFd, name: &str, mode: Mode) -> Result<OwnedFd, Errno> {
    match mkdirat(parent, name, mode) {
        Ok(()) | Err(Errno::EXIST) => open(parent.as_fd(), name, DIRECTORY, PLAIN),
        Err(error) => Err(error),
    }
}

fn open_account(account: &Path) -> Result<OwnedFd> {
    let opened = rustix::fs::openat(CWD, account, DIRECTORY, Mode::empty());
    opened.map_err(|error| refused("The account's directory", error))
}

fn open(
    at: BorrowedFd,
    path: &str,
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    for _ in 0..TRIES {
        match openat2(at, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

/// Where a handle is now.
fn real(handle: BorrowedFd) -> Result<PathBuf> {
    let link = format!("/proc/self/fd/{}", handle.as_raw_fd());
    std::fs::read_link(link).map_err(Error::internal)
}

/// Letter case and what some systems drop from names make no difference: a workspace may be copied
/// to one of them.
fn check_kept<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<()> {
    let is_kept = |name: &str| {
        let plain: String = name.chars().filter(char::is_ascii_graphic).collect();
        let plain = plain.trim_end_matches('.').split(':').next().unwrap_or_default();
        let short = plain.eq_ignore_ascii_case("git~1");
        short || KEPT.iter().any(|kept| plain.eq_ignore_ascii_case(kept))
    };
    match names.find(|name| is_kept(name)) {
        Some(name) => {
            let message = format!("`{name}` is kept by codex or git, and not written to here.");
            Err(Error::new(Code::PermissionDenied, message))
        }
        None => Ok(()),
    }
}

fn outside(path: &str) -> Error {
    Error::new(Code::PermissionDenied, format!("`{path}` leads out of the workspace."))
}
