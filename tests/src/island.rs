//! A network of its own, joined to this machine by one link that a test can take down.
//!
//! Two network namespaces with a virtual cable between them. What runs on the island reaches one
//! port of this machine, by a relay on the far shore that passes on to a unix socket, because files
//! are what both sides see. Made by util-linux and iproute2, without privileges where user
//! namespaces are allowed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::{command, packages};

const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
/// The link, by the same name at both ends.
const LINK: &str = "up0";
const PORT: u16 = 8787;

/// Relays every connection to the unix socket that is its argument.
const RELAY: &str = "
const net = require('net');
const [path, port] = process.argv.slice(1);
net.createServer({ allowHalfOpen: true }, (near) => {
  const far = net.connect({ path, allowHalfOpen: true });
  for (const end of [near, far]) end.on('error', () => { near.destroy(); far.destroy(); });
  near.setNoDelay(true);
  near.pipe(far).pipe(near);
}).listen(Number(port), '0.0.0.0', () => console.log('listening'));
";

/// A namespace, for as long as a process in it lives.
#[derive(Debug)]
struct Shore(Child);

/// Two shores and the link between them. Dropped, all three are gone.
#[derive(Debug)]
pub struct Island {
    near: Shore,
    /// How often the island has moved to another address.
    moves: AtomicU8,
    _far: Shore,
    relay: JoinHandle<()>,
    _folder: TempDir,
}

impl Island {
    /// An island from which one port of this machine can be reached. Fails where namespaces or
    /// their tools are not to be had, and says which.
    pub async fn with_a_way_to(port: u16) -> Result<Self> {
        let folder = TempDir::new()?;
        let socket = folder.path().join("far");
        let relay = tokio::spawn(relay(UnixListener::bind(&socket)?, port));
        let mut near = Command::new("unshare");
        near.args(["--user", "--map-root-user", "--net", "sleep", "infinity"]);
        let near = Shore::settle(&mut near).await?;
        let mut far = inside(near.pid(), &["-U"]);
        far.args(["unshare", "--net"]).arg(packages::node()).args(["-e", RELAY]);
        let far = Shore::settle(far.arg(&socket).arg(PORT.to_string())).await?;
        let peer = far.pid().to_string();
        near.ip(&["link", "add", LINK, "type", "veth", "peer", "name", LINK, "netns", &peer])?;
        for (shore, address) in [(&near, home(0)), (&far, "10.77.0.1/24".to_owned())] {
            shore.ip(&["addr", "add", &address, "dev", LINK])?;
            shore.ip(&["link", "set", "lo", "up"])?;
            shore.ip(&["link", "set", LINK, "up"])?;
        }
        Ok(Self { near, moves: AtomicU8::new(0), _far: far, relay, _folder: folder })
    }

    /// Where that port is, seen from the island.
    pub fn url(&self) -> String {
        format!("http://10.77.0.1:{PORT}")
    }

    /// A program that runs on the island.
    pub fn command(&self, program: &Path) -> Command {
        Self::enter(self.pid(), program)
    }

    /// The process by which the island is entered.
    pub fn pid(&self) -> u32 {
        self.near.pid()
    }

    /// A program that runs on the island of that process.
    pub fn enter(pid: u32, program: &Path) -> Command {
        let mut command = inside(pid, &["-U", "-n"]);
        command.arg(program);
        command
    }

    /// Moves the island to another address: what is sent to the old one is dropped, and both ends
    /// of every connection go on believing in it.
    pub fn move_away(&self) -> Result<()> {
        let moves = self.moves.fetch_add(1, Ordering::Relaxed);
        self.near.ip(&["addr", "del", &home(moves), "dev", LINK])?;
        self.near.ip(&["addr", "add", &home(moves + 1), "dev", LINK])
    }

    /// Takes the link down.
    pub fn unplug(&self) -> Result<()> {
        self.near.ip(&["link", "set", LINK, "down"])
    }

    /// Brings the link up.
    pub fn plug(&self) -> Result<()> {
        self.near.ip(&["link", "set", LINK, "up"])
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

impl Shore {
    /// Starts a program in a namespace of its own, and waits until it is there.
    async fn settle(command: &mut Command) -> Result<Self> {
        let ours = fs::read_link("/proc/self/ns/net")?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("unshare and nsenter of util-linux")?;
        let deadline = Instant::now() + PATIENCE;
        let link = PathBuf::from(format!("/proc/{}/ns/net", child.id()));
        loop {
            if let Some(status) = child.try_wait()? {
                let said = child.stderr.take().map(std::io::read_to_string).transpose()?;
                bail!("no namespace ({status}): {}", said.unwrap_or_default().trim());
            }
            // The last one to be entered, by the program that then takes this process over.
            let elsewhere = fs::read_link(&link).is_ok_and(|theirs| theirs != ours);
            if elsewhere && !runs(child.id(), "unshare") && !runs(child.id(), "nsenter") {
                return Ok(Self(child));
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                bail!("no namespace within {PATIENCE:?}");
            }
            sleep(POLL).await;
        }
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn ip(&self, args: &[&str]) -> Result<()> {
        let mut command = inside(self.pid(), &["-U", "-n"]);
        command::run(command.arg("ip").args(args)).map(drop).context("ip of iproute2")
    }
}

impl Drop for Shore {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command in the namespaces of a process.
fn inside(pid: u32, namespaces: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-t", &pid.to_string(), "--preserve-credentials"]).args(namespaces);
    command
}

/// The island's address after so many moves.
fn home(moves: u8) -> String {
    format!("10.77.0.{}/24", 2 + moves % 250)
}

fn runs(pid: u32, name: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
}

async fn relay(listener: UnixListener, port: u16) {
    loop {
        let Ok((mut far, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            let Ok(mut here) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            if here.set_nodelay(true).is_ok() {
                let _ = copy_bidirectional(&mut far, &mut here).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn fetch(island: &Island) -> Result<String> {
        let mut node = island.command(&packages::node());
        let script = "fetch(process.argv[1], { signal: AbortSignal.timeout(500) })\
                      .then((r) => r.text()).then(console.log)";
        command::run(node.args(["-e", script, &island.url()]))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_island_reaches_this_machine_while_its_link_is_up() -> Result<()> {
        packages::ensure()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { continue };
                let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere";
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, reply).await;
            }
        });
        let island = Island::with_a_way_to(port).await?;
        let deadline = Instant::now() + PATIENCE;
        while fetch(&island).is_err() {
            anyhow::ensure!(Instant::now() < deadline, "the island does not reach us");
            sleep(POLL).await;
        }
        island.unplug()?;
        assert!(fetch(&island).is_err());
        island.plug()?;
        assert_eq!(fetch(&island)?.trim(), "here");
        island.move_away()?;
        assert_eq!(fetch(&island)?.trim(), "here");
        Ok(())
    }
}
