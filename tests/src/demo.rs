//! What `cargo dev` hands to a newcomer: an account with credit, and the command that uses it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::packages::{self, Codex};
use crate::secret;

/// Plenty for an afternoon, and small enough to see it move.
const CREDIT_USD: &str = "25.00";

/// The demo account, as kept between starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Demo {
    pub username: String,
    pub key: String,
}

#[derive(Deserialize)]
struct Created {
    user: User,
    api_key: Key,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
struct Key {
    token: String,
}

/// The account of earlier starts while its key is good, otherwise a new one.
pub async fn account(url: &str, admin_token: &str, file: &Path) -> Result<Demo> {
    let client = Client::new();
    let kept = secret::read(file).and_then(|text| serde_json::from_str::<Demo>(&text).ok());
    if let Some(demo) = kept {
        let models = client.get(format!("{url}/v1/models")).bearer_auth(&demo.key).send().await?;
        if models.status().is_success() {
            return Ok(demo);
        }
    }
    let demo = create(&client, url, admin_token).await.context("no demo account")?;
    secret::write(file, &serde_json::to_string(&demo)?)?;
    Ok(demo)
}

async fn create(client: &Client, url: &str, admin_token: &str) -> Result<Demo> {
    let request = client.post(format!("{url}/admin/api/users")).bearer_auth(admin_token);
    let plan = json!({ "plan": "professional", "credit_usd": CREDIT_USD });
    let reply = request.json(&plan).send().await?;
    let (status, body) = (reply.status(), reply.text().await?);
    if status != StatusCode::CREATED {
        bail!("the Worker answers {status}: {body}");
    }
    let Created { user, api_key } = serde_json::from_str(&body)?;
    Ok(Demo { username: user.username, key: api_key.token })
}

/// One line for a shell: the stock client, its settings apart from the user's own, and a first
/// question.
pub fn codex_command(version: Codex, home: &Path, url: &str, key: &str) -> String {
    let home = quote(&home.to_string_lossy());
    let codex = packages::codex(version);
    let codex = quote(&codex.to_string_lossy());
    let provider = [
        r#"name="Gantry""#.to_owned(),
        format!(r#"base_url="{url}/v1""#),
        r#"env_key="GANTRY_API_KEY""#.to_owned(),
        r#"wire_api="responses""#.to_owned(),
        "supports_websockets=false".to_owned(),
    ];
    let provider =
        provider.map(|it| format!("-c {}", quote(&format!("model_providers.gantry.{it}"))));
    format!(
        "CODEX_HOME={home} GANTRY_API_KEY={key} {codex} exec --skip-git-repo-check -m gpt-5.5 \
         -c model_provider=gantry {} \"Say hello\" </dev/null",
        provider.join(" ")
    )
}

/// A command for a shell: a thread and a turn on the runner's codex, its events as they come.
pub fn turn_command(url: &str, key: &str, scripted: bool) -> String {
    let prompt = if scripted { "rehearse: text 12; shell ls -a; text 6" } else { "Say hello" };
    // Nobody is there to be asked.
    let body = quote(&json!({ "prompt": prompt, "approvalPolicy": "never" }).to_string());
    format!(
        "curl -sN {url}/api/turns -H 'authorization: Bearer {key}' -H 'accept: text/event-stream' \
         -H 'content-type: application/json' -d {body}"
    )
}

/// One word for a POSIX shell, bare where that is safe.
fn quote(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-=:".contains(letter);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
