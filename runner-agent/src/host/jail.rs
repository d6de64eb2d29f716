//! What a process is locked into: a file system in which there is nothing but the system's
//! programs, codex itself, and the account's own directory; and a process table of its own.
//!
//! The network is shared, for codex has to reach the key proxy. Paths are the same inside and out.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::codex::Binary;

/// A jail that is not there within this time cannot be made.
const PATIENCE: Duration = Duration::from_secs(10);
/// How deep the system's settings are searched for what is not for everybody.
const DEPTH_MAX: usize = 6;

/// The parts of the system that a process sees: directories, or links to such.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// What is not to be seen of the system's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Masks {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// Bubblewrap: the system's, or the one that comes with codex.
pub fn bubblewrap(binary: &Binary) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).map(|folder| folder.join("bwrap"));
    let bundled = binary.package.join("codex-resources/bwrap");
    installed.chain([bundled]).find(|path| path.is_file())
}

/// Whether a jail can be made here, and codex runs in it; the error is for a person.
pub async fn probe(binary: &Binary) -> Result<()> {
    let Some(bubblewrap) = bubblewrap(binary) else {
        bail!("there is no bubblewrap: install the package `bubblewrap`, or codex with npm");
    };
    let folder = std::env::temp_dir();
    let mut command = Command::new(&bubblewrap);
    command.args(arguments(binary, &folder, &Masks::default())).arg("--").arg(&binary.program);
    command.arg("--version").env_clear().kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.context("the jail does not answer")??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} cannot make a jail: {}", bubblewrap.display(), said.trim());
    }
    Ok(())
}

/// Bubblewrap's arguments, without the command.
pub fn arguments(binary: &Binary, account: &Path, masks: &Masks) -> Vec<OsString> {
    let mut jail = Arguments::default();
    jail.flags(&["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]);
    // Without its host a process has nobody who listens.
    jail.flags(&["--unshare-cgroup-try", "--die-with-parent"]);
    for path in SYSTEM.map(Path::new) {
        match fs::read_link(path) {
            Ok(target) => jail.two("--symlink", &target, path),
            Err(_) if path.is_dir() => jail.two("--ro-bind", path, path),
            Err(_) => {}
        }
    }
    jail.two("--ro-bind", Path::new("/etc"), Path::new("/etc"));
    for file in &masks.files {
        jail.two("--ro-bind", Path::new("/dev/null"), file);
    }
    for folder in &masks.folders {
        jail.one("--tmpfs", folder);
    }
    jail.one("--dev", Path::new("/dev"));
    jail.one("--proc", Path::new("/proc"));
    jail.one("--tmpfs", Path::new("/tmp"));
    // Names of hosts are resolved as outside, wherever that is configured.
    if let Ok(resolver) = fs::canonicalize("/etc/resolv.conf")
        && !resolver.starts_with("/etc")
    {
        jail.two("--ro-bind", &resolver, &resolver);
    }
    jail.two("--ro-bind", &binary.package, &binary.package);
    jail.two("--bind", account, account);
    jail.0
}

/// Everything below the system's settings that not every user may read, and the keys of its SSH
/// server whatever they allow. A process that runs as root would read it otherwise.
pub fn masks() -> Masks {
    let mut masks = Masks::default();
    search(Path::new("/etc"), DEPTH_MAX, &mut masks);
    masks.files.sort();
    masks.folders.sort();
    masks
}

fn search(folder: &Path, depth: usize, masks: &mut Masks) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // Of links only what they lead to counts, which lies elsewhere.
        let Ok(about) = entry.metadata() else { continue };
        let mode = about.mode();
        if about.is_dir() {
            match depth.checked_sub(1) {
                Some(depth) if mode & 0o005 == 0o005 => search(&path, depth, masks),
                _ => masks.folders.push(path),
            }
        } else {
            let kind = about.file_type();
            let secret = kind.is_file() && (mode & 0o004 == 0 || is_host_key(&path));
            if secret || kind.is_socket() || kind.is_fifo() {
                masks.files.push(path);
            }
        }
    }
}

fn is_host_key(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    name.starts_with(b"ssh_host_") && name.ends_with(b"_key")
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn flags(&mut self, flags: &[&str]) {
        self.0.extend(flags.iter().map(OsString::from));
    }

    fn one(&mut self, flag: &str, path: &Path) {
        self.0.extend([flag.into(), path.into()]);
    }

    fn two(&mut self, flag: &str, from: &Path, to: &Path) {
        self.0.extend([flag.into(), from.into(), to.into()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn binary() -> Binary {
        Binary { program: "/opt/codex/bin/codex".into(), package: "/opt/codex".into() }
    }

    #[test]
    fn only_the_system_codex_and_the_account_are_seen() {
        let account = Path::new("/var/lib/runner/accounts/one");
        let arguments = arguments(&binary(), account, &Masks::default());
        let bound: Vec<&[OsString]> = arguments.windows(3).filter(|it| it[0] == "--bind").collect();
        assert_eq!(bound, [["--bind".into(), account.into(), OsString::from(account)]]);
        let seen = arguments.windows(2).filter(|it| it[0] == "--ro-bind").map(|it| it[1].clone());
        let expected = |path: &OsString| {
            let path = Path::new(path);
            SYSTEM.iter().any(|system| path == Path::new(system))
                || path == Path::new("/etc")
                || path == Path::new("/opt/codex")
                || Some(path) == fs::canonicalize("/etc/resolv.conf").ok().as_deref()
        };
        assert!(seen.into_iter().all(|path| expected(&path)), "{arguments:?}");
        assert!(arguments.contains(&"--unshare-pid".into()));
    }

    #[test]
    fn what_is_not_for_everybody_is_masked() {
        let folder = tempfile::tempdir().unwrap();
        let (root, mut found) = (folder.path(), Masks::default());
        for (name, mode) in [("hosts", 0o644), ("shadow", 0o640), ("ssh_host_rsa_key", 0o644)] {
            fs::write(root.join(name), "").unwrap();
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        for (name, mode) in [("private", 0o700), ("ssl", 0o755)] {
            fs::create_dir(root.join(name)).unwrap();
            fs::write(root.join(name).join("key"), "").unwrap();
            let key = fs::Permissions::from_mode(0o600);
            fs::set_permissions(root.join(name).join("key"), key).unwrap();
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        search(root, DEPTH_MAX, &mut found);
        found.files.sort();
        let files = ["shadow", "ssh_host_rsa_key", "ssl/key"].map(|name| root.join(name));
        let wanted = Masks { files: files.to_vec(), folders: vec![root.join("private")] };
        assert_eq!(found, wanted);
    }
}
