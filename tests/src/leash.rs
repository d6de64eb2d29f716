//! A process that ends with us, in whatever way we may end.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::time::sleep;

const START_TIMEOUT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub struct Leash {
    child: Child,
    /// Kills the process when our end of its input closes.
    watchdog: Child,
}

impl Leash {
    /// Starts a program that writes to `log`, and waits until it listens.
    pub async fn start(command: &mut Command, log: &Path, port: u16) -> Result<Self> {
        let mut leash = Self::spawn(command, log)?;
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = leash.child.try_wait()? {
                bail!("{command:?} ended ({status}); it wrote {}", log.display());
            }
            if begun.elapsed() > START_TIMEOUT {
                bail!("{command:?} does not listen; it wrote {}", log.display());
            }
            sleep(POLL).await;
        }
        Ok(leash)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts a program that writes to the end of `log`.
    pub fn spawn(command: &mut Command, log: &Path) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut watchdog = Command::new("sh");
        watchdog
            .args(["-c", r#"read -r _; kill -9 "$0""#, &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match watchdog.spawn() {
            Ok(watchdog) => Ok(Self { child, watchdog }),
            Err(error) => {
                let _ = child.kill();
                Err(error).context("cannot start sh")
            }
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // The watchdog first: it must never meet a number that belongs to someone else by then.
        for child in [&mut self.watchdog, &mut self.child] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
