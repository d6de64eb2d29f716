//! What commands of the model cannot find.

use super::{Hosted, KEY, MACHINE_KEY, VERSIONS};

/// Looks where secrets are kept: the environment of every process, and every file that can be seen.
/// The system's programs hold none, and take long to read.
const SEARCH: &str = "rehearse: shell env\\; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | \
     tr '\\0' ' '\\; grep -rasl -e _nobody_inside_may_ever_read_this / --exclude-dir=usr \
     --exclude-dir=proc --exclude-dir=sys --exclude-dir=sessions\\; cat /etc/shadow\\; echo searched; \
     say done";

#[tokio::test]
async fn commands_find_neither_the_key_nor_what_the_agent_keeps() {
    for version in VERSIONS {
        let mut hosted = Hosted::start(version).await;
        let free =
            serde_json::json!({ "approvalPolicy": "never", "sandbox": "danger-full-access" });
        hosted.open_thread(free).await;
        let printed = hosted.printed(SEARCH).await;
        assert!(printed.contains("searched"), "{printed}");
        assert!(printed.contains("CODEX_HOME="), "the environments were read: {printed}");
        for secret in [KEY, MACHINE_KEY, "root:"] {
            assert!(!printed.contains(secret), "{secret} was found: {printed}");
        }
        let files = ["credential.json", "hosts/one"];
        assert!(files.iter().all(|file| !printed.contains(file)), "{printed}");
    }
}

#[tokio::test]
async fn commands_see_the_account_and_nothing_of_the_others() {
    for version in VERSIONS {
        let mut hosted = Hosted::start(version).await;
        let free =
            serde_json::json!({ "approvalPolicy": "never", "sandbox": "danger-full-access" });
        hosted.open_thread(free).await;
        let state = hosted.spec.private.parent().unwrap().parent().unwrap().to_owned();
        let accounts = hosted.spec.account.parent().unwrap();
        std::fs::create_dir_all(accounts.join("two/work")).unwrap();
        let look = format!("rehearse: shell find {} -maxdepth 2; say done", state.display());
        let mut seen: Vec<String> =
            hosted.printed(&look).await.lines().map(|line| line.trim().to_owned()).collect();
        seen.sort();
        let wanted = [state.clone(), state.join("accounts"), state.join("accounts/one")];
        assert_eq!(seen, wanted.map(|path| path.to_string_lossy().into_owned()));
    }
}
