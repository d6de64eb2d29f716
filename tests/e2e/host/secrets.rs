//! What commands of the model cannot find.

use serde_json::json;

use super::{Hosted, KEY, MACHINE_KEY, VERSIONS};
use tests::packages::Codex;

/// The environment of every process, and how each was called.
const PROCESSES: &str = "env\\; cat /proc/*/environ /proc/*/cmdline | \
     tr '\\0' ' '";
/// Every file that can be seen and holds what both secrets hold, written so that it does not find
/// itself. The system's programs hold none, and take long to read.
const FILES: &str = "grep -rasl 'inside_may_ever[_]read_this' / --exclude-dir=usr \
     --exclude-dir=proc --exclude-dir=sys\\; cat /etc/shadow\\; echo searched";

async fn unconfined(version: Codex) -> Hosted {
    let mut hosted = Hosted::start(version).await;
    let free = json!({ "approvalPolicy": "never", "sandbox": "danger-full-access" });
    hosted.open_thread(free).await;
    hosted
}

#[tokio::test]
async fn commands_find_neither_the_key_nor_what_the_agent_keeps() {
    for version in VERSIONS {
        let mut hosted = unconfined(version).await;
        let processes = hosted.printed(PROCESSES).await;
        assert!(processes.contains("GANTRY_LOCAL_TOKEN="), "codex's own is read: {processes}");
        let files = hosted.printed(FILES).await;
        assert_eq!(files.lines().last(), Some("searched"), "{files}");
        for secret in [KEY, MACHINE_KEY, "root:", "credential", "hosts/one", "state/accounts"] {
            assert!(!files.contains(secret), "{secret} was found: {files}");
        }
        for secret in [KEY, MACHINE_KEY] {
            assert!(!processes.contains(secret), "{secret} was found: {processes}");
        }
    }
}

#[tokio::test]
async fn commands_see_the_account_and_nothing_of_the_others() {
    for version in VERSIONS {
        let mut hosted = unconfined(version).await;
        let state = hosted.spec.private.parent().unwrap().parent().unwrap().to_owned();
        let accounts = hosted.spec.account.parent().unwrap();
        std::fs::create_dir_all(accounts.join("two/work")).unwrap();
        let look = format!("find {} -maxdepth 2", state.display());
        let printed = hosted.printed(&look).await;
        let mut seen: Vec<&str> = printed.lines().map(str::trim).collect();
        seen.sort_unstable();
        let wanted = [state.clone(), state.join("accounts"), state.join("accounts/one")];
        assert_eq!(seen, wanted.map(|path| path.to_string_lossy().into_owned()));
    }
}
