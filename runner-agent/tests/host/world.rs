//! A host over a scripted app-server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use runner_agent::host::Spec;
use runner_agent::host::spec::{Jail, Limits};
use schema::tunnel::{Provider, Seq};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::client::{ACCOUNT, Client, PATIENCE};

/// A host's place on disk, and the host while it runs.
pub struct World {
    pub folder: TempDir,
    pub spec: Spec,
    /// What the shell does before it becomes the host.
    pub before: String,
    host: Option<Child>,
}

impl World {
    pub fn new() -> World {
        let folder = TempDir::new().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let triple = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        let launcher = root.join("codex/bin/codex.js");
        let program = root.join("codex/vendor").join(triple).join("bin/codex");
        for (path, text) in
            [(&launcher, "#!/usr/bin/env node"), (&program, include_str!("fake.sh"))]
        {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let spec = Spec {
            process: ACCOUNT,
            edge: "http://127.0.0.1:1".to_owned(),
            ca_file: None,
            account: root.join("account"),
            private: root.join("private"),
            socket: root.join("host.sock"),
            cache: root.join("cache"),
            codex: launcher,
            jail: Jail::Off,
            provider: Provider::Own,
            template: None,
            limits: Limits { backoff_ms: 1, grace_s: 1, ..Limits::default() },
            model: None,
        };
        World { folder, spec, before: "true".to_owned(), host: None }
    }

    /// Starts the host, and waits until it listens.
    pub async fn start(&mut self) {
        let path = self.spec.write().unwrap();
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("{}; exec \"$0\" \"$@\"", self.before));
        command.arg(env!("CARGO_BIN_EXE_runner-agent")).args(["host", "--spec"]).arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.host = Some(command.spawn().unwrap());
        let listening = async {
            while runner_agent::host::find(&self.spec).await.is_none() {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, listening).await.unwrap();
    }

    pub async fn attach(&self, after: Seq) -> Client {
        let stream = runner_agent::host::find(&self.spec).await.unwrap();
        Client::attach(stream, after).await
    }

    /// A host that has just been started, with an agent whose hub knows nothing.
    pub async fn started() -> (World, Client) {
        let mut world = World::new();
        world.start().await;
        let client = world.attach(Seq(0)).await;
        (world, client)
    }

    pub fn pid(&self) -> u32 {
        self.host.as_ref().unwrap().id().unwrap()
    }

    pub async fn kill(&mut self) {
        self.host.take().unwrap().kill().await.unwrap();
    }

    /// Waits until the host ends by itself.
    pub async fn ended(&mut self) -> bool {
        let status = timeout(PATIENCE, self.host.as_mut().unwrap().wait()).await.unwrap();
        status.unwrap().success()
    }

    pub fn work(&self) -> PathBuf {
        self.spec.work()
    }
}
