//! How the stock CLI is pointed here: `/api/v1/cli/public-codex`, `/api/v1/cli/version` and
//! `/api/v1/me/cli`. Every command is run, or read by a grammar of its shell.

pub mod machine;
mod posix;
pub mod powershell;

use schema::agent::PublicCodex;
use serde_json::{Value, json};
use tests::world::{Plan, World};

use crate::desk::{Desk, Reply};

const PUBLIC: &str = "/api/v1/cli/public-codex";
const OWN: &str = "/api/v1/me/cli";
const VERSION: &str = "/api/v1/cli/version";

/// A brand that means something to every shell, wherever it is not quoted.
pub const BRAND: &str = "Rock'n'Run & $HOME `id` \\ 50%";

/// A world whose settings no shell takes for its own.
pub fn nasty() -> Plan {
    World::plan()
        .var("BRAND", BRAND)
        .var("PROVIDER_ID", "rock-run")
        .var("ENV_KEY", "ROCK_CODEX_API_KEY")
}

/// The commands with the caller's own credential; they hold it, so manners are not looked at.
pub async fn own(desk: &Desk) -> PublicCodex {
    let reply = Reply::to(desk.get(OWN)).await;
    serde_json::from_value(reply.json()).expect("the commands")
}

#[tokio::test]
async fn anybody_reads_the_whole_of_it_with_a_placeholder_for_the_key() {
    let desk = Desk::open().await;
    let reply = desk.send(desk.request("GET", PUBLIC)).await;
    let shown = reply.json();
    let url = desk.world.url();
    for (name, value) in [
        ("providerId", "gantry"),
        ("providerName", "Gantry"),
        ("officialCliVersion", "0.130.0"),
        ("officialInstallTag", "latest"),
        ("officialInstallCommand", "npm install -g @openai/codex@latest"),
        ("baseUrl", &format!("{url}/v1")),
        ("envKey", "GANTRY_API_KEY"),
        ("wireApi", "responses"),
        ("model", "gpt-5.5"),
        ("reasoningEffort", "medium"),
        ("modelsUrl", &format!("{url}/v1/models")),
        ("responsesUrl", &format!("{url}/v1/responses")),
        ("codexHome", "$HOME/.gantry-codex"),
        ("clientModelLabel", "GPT-5.5"),
        ("displayModel", "GPT-5.5"),
        ("modelDisplayName", "GPT-5.5"),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    for command in [
        "startCommand",
        "execSmokeTestCommand",
        "loggedInOverrideCommand",
        "loggedInOverrideExecSmokeTestCommand",
        "resumeLastCommand",
        "windowsStartCommand",
        "windowsResumeLastCommand",
        "windowsExecSmokeTestCommand",
    ] {
        assert!(shown[command].as_str().is_some_and(|it| it.contains("'<GANTRY_API_KEY>'")));
    }
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_caller_reads_it_with_what_they_presented_and_nothing_else() {
    let desk = Desk::open().await;
    let public: Value = desk.send(desk.request("GET", PUBLIC)).await.json();
    for bearer in [&desk.account.key, &desk.account.username] {
        let request = desk.request("GET", OWN).bearer_auth(bearer);
        let shown = Reply::to(request).await;
        let expected = public.to_string().replace("<GANTRY_API_KEY>", bearer);
        assert_eq!(shown.json().to_string(), expected);
        assert_eq!(shown.header("cache-control"), "no-store");
    }
    let refused = desk.send(desk.request("GET", OWN)).await;
    refused.refuses(401, "authentication_required", "Send a key");
    let (key, _) = desk.key(json!({ "scopes": ["responses"] })).await;
    let refused = desk.send(desk.request("GET", OWN).bearer_auth(&key)).await;
    refused.refuses(403, "permission_denied", "account");
    // A bearer changes nothing for the public: what is shown there may be pasted anywhere.
    assert_eq!(desk.send(desk.get(PUBLIC)).await.json(), public);
}

#[tokio::test]
async fn the_version_that_is_proved_stands_beside_the_newest() {
    let desk = Desk::of(World::plan().var("SETTINGS_TTL_MS", "0"), "0.00").await;
    let shown = desk.send(desk.request("GET", VERSION)).await.json();
    let expected = json!({
        "package": "@openai/codex", "officialCliVersion": "0.130.0", "officialInstallTag": "latest",
        "officialInstallCommand": "npm install -g @openai/codex@latest", "newest": null,
    });
    assert_eq!(shown, expected);
    let release = json!({
        "package": "@openai/codex", "version": "0.169.0", "syncedAt": "2026-11-20T00:00:00.000Z",
    });
    let sql = "INSERT INTO settings (name, value) VALUES ('codex_release', ?1)";
    desk.world.sql(sql, vec![json!(release.to_string())]).await;
    let shown = desk.send(desk.request("GET", VERSION)).await.json();
    assert_eq!(shown["newest"], release);
}

#[tokio::test]
async fn a_deployment_whose_settings_no_command_could_say_does_not_answer_and_logs_why() {
    let world = World::plan().var("PROVIDER_ID", "a b").start().await;
    let reply = Reply::to(reqwest::Client::new().get(world.at(PUBLIC))).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(world.log().contains("PROVIDER_ID"), "{}", world.log());
}
