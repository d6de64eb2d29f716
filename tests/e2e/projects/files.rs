//! Files of a project, on true machines: `/api/v1/projects/{project_id}/files/tree` and
//! `/api/v1/projects/{project_id}/files/content`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tests::packages::Codex;

use crate::app_server::seat::{Seat, VERSIONS};
use crate::desk::Reply;

/// A project that is open, and where it lies on its machine.
struct Workshop {
    seat: Seat,
    id: String,
    folder: PathBuf,
    http: Client,
}

impl Workshop {
    async fn open(version: Codex, template: &str, how: Value) -> Self {
        let seat = Seat::with(version).await;
        let wish = json!({ "name": "Files", "template": template });
        let made = seat.post("/api/v1/projects", wish).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        let opened = seat.post(&format!("/api/v1/projects/{id}/open"), how).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        let account = seat.machine.state().join("accounts").join(&seat.account.id);
        let folder = account.join("work/projects").join(&id);
        Self { seat, id, folder, http: Client::new() }
    }

    fn request(&self, method: &str, row: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let path = format!("/api/v1/projects/{}/files/{row}", self.id);
        let method = method.parse().expect("a method");
        let request = self.http.request(method, self.seat.world.at(&path)).query(query);
        request.bearer_auth(&self.seat.account.key)
    }

    async fn tree(&self, query: &[(&str, &str)]) -> Value {
        let reply = Reply::to(self.request("GET", "tree", query)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request("GET", "content", &[("path", path)])
    }

    async fn put(&self, path: &str, content: &str) -> Reply {
        let body = json!({ "path": path, "content": content });
        Reply::to(self.request("PUT", "content", &[]).json(&body)).await
    }
}

fn paths(tree: &Value) -> Vec<&str> {
    let entries = tree["entries"].as_array().expect("a list");
    entries.iter().filter_map(|entry| entry["path"].as_str()).collect()
}

#[tokio::test]
async fn a_browser_lists_reads_and_writes_the_files_of_its_project() {
    let shop = Workshop::open(Codex::Newest, "node", json!({})).await;
    let tree = shop.tree(&[]).await;
    assert_eq!(paths(&tree), [".gitignore", "main.js", "main.test.js", "package.json"]);
    let page = shop.tree(&[("limit", "1"), ("cursor", "main.js")]).await;
    assert_eq!((paths(&page), &page["nextCursor"]), (vec!["main.test.js"], &json!("main.test.js")));

    let made = shop.put("src/new/a.txt", "héllo").await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!((&made.json()["created"], &made.json()["size"]), (&json!(true), &json!(6)));
    assert_eq!(fs::read_to_string(shop.folder.join("src/new/a.txt")).expect("a file"), "héllo");
    let mut log = shop.seat.log(0).await;
    loop {
        let told = log.until("gantry/files/changed").await;
        let changes = told.data["params"]["changes"].as_array().cloned().unwrap_or_default();
        assert_eq!(told.data["params"]["root"], format!("projects/{}", shop.id));
        if changes.contains(&json!({ "path": "src/new/a.txt", "kind": "created" })) {
            break;
        }
    }
    let read = Reply::to(shop.get("src/new/a.txt")).await;
    let etag = made.json()["etag"].as_str().expect("a state").to_owned();
    assert_eq!(read.header("etag"), format!("\"{etag}\""));
    let told = read.json();
    assert_eq!((&told["content"], &told["encoding"]), (&json!("héllo"), &json!("utf-8")));
    assert_eq!((&told["path"], &told["etag"]), (&json!("src/new/a.txt"), &json!(etag)));

    let known = shop.get("src/new/a.txt").header("if-none-match", format!("\"{etag}\""));
    let known = Reply::to(known).await;
    assert_eq!((known.status, known.text()), (304, ""));
    // Whoever wrote last without having seen what is there is told so, with what is there.
    assert_eq!(shop.put("src/new/a.txt", "mine").await.status, 200, "without a condition");
    let body = json!({ "path": "src/new/a.txt", "content": "late" });
    let late = shop.request("PUT", "content", &[]).header("if-match", format!("\"{etag}\""));
    let late = Reply::to(late.json(&body)).await;
    late.refuses(412, "precondition_failed", "");
    let now = late.json()["errors"][0]["message"].as_str().expect("a state").to_owned();
    let right = shop.request("PUT", "content", &[]).header("if-match", format!("\"{now}\""));
    assert_eq!(Reply::to(right.json(&body)).await.status, 200);
    let fresh = shop.request("PUT", "content", &[]).header("if-none-match", "*").json(&body);
    Reply::to(fresh).await.refuses(412, "precondition_failed", "");

    let gone = shop.request("DELETE", "content", &[("path", "src/new/a.txt")]);
    assert_eq!(Reply::to(gone).await.json()["kind"], "file");
    Reply::to(shop.get("src/new/a.txt")).await.refuses(404, "resource_not_found", "a.txt");
    Reply::to(shop.request("GET", "content", &[])).await.refuses(422, "validation_error", "path");
}

#[tokio::test]
async fn bytes_go_both_ways_as_they_are_whole_and_in_parts() {
    let shop = Workshop::open(Codex::Newest, "empty", json!({})).await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    let put = |bytes: Vec<u8>| {
        let request = shop.request("PUT", "content", &[("path", "a/b.bin")]);
        request.header("content-type", "application/octet-stream").body(bytes)
    };
    let put_whole = Reply::to(put(bytes.clone())).await;
    assert_eq!(put_whole.status, 200, "{}", put_whole.text());
    assert!(fs::read(shop.folder.join("a/b.bin")).expect("a file") == bytes);
    let plain = || shop.get("a/b.bin").header("accept", "application/octet-stream");
    let whole = Reply::to(plain()).await;
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    assert!(whole.bytes == bytes);
    let etag = whole.header("etag").to_owned();
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=1000000-1999999", 1_000_000, 2_000_000),
        ("bytes=2999999-", 2_999_999, 3_000_000),
        ("bytes=-5", 2_999_995, 3_000_000),
        ("bytes=2999990-9999999", 2_999_990, 3_000_000),
    ] {
        let part = Reply::to(shop.get("a/b.bin").header("range", range)).await;
        assert_eq!(part.status, 206, "{range}: {}", part.text());
        assert!(part.bytes == bytes[from..to], "{range}");
        let told = format!("bytes {from}-{}/3000000", to - 1);
        assert_eq!((part.header("content-range"), part.header("etag")), (&*told, &*etag));
    }
    let beyond = Reply::to(shop.get("a/b.bin").header("range", "bytes=3000000-")).await;
    beyond.refuses(416, "range_not_satisfiable", "3000000 bytes");
    let other = plain().header("range", "bytes=0-9").header("if-range", "\"other\"");
    assert_eq!(Reply::to(other).await.bytes.len(), 3_000_000, "another state is wanted whole");
    let same = plain().header("range", "bytes=0-9").header("if-range", etag);
    assert_eq!(Reply::to(same).await.bytes.len(), 10);
    // As JSON it is too large; a small one that is no text comes in base64.
    Reply::to(shop.get("a/b.bin")).await.refuses(413, "payload_too_large", "octet-stream");
    assert_eq!(Reply::to(put(vec![0xff, 0xfe])).await.status, 200);
    let told = Reply::to(shop.get("a/b.bin")).await.json();
    assert_eq!((&told["content"], &told["encoding"]), (&json!("//4="), &json!("base64")));
    // A body of this size is read before it is refused, so that its sender hears why.
    let large = shop.put("a/b.bin", &"x".repeat((10 << 20) + 1)).await;
    large.refuses(413, "payload_too_large", "10 MiB");
    assert_eq!(Reply::to(put(vec![1; 10 << 20])).await.status, 200, "10 MiB are taken");
    assert_eq!(Reply::to(put(Vec::new())).await.json()["size"], 0);
    assert_eq!(Reply::to(plain()).await.bytes.len(), 0);
}

/// What is asked for, and what reading and writing it are answered with.
const ATTACKS: [(&str, u16, u16); 14] = [
    ("..", 403, 403),
    ("../../../../credential.json", 403, 403),
    ("a/../../x", 403, 403),
    ("/etc/passwd", 403, 403),
    ("//etc/passwd", 403, 403),
    ("..\\..\\x", 422, 422),
    ("a\0b", 422, 422),
    ("up/x", 403, 403),
    ("top/etc/passwd", 403, 403),
    ("credential", 403, 409),
    ("neighbour/secret", 403, 403),
    (".git/config", 404, 403),
    (".GIT/hooks/pre-commit", 404, 403),
    (".codex/config.toml", 404, 403),
];

#[tokio::test]
async fn no_path_leads_out_of_a_project_through_the_api() {
    let shop = Workshop::open(Codex::Newest, "empty", json!({})).await;
    let neighbour = shop.folder.with_file_name("prj_neighbour");
    fs::create_dir(&neighbour).expect("a directory");
    fs::write(neighbour.join("secret"), "nobody").expect("a file");
    let credential = shop.seat.machine.state().join("credential.json");
    assert!(credential.is_file());
    let before = fs::read(&credential).expect("a file");
    let link = |to: &str, at: &str| symlink(to, shop.folder.join(at)).expect("a link");
    link("..", "up");
    link("/", "top");
    link("../prj_neighbour", "neighbour");
    link(credential.to_str().expect("UTF-8"), "credential");
    for (path, read, write) in ATTACKS {
        let asked = Reply::to(shop.get(path)).await;
        assert_eq!(asked.status, read, "reading {path:?}: {}", asked.text());
        let asked = shop.put(path, "attack").await;
        assert_eq!(asked.status, write, "writing {path:?}: {}", asked.text());
        let gone = Reply::to(shop.request("DELETE", "content", &[("path", path)])).await;
        assert!(gone.status >= 400 || path == "credential", "removing {path:?}");
    }
    assert_eq!(fs::read(&credential).expect("a file"), before);
    assert_eq!(fs::read_dir(&neighbour).expect("a directory").count(), 1);
    let tree = shop.tree(&[("all", "true")]).await;
    assert_eq!(paths(&tree), ["neighbour", "top", "up"], "links are shown and not entered");
}

#[tokio::test]
async fn an_agent_that_is_told_to_write_elsewhere_writes_nothing_there() {
    for version in VERSIONS {
        // Codex lets everybody write below `/tmp`, where a world may lie.
        let sandbox = json!({
            "type": "workspaceWrite", "writableRoots": [], "networkAccess": false,
            "excludeTmpdirEnvVar": true, "excludeSlashTmp": true,
        });
        let shop = Workshop::open(version, "empty", json!({ "approvalPolicy": "never" })).await;
        let neighbour = shop.folder.with_file_name("prj_neighbour");
        fs::create_dir(&neighbour).expect("a directory");
        let script = "echo in > inside.txt\\; echo out > ../escaped\\; \
                      echo out > ../prj_neighbour/escaped\\; echo out > ../../../home/escaped";
        let prompt = format!("rehearse: shell {script}; say done");
        let body = json!({ "prompt": prompt, "approvalPolicy": "never", "sandboxPolicy": sandbox });
        let begun = shop.seat.post(&format!("/api/v1/projects/{}/turns", shop.id), body).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        shop.seat.log(0).await.until("turn/completed").await;
        let read = Reply::to(shop.get("inside.txt")).await;
        assert_eq!(read.json()["content"], "in\n", "{version:?}: {}", read.text());
        let work = shop.folder.ancestors().nth(2).expect("a workspace");
        for path in ["projects/escaped", "projects/prj_neighbour/escaped", "../home/escaped"] {
            assert!(!work.join(path).exists(), "{version:?}: {path}");
        }
    }
}

#[tokio::test]
async fn a_big_file_on_its_way_delays_no_approval() {
    const SIZE: u64 = 64 << 20;
    let shop = Workshop::open(Codex::Newest, "empty", json!({})).await;
    let big = fs::File::create(shop.folder.join("big")).expect("a file");
    big.set_len(SIZE).expect("a size");
    let request = shop.get("big").header("accept", "application/octet-stream");
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.content_length(), Some(SIZE));
    let mut read = response.chunk().await.expect("a body").expect("a piece").len() as u64;
    // Nobody reads on; the pieces stand still, and everything else goes past them.
    let body = json!({ "prompt": "rehearse: shell touch made && echo it was made; say done" });
    let begun = shop.seat.post(&format!("/api/v1/projects/{}/turns", shop.id), body).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let question = shop.seat.question().await;
    assert!(read < SIZE && !shop.folder.join("made").exists());
    let answered = shop.seat.resolve(&question, json!({ "decision": "accept" })).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    shop.seat.log(0).await.until("turn/completed").await;
    assert!(shop.folder.join("made").exists());
    assert_eq!(shop.put("beside", "x").await.status, 200);
    while let Some(piece) = response.chunk().await.expect("a whole body") {
        read += piece.len() as u64;
    }
    assert_eq!(read, SIZE);
}
