//! A project that begins with a git repository, fetched by HTTPS from git's own server.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use tests::browser;
use tests::certificate::Certificate;
use tests::packages::Codex;
use tests::part::Part;
use tests::runner::Plan;
use tests::world::World;

use crate::app_server::seat::Seat;
use crate::signin;

/// A server with one repository, `site.git`.
struct Server {
    part: Part,
    certificate: Certificate,
    _folder: TempDir,
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]);
    let output = git.args(arguments).output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Server {
    fn start() -> Self {
        let (folder, certificate) = (TempDir::new().expect("a folder"), Certificate::new());
        let site = folder.path().join("site.git");
        fs::create_dir(&site).expect("a folder");
        git(&site, &["init", "--quiet", "--initial-branch=main"]);
        for (branch, text) in [("main", "the newest"), ("v1", "the first")] {
            git(&site, &["checkout", "--quiet", "-B", branch]);
            fs::write(site.join("index.html"), text).expect("a file");
            git(&site, &["add", "."]);
            git(&site, &["commit", "--quiet", "--message", branch]);
        }
        git(&site, &["checkout", "--quiet", "main"]);
        let [cert, key] = certificate.files().map(|file| file.to_string_lossy().into_owned());
        let part = Part::start("git/server.mjs", &[&cert, &key, &folder.path().to_string_lossy()]);
        Self { part, certificate, _folder: folder }
    }

    async fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.part.first("port").await)
    }
}

async fn seat(server: &Server) -> Seat {
    let world = World::plan().secret("SIGNING_SECRETS", signin::SECRET).start().await;
    let [trusted, _] = server.certificate.files();
    let plan = Plan::with(Codex::Newest).knowing("GIT_SSL_CAINFO", &trusted);
    let machine = world.machine_of(plan).await;
    let account = world.account("10.00").await;
    Seat::at(world, machine, account)
}

#[tokio::test]
async fn a_project_begins_with_the_repository_that_its_maker_names() {
    let server = Server::start();
    let seat = seat(&server).await;
    for (reference, text) in [(None, "the newest"), (Some("v1"), "the first")] {
        let source = json!({ "url": server.url("site.git").await, "ref": reference });
        let wish = json!({ "name": "Site", "template": { "git": source } });
        let made = seat.post("/api/v1/projects", wish).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let path = format!("/api/v1/projects/{}", made.json()["id"].as_str().expect("an id"));
        let opened = seat.post(&format!("{path}/open"), json!({})).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        let file = seat.get(&format!("{path}/files/content?path=index.html")).await;
        assert_eq!((file.status, &file.json()["content"]), (200, &json!(text)), "{}", file.text());
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_said_to_be_missing() {
    let server = Server::start();
    let seat = seat(&server).await;
    let source = json!({ "url": server.url("other.git").await });
    let wish = json!({ "name": "Other", "template": { "git": source } });
    let made = seat.post("/api/v1/projects", wish).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let opened = seat.post(&format!("/api/v1/projects/{id}/open"), json!({})).await;
    assert_eq!(opened.status, 422, "{}", opened.text());
    assert!(opened.text().contains("not found"), "{}", opened.text());
}

#[tokio::test]
async fn in_a_browser_a_repository_is_named_and_its_files_are_there_with_the_first_answer() {
    let server = Server::start();
    let seat = seat(&server).await;
    let about = json!({
        "link": signin::link(&seat.account, "/projects"),
        "repository": server.url("site.git").await,
        "missing": server.url("other.git").await,
    });
    let found = browser::run(&seat.world, "git.mjs", about).await;
    assert_eq!(found["file"], "the first", "{found}");
    assert!(found["missing"].as_str().is_some_and(|it| it.contains("not found")), "{found}");
}
