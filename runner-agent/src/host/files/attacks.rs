//! Forty ways out of a workspace, listed as data, and what comes of each: nothing outside is read,
//! changed or made, whatever the answer is.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use schema::workspace::{ReadTree, Remove, Span, Write};
use schema::{Code, Error};

use super::tests::world;
use super::*;

const ROOT: &str = "projects/one";
const SECRET: &str = "nobody may read this";

const DENIED: Code = Code::PermissionDenied;
const WRONG: Code = Code::ValidationError;
const NOTHING: Code = Code::ResourceNotFound;
const TAKEN: Code = Code::Conflict;

/// A root, a path, and what reading and writing there are refused with.
const ATTACKS: [(&str, &str, Code, Code); 40] = [
    // Upwards.
    (ROOT, "..", DENIED, DENIED),
    (ROOT, "../two/secret", DENIED, DENIED),
    (ROOT, "../../../secret", DENIED, DENIED),
    (ROOT, "a/../../two/secret", DENIED, DENIED),
    (ROOT, "a/..", DENIED, DENIED),
    (ROOT, "./.././two/secret", DENIED, DENIED),
    (ROOT, "a//..//..//two/secret", DENIED, DENIED),
    (ROOT, "missing/../../two/secret", DENIED, DENIED),
    // From the top.
    (ROOT, "/etc/passwd", DENIED, DENIED),
    (ROOT, "//etc/passwd", DENIED, DENIED),
    (ROOT, "/proc/self/environ", DENIED, DENIED),
    (ROOT, "/", DENIED, DENIED),
    // Other ways to part names.
    (ROOT, "..\\two\\secret", WRONG, WRONG),
    (ROOT, "C:\\secret", WRONG, WRONG),
    (ROOT, "a/..\\..\\two", WRONG, WRONG),
    (ROOT, "%2e%2e/two/it", NOTHING, NOTHING),
    // Other ends.
    (ROOT, "file\0/../../two/secret", WRONG, WRONG),
    (ROOT, "", WRONG, WRONG),
    (ROOT, ".", WRONG, WRONG),
    // Links to files and directories outside, by either kind of path, and by another link.
    (ROOT, "to-secret", DENIED, TAKEN),
    (ROOT, "to-secret-absolute", DENIED, TAKEN),
    (ROOT, "to-two/secret", DENIED, DENIED),
    (ROOT, "to-top/etc/passwd", DENIED, DENIED),
    (ROOT, "to-link/secret", DENIED, DENIED),
    (ROOT, "to-missing", DENIED, TAKEN),
    (ROOT, "to-itself", DENIED, TAKEN),
    (ROOT, "a/up-and-out/two/secret", DENIED, DENIED),
    (ROOT, "to-process/environ", DENIED, DENIED),
    (ROOT, "to-handle", DENIED, TAKEN),
    (ROOT, "to-root/two/secret", DENIED, DENIED),
    // What is no file.
    (ROOT, "pipe", WRONG, WRONG),
    (ROOT, "socket", WRONG, WRONG),
    (ROOT, "a", WRONG, TAKEN),
    // The root itself.
    ("..", "secret", DENIED, DENIED),
    ("/", "etc/passwd", DENIED, DENIED),
    ("projects/one/../two", "secret", DENIED, DENIED),
    ("projects/linked", "secret", DENIED, DENIED),
    ("projects/none", "secret", NOTHING, NOTHING),
    ("linked/one", "secret", DENIED, DENIED),
    ("projects/one/to-two", "secret", DENIED, DENIED),
];

/// A project with every trap in it, another beside it, and secrets around.
fn trap() -> (tempfile::TempDir, Spec) {
    let (folder, spec) = world();
    let (top, work) = (folder.path(), spec.work());
    let (one, two) = (work.join("projects/one"), work.join("projects/two"));
    for path in [&one.join("a"), &two, &top.join("outside/one")] {
        fs::create_dir_all(path).unwrap();
    }
    for path in [&top.join("secret"), &two.join("secret"), &top.join("outside/secret")] {
        fs::write(path, SECRET).unwrap();
    }
    fs::write(top.join("outside/one/secret"), SECRET).unwrap();
    fs::write(spec.account.join("secret"), SECRET).unwrap();
    fs::write(one.join("file"), "mine").unwrap();
    let link = |to: &str, at: &str| symlink(to, one.join(at)).unwrap();
    link("../two/secret", "to-secret");
    symlink(top.join("secret"), one.join("to-secret-absolute")).unwrap();
    link("../two", "to-two");
    link("/", "to-top");
    link("to-two", "to-link");
    link("../two/new", "to-missing");
    link("to-itself", "to-itself");
    link("../..", "a/up-and-out");
    link("/proc/self", "to-process");
    link("/proc/self/fd/0", "to-handle");
    link("..", "to-root");
    symlink("two", work.join("projects/linked")).unwrap();
    symlink(top.join("outside"), work.join("linked")).unwrap();
    mknodat(CWD, one.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    UnixListener::bind(one.join("socket")).unwrap();
    (folder, spec)
}

fn read_at(spec: &Spec, root: &str, path: &str) -> Result<String> {
    let opened = open(spec, Some(root), path, Span::Whole)?;
    std::io::read_to_string(opened.file).map_err(Error::internal)
}

fn write_at(spec: &Spec, root: &str, path: &str, if_match: Option<String>) -> Result<()> {
    let (root, path, upload) = (root.to_owned(), path.to_owned(), "one".to_owned());
    let data = STANDARD.encode("attack");
    let params = Write { root, path, upload, data, last: true, if_match, ..Write::default() };
    change::write(spec, &Mutex::default(), &params).map(drop)
}

/// Everything below a directory, by its path, size and content; links as links.
fn photograph(top: &Path, except: &Path) -> Vec<String> {
    let mut seen = Vec::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            if path == except {
                continue;
            }
            let content =
                if about.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
            seen.push(format!("{} {:o} {content}", path.display(), about.mode()));
            if about.is_dir() {
                folders.push(path);
            }
        }
    }
    seen.sort();
    seen
}

#[test]
fn no_path_leads_out() {
    let (folder, spec) = trap();
    let one = spec.work().join(ROOT);
    let before = photograph(folder.path(), &one);
    for (root, path, read, write) in ATTACKS {
        let refused = read_at(&spec, root, path).map_err(|error| error.code);
        assert_eq!(refused, Err(read), "reading {path:?} in {root:?}");
        let wrote = write_at(&spec, root, path, None).map_err(|error| error.code);
        // A name is a name: what looks escaped is made as it is called, within.
        let expected = if write == NOTHING && root == ROOT { Ok(()) } else { Err(write) };
        assert_eq!(wrote, expected, "writing {path:?} in {root:?}");
        let (root, path) = (root.to_owned(), path.to_owned());
        if write == DENIED {
            let params = Remove { root: root.clone(), path: path.clone(), if_match: None };
            let removed = change::remove(&spec, &Mutex::default(), &params);
            assert!(removed.is_err(), "removing {params:?}");
        }
        let params = ReadTree { root, path, all: true, ..ReadTree::default() };
        if let Ok(tree) = tree::tree(&spec, &params) {
            let mut paths = tree.entries.iter().map(|entry| entry.path.as_str());
            assert!(
                !paths.any(|it| it.split('/').any(|it| it == "secret")),
                "{params:?}: {tree:?}"
            );
        }
    }
    fs::remove_dir_all(spec.private.join("staging")).unwrap();
    fs::create_dir(spec.private.join("staging")).unwrap();
    assert_eq!(photograph(folder.path(), &one), before);
    assert!(one.join("%2e%2e").is_dir());
}

#[test]
fn long_paths_and_names_are_refused() {
    let (_folder, spec) = trap();
    for path in ["x".repeat(300), "y/".repeat(3_000), "x".repeat(1 << 20)] {
        assert_eq!(read_at(&spec, ROOT, &path).unwrap_err().code, WRONG);
        assert_eq!(write_at(&spec, ROOT, &path, None).unwrap_err().code, WRONG);
    }
}

#[test]
fn what_codex_and_git_keep_is_not_written_in_any_case_or_by_any_link() {
    let (_folder, spec) = trap();
    let one = spec.work().join(ROOT);
    for kept in [".git/hooks", ".codex", ".agents"] {
        fs::create_dir_all(one.join(kept)).unwrap();
    }
    fs::write(one.join(".git/config"), "mine").unwrap();
    symlink(".git/hooks", one.join("hooks")).unwrap();
    symlink("a/../.codex", one.join("settings")).unwrap();
    for path in [
        ".git",
        ".git/config",
        ".GIT/config",
        ".Git/hooks/pre-commit",
        "a/.git/config",
        "./.git//config",
        ".git./config",
        ".git /config",
        ".g\u{200c}it/config",
        "git~1/config",
        ".git::$INDEX_ALLOCATION/config",
        ".codex/config.toml",
        ".CODEX/config.toml",
        ".agents/skills/x",
        "hooks/pre-commit",
        "settings/config.toml",
    ] {
        let refused = write_at(&spec, ROOT, path, None).unwrap_err();
        assert_eq!(refused.code, DENIED, "{path}: {refused}");
    }
    assert_eq!(read_at(&spec, ROOT, ".git/config").unwrap(), "mine");
    for plain in [".gitignore", ".github/x", "git/config", "codex"] {
        write_at(&spec, ROOT, plain, None).unwrap();
    }
}

#[test]
fn a_hard_link_is_parted_and_what_it_shared_stays() {
    let (_folder, spec) = trap();
    let work = spec.work();
    fs::hard_link(work.join("projects/two/secret"), work.join("projects/one/shared")).unwrap();
    write_at(&spec, ROOT, "shared", None).unwrap();
    assert_eq!(read_at(&spec, ROOT, "shared").unwrap(), "attack");
    assert_eq!(fs::read_to_string(work.join("projects/two/secret")).unwrap(), SECRET);
}

#[test]
fn whoever_replaces_the_workspace_itself_gains_nothing() {
    let (folder, spec) = trap();
    let top = fs::canonicalize(folder.path()).unwrap();
    fs::rename(spec.work(), spec.account.join("away")).unwrap();
    symlink(top.join("outside"), spec.work()).unwrap();
    for root in ["", "one", ROOT] {
        assert_eq!(read_at(&spec, root, "secret").unwrap_err().code, DENIED);
        assert_eq!(write_at(&spec, root, "new", None).unwrap_err().code, DENIED);
        let params = ReadTree { root: root.to_owned(), ..ReadTree::default() };
        assert_eq!(tree::tree(&spec, &params).unwrap_err().code, DENIED);
    }
    assert_eq!(open(&spec, None, "secret", Span::Whole).unwrap_err().code, DENIED);
    assert!(!top.join("outside/new").exists());
}

/// A directory and a link that leads out take each other's place as fast as they can, while files
/// are read, written, listed and removed by that name.
#[test]
fn no_race_leads_out() {
    const ROUNDS: usize = 200;
    let (folder, spec) = trap();
    let top = fs::canonicalize(folder.path()).unwrap();
    let one = spec.work().join(ROOT);
    fs::create_dir(one.join("swapped")).unwrap();
    fs::write(one.join("swapped/secret"), "mine").unwrap();
    symlink(top.join("outside"), one.join("link")).unwrap();
    let (done, swaps) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let (a, b) = (one.join("swapped"), one.join("link"));
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
                swaps.store(true, Ordering::Relaxed);
            }
        });
        let (mut read, mut refused) = (0, 0);
        while read < ROUNDS || refused < ROUNDS || !swaps.load(Ordering::Relaxed) {
            match read_at(&spec, ROOT, "swapped/secret") {
                Ok(text) => {
                    assert!(text == "mine" || text == "attack", "{text}");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
            let _ = write_at(&spec, ROOT, "swapped/secret", None);
            let _ = write_at(&spec, ROOT, "swapped/deep/er/new", None);
            let params = ReadTree { root: ROOT.to_owned(), ..ReadTree::default() };
            let told = tree::tree(&spec, &params).unwrap();
            assert!(told.entries.iter().all(|entry| !entry.path.ends_with("/one")), "{told:?}");
        }
        done.store(true, Ordering::Relaxed);
    });
    let outside: Vec<_> = fs::read_dir(top.join("outside")).unwrap().collect();
    assert_eq!(outside.len(), 2, "{outside:?}");
    assert_eq!(fs::read_to_string(top.join("outside/secret")).unwrap(), SECRET);
}
