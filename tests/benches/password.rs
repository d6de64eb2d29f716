//! What a password costs in the real Worker: processor time of the runtime for each sign-in, with
//! the right and a wrong password, less that of the same request refused by the attempts' limit
//! before a password is computed; beside the same computation in native code, in the same run.

use std::env;
use std::process;
use std::time::Duration;

use anyhow::{Result, ensure};
use functions::domain::password;
use reqwest::Client;
use serde_json::{Value, json};
use tests::process::Tree;
use tests::world::World;
use tokio::time::sleep;

const ROUNDS: u32 = 8;
const QUICK: u32 = 2;
/// Sign-ins of each kind in a round, one for each account: few enough wrong ones that no account's
/// limit is reached.
const ACCOUNTS: usize = 6;
/// What the runtime does after its last answer is its cost too.
const AFTERMATH: Duration = Duration::from_millis(100);
/// More wrong passwords than a name is allowed in a while.
const EXHAUSTING: usize = 12;

const PASSWORD: &str = "a yak in the attic";
const WRONG: &str = "a yak in the cellar";
const NOBODY: &str = "nobody@example.com";

struct Bench {
    world: World,
    http: Client,
    runtime: Tree,
    /// Requests so far: each comes from an address of its own, which no limit knows.
    sent: u32,
}

impl Bench {
    async fn post(&mut self, path: &str, body: &Value, status: u16) -> Result<()> {
        self.sent += 1;
        let [_, a, b, c] = self.sent.to_be_bytes();
        let request = self.http.post(self.world.at(path)).json(body);
        let request = request.header("cf-connecting-ip", format!("10.{a}.{b}.{c}"));
        let reply = request.send().await?;
        let (got, said) = (reply.status().as_u16(), reply.text().await?);
        ensure!(got == status, "{path}: {got} instead of {status}: {said}");
        Ok(())
    }

    /// Signs everybody in, and tells the processor time of it.
    async fn sign_in(&mut self, names: &[String], password: &str, status: u16) -> Result<Duration> {
        let before = self.runtime.cpu();
        for name in names {
            let body = json!({ "username": name, "password": password, "session": "none" });
            self.post("/api/v1/auth/login", &body, status).await?;
        }
        sleep(AFTERMATH).await;
        Ok(self.runtime.cpu().saturating_sub(before))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = if env::var("GANTRY_BENCH_QUICK").is_ok() { QUICK } else { ROUNDS };
    let world = World::start().await;
    let runtime = Tree::new(world.pid());
    let mut bench = Bench { world, http: Client::new(), runtime, sent: 0 };
    let names: Vec<_> = (0..ACCOUNTS).map(|n| format!("ann{n}@example.com")).collect();
    for name in &names {
        let wish = json!({
            "email": name, "password": PASSWORD, "country": "DE", "phone": "+4930901820",
            "session": "none",
        });
        bench.post("/api/v1/customer/register", &wish, 201).await?;
    }
    let exhausted = vec![NOBODY.to_owned(); ACCOUNTS];
    for _ in 0..EXHAUSTING {
        // The last ones are refused already.
        let body = json!({ "username": NOBODY, "password": WRONG });
        let login = bench.post("/api/v1/auth/login", &body, 401).await;
        if login.is_err() {
            break;
        }
    }
    let (mut right, mut wrong, mut refused) = Default::default();
    let mut native = Duration::ZERO;
    for _ in 0..rounds {
        right += bench.sign_in(&names, PASSWORD, 200).await?;
        wrong += bench.sign_in(&names, WRONG, 401).await?;
        refused += bench.sign_in(&exhausted, WRONG, 429).await?;
        native += natively()?;
    }
    report(rounds, [right, wrong, refused, native]);
    Ok(())
}

/// The processor time of as many computations by this process.
fn natively() -> Result<Duration> {
    // The runtime, which this process has started, has nothing to do meanwhile.
    let mut own = Tree::new(process::id());
    let before = own.cpu();
    for _ in 0..ACCOUNTS {
        password::keep(PASSWORD, [7; password::SALT_BYTES])?;
    }
    Ok(own.cpu().saturating_sub(before))
}

fn report(rounds: u32, [right, wrong, refused, native]: [Duration; 4]) {
    let count = f64::from(rounds) * f64::from(u32::try_from(ACCOUNTS).unwrap_or(u32::MAX));
    let each = |spent: Duration| spent.as_secs_f64() * 1_000.0 / count;
    let unit = each(native);
    println!("| {count} of each | CPU ms | less a refused one | over native |");
    println!("|---|--:|--:|--:|");
    for (name, spent) in [("right password", right), ("wrong password", wrong)] {
        let (all, rest) = (each(spent), each(spent.saturating_sub(refused)));
        println!("| {name} | {all:.1} | {rest:.1} | {:.2} |", rest / unit);
    }
    println!("| refused by the limit | {:.1} | | |", each(refused));
    println!("| Argon2id, native | {unit:.1} | | 1.00 |");
}
