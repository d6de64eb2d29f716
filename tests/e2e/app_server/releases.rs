//! The newest stable release of codex: `/api/core/releases/current` and `/api/core/releases/sync`.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tests::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::desk::{Desk, Reply};

const CURRENT: &str = "/api/core/releases/current";
const SYNC: &str = "/api/core/releases/sync";

/// A package registry that says what it is told to.
pub struct Registry {
    pub url: String,
    says: watch::Sender<(u16, String)>,
}

impl Registry {
    pub async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/@openai/codex", listener.local_addr().expect("an address"));
        let (says, said) = watch::channel((404, String::new()));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (status, body) = said.borrow().clone();
                // One read has the whole head: nobody sends more than a few lines.
                let _ = stream.read(&mut [0; 4_096]).await;
                let head = format!(
                    "HTTP/1.1 {status} so\r\ncontent-type: application/json\r\n\
                     content-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        });
        Self { url, says }
    }

    pub fn say(&self, status: u16, body: impl Into<String>) {
        self.says.send_replace((status, body.into()));
    }
}

/// What a registry says of all releases of a package, as far as it matters and a little more.
fn packument(stable: &str) -> Value {
    json!({
        "_id": "@openai/codex", "_rev": "1-0", "name": "@openai/codex",
        "dist-tags": { "latest": stable, "alpha": "9.9.9-alpha.1" },
        "versions": {
            stable: {
                "name": "@openai/codex", "version": stable, "bin": { "codex": "bin/codex.js" },
                "dist": { "shasum": "0", "fileCount": 6, "unpackedSize": 1 },
            },
        },
        "time": {
            "created": "2025-04-16T16:44:25.337Z", "modified": "2026-05-08T20:04:13.000Z",
            stable: "2026-05-08T20:04:10.101Z",
        },
        "license": "Apache-2.0",
    })
}

async fn current(desk: &Desk) -> Reply {
    desk.send(desk.get(CURRENT)).await
}

async fn sync(desk: &Desk) -> Reply {
    desk.send(desk.admin("POST", SYNC)).await
}

#[tokio::test]
async fn a_release_is_there_once_it_was_looked_up_and_stays_when_a_look_fails() {
    let registry = Registry::open().await;
    let desk = Desk::of(World::plan().var("RELEASES_URL", &registry.url), "25.00").await;
    current(&desk).await.refuses(404, "resource_not_found", "POST /api/core/releases/sync");

    registry.say(200, packument("0.130.0").to_string());
    let synced = sync(&desk).await;
    assert_eq!(synced.status, 200, "{}", synced.text());
    let release = synced.json();
    assert_eq!(release["version"], "0.130.0");
    assert_eq!(release["publishedAt"], "2026-05-08T20:04:10.101Z");
    assert!(release["syncedAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{release}");
    assert_eq!(current(&desk).await.json(), release);

    for (status, body, said) in [
        (500, "{}", "answered 500"),
        (404, "{}", "answered 404"),
        (200, "<html>not here</html>", "names no stable release"),
        (200, r#"{"name":"@openai/codex","version":"0.131.0-alpha.1"}"#, "names no stable release"),
        (200, r#"{"name":"left-pad","version":"1.0.0"}"#, "names no stable release"),
    ] {
        registry.say(status, body);
        sync(&desk).await.refuses(502, "upstream_failed", said);
        assert_eq!(current(&desk).await.json(), release);
    }

    registry.say(200, r#"{"name":"@openai/codex","version":"0.169.0"}"#);
    assert_eq!(sync(&desk).await.status, 200);
    let newer = current(&desk).await.json();
    assert_eq!((&newer["version"], newer.get("publishedAt")), (&json!("0.169.0"), None));
}

#[tokio::test]
async fn a_registry_out_of_reach_is_said_in_clear_words() {
    let desk = Desk::open().await;
    sync(&desk).await.refuses(503, "unavailable", "registry could not be reached");
    let desk = Desk::of(World::plan().var("RELEASES_URL", ""), "25.00").await;
    sync(&desk).await.refuses(503, "unavailable", "RELEASES_URL");
}
