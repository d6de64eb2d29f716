//! Where models are asked: the routes var, and the scripted model in this process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::runtime;
use tokio::sync::oneshot;

use crate::config::Wrangler;

/// The scripted model on a thread of its own, so that a test that blocks does not silence it.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Upstream {
    /// Starts it on a free port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let work = move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::select! {
                    served = serve(listener) => served,
                    _ = stopped => Ok(()),
                }
            })
        };
        let thread = thread::Builder::new().name("rehearsal".to_owned()).spawn(move || {
            if let Err(error) = work() {
                eprintln!("the scripted model stopped: {error}");
            }
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The base that a route names: `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The committed routes cut to one that leads to `base_url`, so that models are named once.
pub fn routes(name: &str, base_url: &str) -> Result<String> {
    let committed = Wrangler::read()?.vars().remove("ROUTES").context("wrangler.toml: ROUTES")?;
    let mut routes: Vec<Value> = serde_json::from_str(&committed).context("ROUTES")?;
    routes.truncate(1);
    for route in &mut routes {
        route["name"] = json!(name);
        route["base_url"] = json!(base_url);
    }
    Ok(json!(routes).to_string())
}

async fn serve(_: tokio::net::TcpListener) -> std::io::Result<()> {
    std::future::pending().await
}
