//! The root of a project: made once, whole or not at all.
//!
//! It is built where codex cannot look, and then put in its place by its handle.

use std::fs;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, CWD, FileType, RenameFlags, renameat_with, statat};
use rustix::io::Errno;
use schema::workspace::{Prepare, Prepared, Template};
use schema::{Code, Error, OpId, Result};

use super::root::{Root, names, refused};
use super::{git, read, staging, template};
use crate::host::spec::{Spec, private_dir};

/// Makes a root and puts its template in. One that is there is left as it is.
pub async fn prepare(spec: &Spec, op: OpId, params: &[u8]) -> Result<Prepared> {
    let Prepare { root, template } = read(params)?;
    let path = names(&root)?;
    let Some((name, above)) = path.split_last() else {
        return Err(Error::field("root", "it has to name a directory"));
    };
    private_dir(&spec.account).map_err(Error::unavailable)?;
    let above = Root::make(&spec.account, &above.join("/"))?;
    if is_there(&above, name)? {
        return Ok(Prepared { made: false });
    }
    let beside = staging(spec).join(op.to_string());
    private_dir(&beside).map_err(Error::unavailable)?;
    let filled = match &template {
        Template::Git(source) => git::clone(spec, &beside, source).await,
        template => template::put(&beside, template).map_err(|error| {
            Error::new(Code::Unavailable, format!("The template cannot be written: {error}."))
        }),
    };
    let made = filled.and_then(|()| {
        renameat_with(CWD, &beside, above.as_fd(), *name, RenameFlags::NOREPLACE)
            .map_err(|error| refused(&root, error))
    });
    if let Err(error) = made {
        if let Err(error) = fs::remove_dir_all(&beside) {
            tracing::warn!(%error, %root, "what an attempt left behind cannot be removed");
        }
        // Somebody else may have been faster.
        return match is_there(&above, name)? {
            true => Ok(Prepared { made: false }),
            false => Err(error),
        };
    }
    Ok(Prepared { made: true })
}

fn is_there(above: &Root, name: &str) -> Result<bool> {
    match statat(above.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(refused(name, error)),
        Ok(about) if FileType::from_raw_mode(about.st_mode) == FileType::Directory => Ok(true),
        Ok(_) => {
            let message = "Something that is no directory is where the project should be.";
            Err(Error::new(Code::Conflict, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::process::Command;

    use schema::workspace::GitSource;

    use super::*;
    use crate::host::files::tests::world;

    async fn make(spec: &Spec, root: &str, template: Template, op: u128) -> Result<bool> {
        let params = Prepare { root: root.to_owned(), template };
        let params = serde_json::to_vec(&params).unwrap();
        prepare(spec, OpId::from_bits(op), &params).await.map(|it| it.made)
    }

    #[tokio::test]
    async fn a_root_is_made_once_and_left_as_it_is() {
        let (_folder, spec) = world();
        assert_eq!(make(&spec, "projects/one", Template::Node, 1).await, Ok(true));
        let root = spec.work().join("projects/one");
        fs::write(root.join("package.json"), "mine").unwrap();
        assert_eq!(make(&spec, "projects/one", Template::Rust, 2).await, Ok(false));
        assert_eq!(fs::read_to_string(root.join("package.json")).unwrap(), "mine");
        assert!(!root.join("Cargo.toml").exists());
        assert_eq!(fs::read_dir(staging(&spec)).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn no_root_is_made_outside_of_the_workspace() {
        let (folder, spec) = world();
        for root in ["", ".", "..", "/etc", "projects/../../x", "a\0b"] {
            assert!(make(&spec, root, Template::Empty, 1).await.is_err(), "{root:?}");
        }
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        symlink(&outside, spec.work().join("projects")).unwrap();
        let refused = make(&spec, "projects/one", Template::Static, 2).await.unwrap_err();
        assert_eq!(refused.code, Code::PermissionDenied, "{refused}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        fs::remove_file(spec.work().join("projects")).unwrap();
        fs::create_dir(spec.work().join("projects")).unwrap();
        symlink(&outside, spec.work().join("projects/one")).unwrap();
        let refused = make(&spec, "projects/one", Template::Static, 3).await.unwrap_err();
        assert_eq!(refused.code, Code::Conflict, "{refused}");
    }

    #[tokio::test]
    async fn what_a_git_source_may_be() {
        let (folder, spec) = world();
        let git = |url: &str, reference: Option<&str>| {
            let (url, reference) = (url.to_owned(), reference.map(str::to_owned));
            Template::Git(GitSource { url, reference })
        };
        let local = format!("file://{}", folder.path().display());
        for url in [
            "http://example.com/x",
            "ssh://git@example.com/x",
            "git@example.com:x",
            "ext::sh -c touch% /tmp/x",
            "--upload-pack=touch /tmp/x",
            "https://name:secret@example.com/x",
            "https://example.com/x y",
            "https:///x",
            &local,
            "/etc",
        ] {
            let refused = make(&spec, "projects/git", git(url, None), 1).await.unwrap_err();
            assert_eq!(refused.code, Code::ValidationError, "{url}: {refused}");
        }
        for reference in ["--upload-pack=x", "a..b", "a b", ""] {
            let source = git("https://example.com/x", Some(reference));
            let refused = make(&spec, "projects/git", source, 1).await.unwrap_err();
            assert_eq!(refused.code, Code::ValidationError, "{reference}: {refused}");
        }
        // Nobody listens there, as on a machine without a network.
        let refused = make(&spec, "projects/git", git("https://127.0.0.1:1/x", None), 2).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, Code::UpstreamFailed, "{refused}");
        assert!(refused.message.contains("network"), "{refused}");
        assert!(!spec.work().join("projects/git").exists());
        assert_eq!(fs::read_dir(staging(&spec)).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn the_last_commit_of_a_repository_is_the_beginning() {
        let (folder, spec) = world();
        let origin = folder.path().join("origin");
        fs::create_dir(&origin).unwrap();
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(&origin).args(["-c", "user.name=x", "-c", "user.email=x@x"]);
            assert!(command.args(args).output().unwrap().status.success(), "{args:?}");
        };
        git(&["init", "-q", "-b", "main"]);
        for text in ["first", "second"] {
            fs::write(origin.join("file"), text).unwrap();
            git(&["add", "."]);
            git(&["commit", "-q", "-m", text]);
        }
        let to = folder.path().join("to");
        fs::create_dir(&to).unwrap();
        let url = format!("file://{}", origin.display());
        git::fetch(&spec, &to, &url, Some("main"), "file").await.unwrap();
        assert_eq!(fs::read_to_string(to.join("file")).unwrap(), "second");
        assert!(Path::new(&to).join(".git/shallow").is_file());
    }
}
