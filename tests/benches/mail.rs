//! From an event to its mail: what the edge adds to an SMTP session that the same machine has with
//! the same server, both measured until the server has the mail, in turns.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::mail::{MailServer, PASSWORD, USERNAME};
use tests::part::Part;
use tests::world::World;

const ROUNDS: usize = 40;
/// Mails before anything is measured.
const WARM_UP: usize = 5;
/// What is promised: a mail is with the server within a second of its event.
const MOST: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<()> {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let (to, direct_to) = ("event@theirs.test", "direct@theirs.test");
    let account = world.customer(to, None).await;
    let port = server.port("starttls").to_string();
    let certificate = server.certificate_file().to_string_lossy().into_owned();
    let direct = Part::start("mail/direct.mjs", &[&port, &certificate, USERNAME, PASSWORD]);
    direct.first("ready").await;
    let object = world.object("ACCOUNT", &account.id);
    let (mut events, mut sessions) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let notice = json!({ "topped_up": { "amount": 50_000_000, "balance": 60_000_000 } });
        let tell = json!({ "event": format!("bench:{round}"), "notice": notice });
        let begun = Instant::now();
        object.command(&json!({ "notice": { "tell": tell } })).await?;
        server.nth(to, round).await;
        let event = begun.elapsed();
        let begun = Instant::now();
        direct.tell(&json!(direct_to));
        server.nth(direct_to, round).await;
        let session = begun.elapsed();
        if round >= WARM_UP {
            events.push(event);
            sessions.push(session);
        }
    }
    report(events, sessions)
}

fn report(mut events: Vec<Duration>, mut sessions: Vec<Duration>) -> Result<()> {
    events.sort();
    sessions.sort();
    println!("from an event to its mail, over an SMTP session of this machine ({ROUNDS} each)");
    for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99)] {
        let at = |times: &[Duration]| times.get(times.len() * percent / 100).copied();
        let event = at(&events).context("no mails")?;
        let session = at(&sessions).context("no sessions")?;
        let ratio = event.as_secs_f64() / session.as_secs_f64();
        println!("{name}  {event:>10.1?}  {session:>10.1?}  {ratio:.2}");
    }
    let worst = events.last().copied().unwrap_or_default();
    ensure!(worst < MOST, "a mail took {worst:?}");
    Ok(())
}
