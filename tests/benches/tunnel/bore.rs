//! A general TCP tunnel from the package registry: what others use to reach a machine behind NAT.

use std::process::Command;

use anyhow::Result;
use tests::leash::{Leash, free_port};
use tests::{command, paths, steps};

const VERSION: &str = "0.6.0";
const FOLDER: &str = "target/bench/bore";
/// The port at which its server and its client agree.
const CONTROL_PORT: u16 = 7835;

/// A running server and client that make one local port reachable at another.
pub struct Bore {
    pub port: u16,
    _server: Leash,
    _client: Leash,
}

impl Bore {
    pub async fn to(port: u16) -> Result<Self> {
        let program = paths::at(FOLDER).join("bin/bore");
        if !program.is_file() {
            steps::say("installing bore, a TCP tunnel to compare with");
            let mut cargo = command::cargo();
            cargo.args(["install", "--quiet", "--locked", "--version", VERSION, "bore-cli"]);
            command::run(cargo.arg("--root").arg(paths::at(FOLDER)))?;
        }
        let log = paths::at("target/bench/bore.log");
        let (low, remote) = (free_port()?, free_port()?);
        let (low, high) = (low.min(remote).to_string(), low.max(remote).to_string());
        let mut server = Command::new(&program);
        server.args(["server", "--bind-addr", "127.0.0.1", "--bind-tunnels", "127.0.0.1"]);
        server.args(["--min-port", &low, "--max-port", &high]);
        let server = Leash::start(&mut server, &log, CONTROL_PORT).await?;
        let mut client = Command::new(&program);
        client.args(["local", &port.to_string(), "--to", "127.0.0.1"]);
        client.args(["--port", &remote.to_string()]);
        let client = Leash::start(&mut client, &log, remote).await?;
        Ok(Self { port: remote, _server: server, _client: client })
    }
}
