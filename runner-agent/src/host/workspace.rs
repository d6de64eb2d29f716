//! The directories that calls run in, held within an account's workspace.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use schema::Code;
use schema::tunnel::{Grade, Refusal};

/// The directory that a call runs in. A customer's lies in the workspace, with all links followed;
/// an operator's may lie anywhere that the process can see. It is made if it is missing.
pub fn directory(work: &Path, grade: Grade, cwd: Option<&str>) -> Result<PathBuf, Refusal> {
    let wanted = work.join(cwd.unwrap_or_default());
    if grade == Grade::Operator && !wanted.starts_with(work) {
        return Ok(wanted);
    }
    let outside = || refusal(Code::PermissionDenied, "cwd has to lie in the account's workspace");
    let work = fs::canonicalize(work).map_err(|error| unreadable("the workspace", &error))?;
    // Nothing may be made outside, so what exists already is resolved first.
    let (there, missing) = split_existing(&wanted).ok_or_else(outside)?;
    let there = fs::canonicalize(there).map_err(|error| unreadable("cwd", &error))?;
    if !there.starts_with(&work) {
        return Err(outside());
    }
    let wanted = there.join(missing);
    fs::create_dir_all(&wanted).map_err(|error| unreadable("cwd", &error))?;
    Ok(wanted)
}

/// The longest part of a path that exists, and the rest; none if the rest climbs.
fn split_existing(path: &Path) -> Option<(&Path, &Path)> {
    let there = path.ancestors().find(|part| part.symlink_metadata().is_ok())?;
    let missing = path.strip_prefix(there).ok()?;
    let descends = missing.components().all(|part| matches!(part, Component::Normal(_)));
    descends.then_some((there, missing))
}

fn unreadable(what: &str, error: &io::Error) -> Refusal {
    refusal(Code::ValidationError, &format!("{what} cannot be used: {error}"))
}

fn refusal(code: Code, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn world() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("work")).unwrap();
        fs::write(root.join("secret"), "secret").unwrap();
        symlink("../secret", root.join("work/link")).unwrap();
        symlink("/", root.join("work/root")).unwrap();
        (folder, root.join("work"))
    }

    #[test]
    fn a_customer_stays_in_the_workspace() {
        let (_folder, work) = world();
        let at = |cwd| directory(&work, Grade::Customer, cwd).map_err(|refusal| refusal.code);
        assert_eq!(at(None), Ok(work.clone()));
        assert_eq!(at(Some("a/new/one")), Ok(work.join("a/new/one")));
        assert!(work.join("a/new/one").is_dir());
        let absolute = work.join("a");
        assert_eq!(at(absolute.to_str()), Ok(absolute.clone()));
        for outside in ["/etc", "..", "root/etc", "root", "a/../../x", "missing/../../../x"] {
            assert_eq!(at(Some(outside)), Err(Code::PermissionDenied), "{outside}");
        }
        assert!(!work.parent().unwrap().join("x").exists());
    }

    #[test]
    fn an_operator_may_go_anywhere() {
        let (_folder, work) = world();
        let at = |cwd| directory(&work, Grade::Operator, Some(cwd));
        assert_eq!(at("/etc"), Ok(PathBuf::from("/etc")));
        assert_eq!(at("inside"), Ok(work.join("inside")));
    }
}
