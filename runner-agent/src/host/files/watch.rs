//! What changes in roots that somebody watches, gathered for a moment and told as events.
//!
//! Directories are watched by their handles, so that no link has another one watched; what is
//! noise or ignored is neither watched nor told. A watch lasts as long as the host.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use schema::workspace::{CHANGES_MAX, Change, ChangeKind, Watch, Watching};
use schema::{Error, Result};
use tokio::net::unix::pipe::Receiver;
use tokio::time::Instant;

use super::root::Root;
use super::tree;
use crate::host::spec::Spec;

/// After a change, others are waited for so long…
const QUIET: Duration = Duration::from_millis(200);
/// … and all of them no longer than this.
const PATIENCE: Duration = Duration::from_secs(1);
/// Directories that one host watches at most.
const DIRECTORIES_MAX: usize = 4_096;
/// Bytes of changes that are read at once.
const BUFFER_BYTES: usize = 16 * 1024;

const EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR);

/// The number of a directory, what happened in it, and to what name.
type Event = (i32, ReadFlags, Option<String>);

/// What is watched, and what has changed since it was last told.
#[derive(Debug, Default)]
pub struct Watcher {
    inotify: Option<Receiver>,
    /// Directories by their number: the root, and the path in it.
    watched: BTreeMap<i32, (String, String)>,
    pending: BTreeMap<String, Pending>,
}

/// Changes of one root that are not told yet.
#[derive(Debug)]
struct Pending {
    since: Instant,
    last: Instant,
    changes: BTreeMap<String, ChangeKind>,
    more: bool,
}

/// Changes of one root that are to be told now.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub root: String,
    pub changes: Vec<Change>,
    pub more: bool,
}

impl Watcher {
    /// Begins to watch a root, or ends.
    pub fn watch(&mut self, spec: &Spec, params: &Watch) -> Result<Watching> {
        if !params.on {
            self.forget(&params.root);
            return Ok(Watching { directories: 0, complete: true });
        }
        let root = Root::open(&spec.account, &params.root)?;
        if self.inotify.is_none() {
            let made = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
            let made = made.map_err(|error| Error::unavailable(io::Error::from(error)))?;
            self.inotify =
                Some(Receiver::from_owned_fd_unchecked(made).map_err(Error::unavailable)?);
        }
        let complete = self.add(&root, &params.root, "", None);
        let its = self.watched.values().filter(|(root, _)| *root == params.root).count();
        Ok(Watching { directories: u32::try_from(its).unwrap_or(u32::MAX), complete })
    }

    /// Watches a directory and all below it. What is in one that has just been made is told.
    fn add(&mut self, root: &Root, name: &str, top: &str, made_at: Option<Instant>) -> bool {
        let mut folders = vec![top.to_owned()];
        while let Some(path) = folders.pop() {
            if self.watched.len() >= DIRECTORIES_MAX {
                return false;
            }
            // It may be gone by now, or be something else.
            let Ok(folder) = root.directory(&path) else { continue };
            let Some(inotify) = &self.inotify else { return false };
            let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
            match inotify::add_watch(inotify, itself, EVENTS) {
                Ok(number) => self.watched.insert(number, (name.to_owned(), path.clone())),
                Err(Errno::NOSPC | Errno::NOMEM) => return false,
                Err(_) => continue,
            };
            for (path, is_directory) in tree::children(root, &path) {
                if let Some(at) = made_at {
                    self.note(name, &path, ChangeKind::Created, at);
                }
                if is_directory {
                    folders.push(path);
                }
            }
        }
        true
    }

    fn forget(&mut self, root: &str) {
        let Some(inotify) = &self.inotify else { return };
        self.watched.retain(|number, (its, _)| {
            let stays = its != root;
            if !stays {
                // One whose directory is gone has ended by itself.
                let _ = inotify::remove_watch(inotify, *number);
            }
            stays
        });
        self.pending.remove(root);
    }

    /// Something to wait for, if anything is watched.
    pub fn watching(&mut self) -> Option<&mut Receiver> {
        self.inotify.as_mut().filter(|_| !self.watched.is_empty())
    }

    /// Reads what has changed.
    pub fn read(&mut self, spec: &Spec, at: Instant) {
        for (number, flags, name) in self.events() {
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                let roots: Vec<_> = self.watched.values().map(|(root, _)| root.clone()).collect();
                roots.iter().for_each(|root| self.pending_of(root, at).more = true);
                continue;
            }
            if flags.contains(ReadFlags::IGNORED) {
                self.watched.remove(&number);
                continue;
            }
            let (Some((root, folder)), Some(name)) = (self.watched.get(&number).cloned(), name)
            else {
                continue;
            };
            let path = tree::join(&folder, &name);
            let is_directory = flags.contains(ReadFlags::ISDIR);
            let Ok(opened) = Root::open(&spec.account, &root) else { continue };
            if tree::hides(&opened, &path, is_directory) {
                continue;
            }
            let kind = if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
                ChangeKind::Created
            } else if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
                ChangeKind::Removed
            } else {
                ChangeKind::Modified
            };
            self.note(&root, &path, kind, at);
            if is_directory && kind == ChangeKind::Created {
                self.add(&opened, &root, &path, Some(at));
            }
        }
    }

    fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(inotify) = &self.inotify else { return events };
        let mut buffer = [0; BUFFER_BYTES];
        // To the end, for only what comes after it is heard of anew.
        while let Ok(read) = inotify.try_read(&mut buffer) {
            let mut rest = buffer.get(..read).unwrap_or_default();
            while let Some((event, after)) = event(rest) {
                events.push(event);
                rest = after;
            }
            if read == 0 {
                break;
            }
        }
        events
    }

    fn pending_of(&mut self, root: &str, at: Instant) -> &mut Pending {
        let new = || Pending { since: at, last: at, changes: BTreeMap::new(), more: false };
        self.pending.entry(root.to_owned()).or_insert_with(new)
    }

    fn note(&mut self, root: &str, path: &str, kind: ChangeKind, at: Instant) {
        let pending = self.pending_of(root, at);
        pending.last = at;
        let is_full = pending.changes.len() >= CHANGES_MAX;
        match pending.changes.entry(path.to_owned()) {
            Entry::Vacant(_) if is_full => pending.more = true,
            Entry::Vacant(place) => drop(place.insert(kind)),
            Entry::Occupied(mut known) => match (*known.get(), kind) {
                (ChangeKind::Created, ChangeKind::Removed) => drop(known.remove()),
                (ChangeKind::Created, _) => {}
                (ChangeKind::Removed, ChangeKind::Created) => {
                    known.insert(ChangeKind::Modified);
                }
                (_, kind) => drop(known.insert(kind)),
            },
        }
    }

    /// When there is something to tell.
    pub fn deadline(&self) -> Option<Instant> {
        let due = |it: &Pending| (it.last + QUIET).min(it.since + PATIENCE);
        self.pending.values().map(due).min()
    }

    /// What is to be told by now.
    pub fn due(&mut self, now: Instant) -> Vec<Told> {
        let is_due = |it: &Pending| (it.last + QUIET).min(it.since + PATIENCE) <= now;
        let due: Vec<_> =
            self.pending.iter().filter(|(_, it)| is_due(it)).map(|(it, _)| it.clone()).collect();
        let told = due.into_iter().filter_map(|root| {
            let Pending { changes, more, .. } = self.pending.remove(&root)?;
            let changes = changes.into_iter().map(|(path, kind)| Change { path, kind }).collect();
            Some(Told { root, changes, more })
        });
        told.filter(|it| it.more || !it.changes.is_empty()).collect()
    }
}

/// Waits until something has changed.
pub async fn changed(inotify: &mut Receiver) -> io::Result<()> {
    inotify.readable().await
}

/// One event as the system writes it: `[i32 number][u32 flags][u32 cookie][u32 bytes][name, NULs]`.
/// What has no name in UTF-8 cannot be asked for, and has none here.
fn event(bytes: &[u8]) -> Option<(Event, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (flags, rest) = rest.split_first_chunk()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_ne_bytes(*length)).ok()?;
    let (name, rest) = rest.split_at_checked(length)?;
    let name = name.split(|it| *it == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty());
    let flags = ReadFlags::from_bits_retain(u32::from_ne_bytes(*flags));
    Some(((i32::from_ne_bytes(*number), flags, name.map(str::to_owned)), rest))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::host::files::tests::world;

    /// What is told of everything that has happened by now.
    async fn told(watcher: &mut Watcher, spec: &Spec) -> Vec<(String, ChangeKind)> {
        let now = Instant::now();
        if let Some(inotify) = watcher.watching() {
            changed(inotify).await.unwrap();
        }
        watcher.read(spec, now);
        let told = watcher.due(now + PATIENCE);
        let changes = told.into_iter().flat_map(|it| it.changes);
        changes.map(|it| (it.path, it.kind)).collect()
    }

    fn on(watcher: &mut Watcher, spec: &Spec) -> Watching {
        watcher.watch(spec, &Watch { root: "one".to_owned(), on: true }).unwrap()
    }

    #[tokio::test]
    async fn each_path_is_told_once_by_how_it_changed() {
        let (_folder, spec) = world();
        let one = spec.work().join("one");
        fs::create_dir_all(one.join("a/b")).unwrap();
        fs::create_dir_all(one.join("node_modules/x")).unwrap();
        fs::write(one.join(".gitignore"), "*.log\n").unwrap();
        fs::write(one.join("a/old"), "").unwrap();
        let mut watcher = Watcher::default();
        assert_eq!(on(&mut watcher, &spec), Watching { directories: 3, complete: true });
        fs::write(one.join("a/b/new"), "1").unwrap();
        fs::write(one.join("a/b/new"), "2").unwrap();
        fs::write(one.join("a/old"), "1").unwrap();
        fs::write(one.join("passing"), "").unwrap();
        fs::remove_file(one.join("passing")).unwrap();
        fs::write(one.join("x.log"), "").unwrap();
        fs::write(one.join("node_modules/x/y"), "").unwrap();
        let changes = told(&mut watcher, &spec).await;
        let created = |path: &str| (path.to_owned(), ChangeKind::Created);
        let modified = ("a/old".to_owned(), ChangeKind::Modified);
        assert_eq!(changes, [created("a/b/new"), modified]);
        // A directory that is made later is watched too, and so is what was in it already.
        fs::create_dir_all(one.join("c/d")).unwrap();
        fs::write(one.join("c/d/e"), "").unwrap();
        let changes = told(&mut watcher, &spec).await;
        assert_eq!(changes, [created("c"), created("c/d"), created("c/d/e")]);
        fs::remove_file(one.join("c/d/e")).unwrap();
        let changes = told(&mut watcher, &spec).await;
        assert_eq!(changes, [("c/d/e".to_owned(), ChangeKind::Removed)]);
        watcher.watch(&spec, &Watch { root: "one".to_owned(), on: false }).unwrap();
        fs::write(one.join("late"), "").unwrap();
        assert_eq!(told(&mut watcher, &spec).await, []);
    }

    #[tokio::test]
    async fn much_is_cut_short_and_said_to_be() {
        let (_folder, spec) = world();
        let one = spec.work().join("one");
        fs::create_dir(&one).unwrap();
        let mut watcher = Watcher::default();
        on(&mut watcher, &spec);
        for number in 0..CHANGES_MAX + 1 {
            fs::write(one.join(format!("{number}")), "").unwrap();
        }
        let now = Instant::now();
        changed(watcher.watching().unwrap()).await.unwrap();
        watcher.read(&spec, now);
        assert_eq!(watcher.due(now), [], "not at once");
        assert_eq!(watcher.deadline(), Some(now + QUIET));
        let told = watcher.due(now + QUIET);
        assert_eq!(told.len(), 1);
        assert!(told[0].more && told[0].changes.len() == CHANGES_MAX);
        assert_eq!(watcher.deadline(), None);
    }

    #[tokio::test]
    async fn what_links_lead_to_is_not_watched() {
        let (folder, spec) = world();
        let (one, outside) = (spec.work().join("one"), folder.path().join("outside"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&outside).unwrap();
        symlink(&outside, one.join("link")).unwrap();
        let mut watcher = Watcher::default();
        assert_eq!(on(&mut watcher, &spec).directories, 1);
        symlink(&outside, one.join("later")).unwrap();
        fs::write(outside.join("secret"), "").unwrap();
        let changes = told(&mut watcher, &spec).await;
        assert_eq!(changes, [("later".to_owned(), ChangeKind::Created)]);
        let linked = Watch { root: "one/link".to_owned(), on: true };
        assert!(watcher.watch(&spec, &linked).is_err());
    }
}
