//! What lies in a root, page by page, without what its owner would call noise.
//!
//! Directories are opened by their handles and never by a link, so that one which is swapped while
//! it is listed leads nowhere else.

use std::cmp::Ordering;
use std::io::Read;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{AtFlags, Dir, FileType, statat};
use schema::workspace::{Entry, Kind, PAGE_MAX, ReadTree, Tree};
use schema::{Error, Result};

use super::entry;
use super::root::{Root, names, refused};
use crate::host::spec::Spec;

/// What is noise in every project, as long as it is a directory.
const NOISE: [&str; 6] = [".git", ".venv", "__pycache__", "node_modules", "target", ".codex"];
/// The largest file of ignore rules that is read.
const RULES_MAX_BYTES: u64 = 256 * 1024;

/// A directory that is being listed.
struct Level {
    path: String,
    /// What is still to be told, the last first.
    left: Vec<(String, FileType)>,
    rules: Option<Gitignore>,
}

/// One page.
pub fn tree(spec: &Spec, params: &ReadTree) -> Result<Tree> {
    let root = Root::open(&spec.account, &params.root)?;
    let top = names(&params.path)?.join("/");
    let cursor = params.cursor.as_deref().unwrap_or_default();
    let most = params.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX) as usize;
    let mut levels = Vec::new();
    if !params.all {
        // Rules above what is listed hold for it, too.
        for path in above(&top) {
            let rules = rules(&root, path);
            levels.push(Level { path: path.to_owned(), left: Vec::new(), rules });
        }
    }
    let outer = levels.len();
    let first = list(&root, &top, params.all).map_err(|error| refused(&params.path, error))?;
    levels.push(first);
    let mut entries: Vec<Entry> = Vec::new();
    while levels.len() > outer {
        let Some(level) = levels.last_mut() else { break };
        let Some((name, kind)) = level.left.pop() else {
            levels.pop();
            continue;
        };
        let path = join(&level.path, &name);
        let is_directory = kind == FileType::Directory;
        let leads_on = is_directory && below(cursor, &path);
        if !leads_on && !cursor.is_empty() && order(&path, cursor) != Ordering::Greater {
            continue;
        }
        if !params.all && is_hidden(&levels, &path, &name, is_directory) {
            continue;
        }
        if path != cursor && !leads_on {
            if entries.len() == most {
                let next = entries.last().map(|entry| entry.path.clone());
                return Ok(Tree { entries, next });
            }
            entries.extend(describe(&root, &path));
        }
        let depth = levels.len() - outer;
        if is_directory && params.depth.is_none_or(|most| depth < most as usize) {
            // It may be gone, or be another thing by now.
            levels.extend(list(&root, &path, params.all));
        }
    }
    Ok(Tree { entries, next: None })
}

/// What is in a directory and is neither noise nor ignored: paths, and whether each is a directory.
pub fn children(root: &Root, path: &str) -> Vec<(String, bool)> {
    let mut levels: Vec<Level> = above(path)
        .map(|path| Level { path: path.to_owned(), left: Vec::new(), rules: rules(root, path) })
        .collect();
    let Ok(mut level) = list(root, path, false) else { return Vec::new() };
    let left = std::mem::take(&mut level.left);
    levels.push(level);
    let shown = left.into_iter().filter_map(|(name, kind)| {
        let (path, is_directory) = (join(path, &name), kind == FileType::Directory);
        (!is_hidden(&levels, &path, &name, is_directory)).then_some((path, is_directory))
    });
    shown.collect()
}

/// Whether something is noise or ignored, by itself or by a directory that it lies in.
pub fn hides(root: &Root, path: &str, is_directory: bool) -> bool {
    let mut levels: Vec<Level> = Vec::new();
    let folders: Vec<_> = above(path).collect();
    let parts = folders.iter().skip(1).map(|folder| (*folder, true));
    for (part, is_directory) in parts.chain([(path, is_directory)]) {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let rules = rules(root, folder);
        levels.push(Level { path: folder.to_owned(), left: Vec::new(), rules });
        if is_hidden(&levels, part, name, is_directory) {
            return true;
        }
    }
    false
}

/// A path's own entry, if it is there and can be shown.
fn describe(root: &Root, path: &str) -> Option<Entry> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = root.directory(parent).ok()?;
    let about = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let kind = super::kind(&about)?;
    Some(entry(path.to_owned(), kind, &about))
}

/// What is in a directory, in reverse order.
fn list(root: &Root, path: &str, all: bool) -> Result<Level, rustix::io::Errno> {
    let folder = root.directory(path)?;
    let mut left = Vec::new();
    for found in Dir::read_from(&folder)? {
        let found = found?;
        // What has no name in UTF-8 cannot be asked for.
        let Ok(name) = found.file_name().to_str() else { continue };
        if matches!(name, "." | "..") {
            continue;
        }
        let kind = match found.file_type() {
            FileType::Unknown => {
                let about = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
                about.map_or(FileType::Unknown, |about| FileType::from_raw_mode(about.st_mode))
            }
            kind => kind,
        };
        left.push((name.to_owned(), kind));
    }
    left.sort_by(|a, b| b.0.cmp(&a.0));
    let rules = if all { None } else { rules(root, path) };
    Ok(Level { path: path.to_owned(), left, rules })
}

/// The directories above a path, the root first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let parts = ends.filter_map(move |end| path.get(..end));
    (!path.is_empty()).then_some("").into_iter().chain(parts)
}

/// The ignore rules that lie in a directory.
fn rules(root: &Root, path: &str) -> Option<Gitignore> {
    let (file, _) = root.file(&join(path, ".gitignore")).ok()?;
    let mut text = String::new();
    file.take(RULES_MAX_BYTES).read_to_string(&mut text).ok()?;
    let mut builder = GitignoreBuilder::new(format!("/{path}"));
    for line in text.lines() {
        // A rule that is none hides nothing.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok()
}

/// Whether rules hide it; those nearest to it decide.
fn is_hidden(levels: &[Level], path: &str, name: &str, is_directory: bool) -> bool {
    if is_directory && NOISE.contains(&name) {
        return true;
    }
    let full = format!("/{path}");
    for rules in levels.iter().rev().filter_map(|level| level.rules.as_ref()) {
        let found = rules.matched(&full, is_directory);
        if !found.is_none() {
            return found.is_ignore();
        }
    }
    false
}

/// By their names one after the other, so that a directory stands before what is in it.
fn order(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}

/// Whether a path is another one, or lies below it.
fn below(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

/// Describes one thing.
pub fn stat(spec: &Spec, root: &str, path: &str) -> Result<Entry> {
    let root = Root::open(&spec.account, root)?;
    let (_, about) = root.look(path)?;
    let kind = super::kind(&about);
    let kind = kind.ok_or_else(|| Error::field("path", "not a file or directory"))?;
    Ok(entry(names(path)?.join("/"), if kind == Kind::Link { Kind::File } else { kind }, &about))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::host::files::tests::world;

    fn paths(spec: &Spec, params: &ReadTree) -> Vec<String> {
        tree(spec, params).unwrap().entries.into_iter().map(|entry| entry.path).collect()
    }

    fn planted() -> (tempfile::TempDir, Spec) {
        let (folder, spec) = world();
        let work = spec.work();
        for path in ["b/c/d.txt", "a.txt", "b-x.txt", "b/.git/config", "target/x", "b/build/out"] {
            let path = work.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::write(work.join("b/.gitignore"), "build/\n*.log\n!keep.log\n").unwrap();
        fs::write(work.join("b/c/x.log"), "").unwrap();
        fs::write(work.join("b/c/keep.log"), "").unwrap();
        symlink("/etc", work.join("z")).unwrap();
        (folder, spec)
    }

    #[test]
    fn a_tree_is_in_order_and_without_noise() {
        let (_folder, spec) = planted();
        let all = paths(&spec, &ReadTree::default());
        let expected =
            ["a.txt", "b", "b/.gitignore", "b/c", "b/c/d.txt", "b/c/keep.log", "b-x.txt", "z"];
        assert_eq!(all, expected);
        let below = ReadTree { path: "b/c".to_owned(), ..ReadTree::default() };
        assert_eq!(paths(&spec, &below), ["b/c/d.txt", "b/c/keep.log"]);
        let flat = ReadTree { depth: Some(1), ..ReadTree::default() };
        assert_eq!(paths(&spec, &flat), ["a.txt", "b", "b-x.txt", "z"]);
        let noise = paths(&spec, &ReadTree { all: true, ..ReadTree::default() });
        assert!(noise.contains(&"b/.git/config".to_owned()) && noise.len() == 15, "{noise:?}");
        let link = tree(&spec, &ReadTree { path: "z".to_owned(), ..ReadTree::default() });
        assert!(link.is_err(), "a link is not entered");
    }

    #[test]
    fn pages_make_up_the_whole() {
        let (_folder, spec) = planted();
        for all in [false, true] {
            let whole = paths(&spec, &ReadTree { all, ..ReadTree::default() });
            for limit in 1..whole.len() as u32 + 1 {
                let (mut read, mut cursor) = (Vec::new(), None);
                loop {
                    let params =
                        ReadTree { all, limit: Some(limit), cursor, ..ReadTree::default() };
                    let page = tree(&spec, &params).unwrap();
                    assert!(page.entries.len() <= limit as usize);
                    read.extend(page.entries.into_iter().map(|entry| entry.path));
                    cursor = page.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                assert_eq!(read, whole, "{limit} at a time");
            }
        }
    }
}
