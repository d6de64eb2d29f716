//! Who is asked: the provider itself, the floor, and Gantry. Rivals are started in `rivals`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use tests::leash::{Leash, free_port};
use tests::world::World;
use tests::{config::Wrangler, packages, paths};

use super::books::Books;

/// Somebody who answers requests.
pub struct Target {
    pub name: &'static str,
    pub port: u16,
    pub bearer: String,
    /// Lines of `name: value` that it wants besides.
    pub headers: String,
    /// Whose processor time and memory count; none for the provider itself.
    pub pid: Option<u32>,
    /// What ends it when it is dropped.
    #[expect(dead_code, reason = "it only has to live as long")]
    keep: Option<Leash>,
}

impl Target {
    /// A target in a process of its own.
    pub fn process(name: &'static str, port: u16, bearer: &str, process: Leash) -> Self {
        let (bearer, headers) = (bearer.to_owned(), String::new());
        Self { name, port, bearer, headers, pid: Some(process.pid()), keep: Some(process) }
    }

    /// The provider itself.
    pub fn direct(port: u16) -> Self {
        let bearer = "nobody-asks".to_owned();
        Self { name: "direct", port, bearer, headers: String::new(), pid: None, keep: None }
    }

    /// Ten lines of JavaScript on the same runtime.
    pub async fn passthrough(upstream: u16) -> Result<Self> {
        let folder = folder("passthrough")?;
        let port = free_port()?;
        let script = include_str!("passthrough.js");
        fs::write(folder.join("passthrough.js"), script)?;
        fs::write(folder.join("config.capnp"), passthrough_config(port, upstream)?)?;
        let mut workerd = Command::new(packages::workerd()?);
        workerd.args(["serve", "--experimental", "config.capnp", "config"]).current_dir(&folder);
        let process = Leash::start(&mut workerd, &folder.join("log"), port).await?;
        Ok(Self::process("passthrough", port, "nobody-asks", process))
    }

    /// Gantry, with everything on.
    pub fn gantry(world: &World, books: &Books) -> Result<Self> {
        let url = world.url();
        let port = url.rsplit_once(':').context("a port")?.1.parse()?;
        let (bearer, pid) = (books.key.clone(), Some(world.pid()));
        Ok(Self { name: "gantry", port, bearer, headers: String::new(), pid, keep: None })
    }
}

/// A whole system that asks the bench's provider.
pub async fn world(upstream: u16) -> World {
    let routes = serde_json::json!([{
        "name": "bench", "base_url": format!("http://127.0.0.1:{upstream}/v1"),
        "secret": "OPENAI_API_KEY", "models": { "gpt-5.5": "gpt-5.5" },
    }]);
    World::plan().var("ROUTES", routes.to_string()).start().await
}

/// A folder for a target's files, emptied.
pub fn folder(name: &str) -> Result<PathBuf> {
    let folder = paths::at("target/bench").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn passthrough_config(port: u16, upstream: u16) -> Result<String> {
    let date = Wrangler::read()?.compatibility_date;
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "main", worker = (
      modules = [(name = "passthrough.js", esModule = embed "passthrough.js")],
      compatibilityDate = "{date}",
      bindings = [(name = "UPSTREAM", text = "http://127.0.0.1:{upstream}")]))],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")]);
"#
    ))
}
