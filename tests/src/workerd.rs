//! One runtime process: started, waited for, killed, started again on the same storage.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::capnp::{Run, config};
use crate::config::Wrangler;
use crate::{build, command, packages};

const START_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);

/// What a process is started with; kept, so that it can be started again.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Holds the configuration, the storage, the built Worker and the log.
    pub folder: PathBuf,
    /// 0 picks a free port, which a restart keeps.
    pub port: u16,
    pub vars: Vec<(String, String)>,
    pub secrets: Vec<(String, String)>,
    /// Certificates that are trusted beside those that browsers trust, as PEM.
    pub trusted: Vec<String>,
    /// Opens the side entrance to the database.
    pub door_token: String,
}

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub struct Workerd {
    setup: Setup,
    door: u16,
    process: Process,
    started_in: Duration,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Kills the process when our end of its input closes, in whatever way we may die.
    watchdog: Child,
}

impl Workerd {
    /// Starts a process on the latest build, and returns once it answers.
    pub fn start(setup: Setup) -> Result<Self> {
        for storage in ["objects", "database"] {
            fs::create_dir_all(setup.folder.join(storage))?;
        }
        build::link(&setup.folder)?;
        Self::launch(setup)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.setup.port)
    }

    /// The address of the side entrance.
    pub fn door(&self) -> String {
        format!("http://127.0.0.1:{}", self.door)
    }

    /// What opens the side entrance.
    pub fn door_token(&self) -> &str {
        &self.setup.door_token
    }

    /// The id of the runtime's own process.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// From the spawn to the first answer.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// What the process wrote, earlier runs included.
    pub fn log(&self) -> PathBuf {
        self.setup.folder.join("log")
    }

    /// How the process ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.child.try_wait()?)
    }

    /// Ends the process as a power failure would.
    pub fn kill9(&mut self) -> Result<()> {
        self.process.kill();
        Ok(())
    }

    /// Sets a var from the next start on.
    pub fn set_var(&mut self, name: &str, value: String) {
        self.setup.vars.push((name.to_owned(), value));
    }

    /// Sets a secret from the next start on.
    pub fn set_secret(&mut self, name: &str, value: String) {
        self.setup.secrets.retain(|(other, _)| other != name);
        self.setup.secrets.push((name.to_owned(), value));
    }

    /// Lets no file of the process grow beyond so many bytes from now on, as on a full disk.
    pub fn limit_files(&mut self, bytes: Option<u64>) -> Result<()> {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let mut prlimit = Command::new("prlimit");
        // The limit that is felt; the other, which could not be raised again, stays.
        prlimit.args(["--pid", &self.pid().to_string(), &format!("--fsize={limit}:")]);
        command::run(&mut prlimit).map(drop)
    }

    /// Kills the process if it runs, and starts it again: same storage, same port, same Worker.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill();
        let next = Self::launch(self.setup.clone())?;
        *self = next;
        Ok(())
    }

    fn launch(mut setup: Setup) -> Result<Self> {
        let begun = Instant::now();
        write_config(&setup)?;
        let mut log = open_log(&setup.folder)?;
        let start = log.seek(SeekFrom::End(0))?;
        let mut process = Process::spawn(&setup, &log)?;
        let path = setup.folder.join("log");
        setup.port = await_port(&mut process, &path, start, "http")?;
        let door = await_port(&mut process, &path, start, "door")?;
        await_answer(setup.port)?;
        Ok(Self { setup, door, process, started_in: begun.elapsed() })
    }
}

impl Process {
    fn spawn(setup: &Setup, log: &File) -> Result<Self> {
        // A file that may not grow is an error to the runtime then, and not its death.
        let mut workerd = Command::new("sh");
        workerd
            .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
            .arg(packages::workerd()?)
            .args(["serve", "--experimental", "--control-fd=1", "config.capnp", "config"])
            .current_dir(&setup.folder)
            .env("DOOR_TOKEN", &setup.door_token)
            .envs(setup.secrets.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            // Its own group: an interrupt from the keyboard is ours to pass on.
            .process_group(0);
        let mut child = workerd.spawn().context("cannot start workerd")?;
        let mut watchdog = Command::new("sh");
        watchdog
            .args(["-c", r#"read -r _; kill -9 "$0""#, &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        match watchdog.spawn() {
            Ok(watchdog) => Ok(Self { child, watchdog }),
            Err(error) => {
                let _ = child.kill();
                Err(error).context("cannot start sh")
            }
        }
    }

    /// The watchdog goes first: it must never meet a number that belongs to someone else by then.
    fn kill(&mut self) {
        for child in [&mut self.watchdog, &mut self.child] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn write_config(setup: &Setup) -> Result<()> {
    let secrets: Vec<String> = setup.secrets.iter().map(|(name, _)| name.clone()).collect();
    let run =
        Run { port: setup.port, vars: &setup.vars, trusted: &setup.trusted, secrets: &secrets };
    fs::write(setup.folder.join("config.capnp"), config(&Wrangler::read()?, &run))?;
    Ok(())
}

fn open_log(folder: &Path) -> Result<File> {
    Ok(OpenOptions::new().create(true).append(true).open(folder.join("log"))?)
}

/// The runtime reports a port on its own line of the log once it listens there.
#[derive(Deserialize)]
struct Listening {
    socket: String,
    port: u16,
}

fn await_port(process: &mut Process, log: &Path, from: u64, socket: &str) -> Result<u16> {
    let begun = Instant::now();
    loop {
        let said = read_from(log, from)?;
        let reports = said.lines().filter_map(|line| serde_json::from_str::<Listening>(line).ok());
        if let Some(report) = reports.into_iter().find(|report| report.socket == socket) {
            return Ok(report.port);
        }
        if let Some(status) = process.child.try_wait()? {
            bail!("workerd ended at its start ({status}):\n{said}");
        }
        if begun.elapsed() > START_TIMEOUT {
            bail!("workerd does not listen after {START_TIMEOUT:?}:\n{said}");
        }
        sleep(POLL);
    }
}

fn read_from(path: &Path, from: u64) -> Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Any answer will do: the Worker is loaded, and who asks `/health` reads what it says.
fn await_answer(port: u16) -> Result<()> {
    let begun = Instant::now();
    loop {
        match ask_health(port) {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > START_TIMEOUT => {
                return Err(error).context("the Worker does not answer GET /health");
            }
            Err(_) => sleep(POLL),
        }
    }
}

fn ask_health(port: u16) -> std::io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, START_TIMEOUT)?;
    stream.set_read_timeout(Some(START_TIMEOUT))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    stream.read_exact(&mut [0; 12])
}
