//! What the agent serves on its own machine: a control socket that only its user can open, and on
//! loopback what monitors read. Nothing here is reachable from a network.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use schema::tunnel::ProcessState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::agent::status::{Connection, Control, Status};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// The user, over the control socket.
    Control,
    /// Anyone on this machine.
    Loopback,
}

/// The control socket; it is taken away when the agent ends.
pub struct ControlSocket {
    path: PathBuf,
    inode: u64,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // A later agent may have put its own there.
        let is_ours = fs::metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "the control socket stays behind");
        }
    }
}

/// Serves the control socket.
pub fn serve_control(path: PathBuf, controls: mpsc::Sender<Control>) -> Result<ControlSocket> {
    if path.exists() {
        fs::remove_file(&path).with_context(|| path.display().to_string())?;
    }
    let listener = UnixListener::bind(&path).with_context(|| path.display().to_string())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let inode = fs::metadata(&path)?.ino();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Door::Control, controls.clone()));
        }
    });
    Ok(ControlSocket { inode, path })
}

/// Serves monitors on loopback.
pub fn serve_loopback(listener: TcpListener, controls: mpsc::Sender<Control>) {
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Door::Loopback, controls.clone()));
        }
    });
}

async fn serve<S>(stream: S, door: Door, controls: mpsc::Sender<Control>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| answer(request, door, controls.clone()));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a local request was cut");
    }
}

async fn answer(
    request: Request<Incoming>,
    door: Door,
    controls: mpsc::Sender<Control>,
) -> Result<Response<Full<Bytes>>, http::Error> {
    let (status, text) = match respond(&request, door, &controls).await {
        Some(answer) => answer,
        None => (StatusCode::SERVICE_UNAVAILABLE, "the agent is ending\n".to_owned()),
    };
    let kind = if text.starts_with('{') { "application/json" } else { "text/plain; version=0.0.4" };
    Response::builder().status(status).header("content-type", kind).body(Full::new(text.into()))
}

/// The agent's loop itself has to answer: one that hangs is not well.
async fn respond(
    request: &Request<Incoming>,
    door: Door,
    controls: &mpsc::Sender<Control>,
) -> Option<(StatusCode, String)> {
    let found = match (door, request.method(), request.uri().path()) {
        (_, &Method::GET, "/healthz") => {
            status(controls).await?;
            (StatusCode::OK, "ok\n".to_owned())
        }
        (_, &Method::GET, "/readyz") => {
            let status = status(controls).await?;
            let code =
                if status.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let draining = if status.draining { ", draining" } else { "" };
            (code, format!("{}{draining}\n", status.connection.as_str()))
        }
        (_, &Method::GET, "/metrics") => (StatusCode::OK, metrics(&status(controls).await?)),
        (Door::Control, &Method::GET, "/status") => {
            (StatusCode::OK, serde_json::to_string(&status(controls).await?).ok()?)
        }
        (Door::Control, &Method::POST, path @ ("/drain" | "/drain/off")) => {
            let (send, answer) = oneshot::channel();
            controls.send(Control::Drain(path == "/drain", send)).await.ok()?;
            (StatusCode::OK, answer.await.ok()? + "\n")
        }
        _ => (StatusCode::NOT_FOUND, "/healthz, /readyz and /metrics are here\n".to_owned()),
    };
    Some(found)
}

/// Asks the agent's loop.
pub async fn status(controls: &mpsc::Sender<Control>) -> Option<Status> {
    let (send, answer) = oneshot::channel();
    controls.send(Control::Status(send)).await.ok()?;
    answer.await.ok()
}

/// In Prometheus's text format.
fn metrics(status: &Status) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, value: f64| {
        let name = format!("gantry_runner_{name}");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    let flag = |it: bool| f64::from(u8::from(it));
    let count = |it: u64| it as f64;
    metric(
        "connected",
        "gauge",
        "1 with a tunnel",
        flag(status.connection == Connection::Connected),
    );
    metric("draining", "gauge", "1 if no new work is taken", flag(status.draining));
    metric("tunnels_total", "counter", "Tunnels opened", count(status.tunnels));
    metric("generation", "gauge", "Number of the connection", count(status.generation));
    if let Some(round_trip) = status.round_trip_ms {
        metric("round_trip_seconds", "gauge", "The last sign of life", round_trip / 1_000.0);
    }
    let running = status.processes.iter().filter(|it| it.state == ProcessState::Running).count();
    let turns: u32 = status.processes.iter().map(|process| process.turns).sum();
    metric("capacity", "gauge", "Processes at most", f64::from(status.capacity));
    metric("processes", "gauge", "Processes that take a place", f64::from(status.load));
    metric("processes_running", "gauge", "Processes that answer", count(running as u64));
    metric("turns", "gauge", "Turns that run", f64::from(turns));
    let open = f64::from(status.open_operations);
    metric("open_operations", "gauge", "Operations without an answer", open);
    metric("frames_up_total", "counter", "Frames from hosts", count(status.frames_up));
    metric("frames_down_total", "counter", "Frames from the hub", count(status.frames_down));
    text
}

/// Asks the agent of this machine, from another process.
pub async fn ask(socket: &Path, method: Method, path: &str) -> Result<String> {
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!("no agent is running here ({} does not answer)", socket.display())
    })?;
    let stream = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "agent");
    let answer = sender.send_request(request.body(Full::<Bytes>::default())?).await?;
    let status = answer.status();
    let text =
        String::from_utf8_lossy(&answer.into_body().collect().await?.to_bytes()).into_owned();
    match status.is_success() {
        true => Ok(text),
        false => bail!("{}", text.trim()),
    }
}

/// The status for a person.
pub fn shown(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    line("runner", format!("{} ({})", status.name, status.runner));
    line("edge", status.url.clone());
    let since = status.since_ms / 1_000;
    let reason =
        if status.reason.is_empty() { String::new() } else { format!(": {}", status.reason) };
    line("connection", format!("{} for {since} s{reason}", status.connection.as_str()));
    line(
        "generation",
        format!("{} ({} tunnels since the start)", status.generation, status.tunnels),
    );
    let round_trip = status.round_trip_ms.map(|ms| format!("{ms:.1} ms"));
    line("round trip", round_trip.unwrap_or_else(|| "not measured yet".to_owned()));
    let draining = if status.draining { ", draining" } else { "" };
    line("load", format!("{} of {} processes{draining}", status.load, status.capacity));
    let codex =
        if status.codex.is_empty() { "none: run `runner-agent doctor`" } else { &status.codex };
    line("codex", codex.to_owned());
    line("agent", format!("{}, process {}", status.agent, status.pid));
    for process in &status.processes {
        let _ = writeln!(text, "  {}", crate::display::process_line(process));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Status {
        serde_json::from_value(serde_json::json!({
            "runner": "rnr_00000000000000000000000000000007", "name": "mill",
            "url": "https://edge.example", "agent": "0", "codex": "0.169.0", "pid": 1,
            "connection": "connected", "reason": "", "since_ms": 5_000, "generation": 3,
            "tunnels": 1, "round_trip_ms": 12.5, "draining": false, "capacity": 4, "load": 1,
            "open_operations": 2, "frames_up": 10, "frames_down": 20,
            "processes": [{ "process": "acct_00000000000000000000000000000001",
                "state": "running", "codex": "0.169.0", "provisioned": true, "turns": 2 }],
        }))
        .unwrap()
    }

    #[test]
    fn monitors_read_gauges_and_counters() {
        let text = metrics(&example());
        assert!(text.contains("gantry_runner_connected 1\n"), "{text}");
        assert!(text.contains("gantry_runner_turns 2\n"), "{text}");
        assert!(text.contains("gantry_runner_round_trip_seconds 0.0125\n"), "{text}");
    }

    #[test]
    fn a_person_sees_the_connection_and_each_process() {
        let text = shown(&example());
        assert!(text.contains("connected for 5 s") && text.contains("1 of 4 processes"), "{text}");
        assert!(text.contains("acct_00000000000000000000000000000001"), "{text}");
    }
}
