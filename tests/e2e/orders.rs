//! Orders of a marketplace: `/admin/api/users/g2g`, `/admin/api/orders` and
//! `/admin/api/orders/{order_number}`.

use futures::future::join_all;
use reqwest::RequestBuilder;
use schema::MicroUsd;
use schema::admin::OrderDelivery;
use serde_json::{Value, json};
use tests::packages::Codex;
use tests::world::World;

use crate::desk::{Desk, Reply};
use crate::setup::machine::{Machine, ask, leave};
use crate::setup::{nasty, powershell};

const PLACE: &str = "/admin/api/users/g2g";
const ORDERS: &str = "/admin/api/orders";
const CREDIT: MicroUsd = MicroUsd::from_cents(2_500);

fn request(desk: &Desk, number: &str, credit_usd: &str) -> RequestBuilder {
    let wish = json!({ "order_number": number, "credit_usd": credit_usd });
    desk.admin("POST", PLACE).json(&wish)
}

#[track_caller]
fn delivered(reply: &Reply) -> OrderDelivery {
    assert!(matches!(reply.status, 200 | 201), "{reply:?}");
    serde_json::from_slice(&reply.bytes).expect("a delivery")
}

async fn place(desk: &Desk, number: &str) -> OrderDelivery {
    delivered(&desk.send(request(desk, number, "25.00")).await)
}

/// A delivery as it is each time.
fn same(delivery: &OrderDelivery) -> OrderDelivery {
    OrderDelivery { replayed: false, ..delivery.clone() }
}

/// What the account has: rows of the ledger, and keys.
async fn holdings(desk: &Desk, delivery: &OrderDelivery) -> (Vec<Value>, Vec<Value>) {
    let id = &delivery.order.user_id;
    let path = format!("/admin/api/users/{id}/wallet/transactions");
    let rows = desk.send(desk.admin("GET", &path)).await.json();
    let keys = desk.send(desk.admin("GET", &format!("/admin/api/api-keys?user_id={id}"))).await;
    let list = |value: &Value| value.as_array().expect("a list").clone();
    (list(&rows["data"]), list(&keys.json()))
}

/// All of it is there, once, and works.
async fn check_whole(desk: &Desk, delivery: &OrderDelivery) {
    let (rows, keys) = holdings(desk, delivery).await;
    let source = format!("order:{}", delivery.order.order_number);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (&rows[0]["source"], &rows[0]["amount_micro_usd"]),
        (&json!(source), &json!(CREDIT))
    );
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(keys[0]["id"], json!(delivery.order.key_id));
    for bearer in [&delivery.api_key, &delivery.order.username] {
        let me = Reply::to(desk.request("GET", "/api/v1/me").bearer_auth(bearer)).await.json();
        assert_eq!(me["id"], json!(delivery.order.user_id));
        assert_eq!(me["wallet"]["balanceMicroUsd"], json!(CREDIT));
    }
    let users = desk.send(desk.admin("GET", "/admin/api/users")).await.json();
    let named = users["data"].as_array().expect("a list").iter();
    let named = named.filter(|user| user["username"] == delivery.order.username.as_str());
    assert_eq!(named.count(), 1, "{users}");
}

#[tokio::test]
async fn one_call_makes_everything_that_a_buyer_is_sent() {
    let desk = Desk::open().await;
    let wish = json!({
        "orderNumber": "G2G-77", "creditUsd": "25.00", "name": "ann", "note": "paid by card",
    });
    let made = delivered(&desk.send(desk.admin("POST", PLACE).json(&wish)).await);
    check_whole(&desk, &made).await;
    let order = &made.order;
    assert!(order.username.starts_with("ann-") && !made.replayed, "{made:?}");
    assert_eq!((order.credit_usd.as_str(), order.note.as_str()), ("25.000000", "paid by card"));
    let user = desk.send(desk.admin("GET", &format!("/admin/api/users/{}", order.user_id))).await;
    assert_eq!(user.json()["note"], "order G2G-77: paid by card");
    for (text, blocks) in
        [(&made.posix_text, &made.posix), (&made.powershell_text, &made.powershell)]
    {
        let lines = [
            "Gantry order G2G-77",
            &format!("Dashboard: {}", desk.world.url()),
            &format!("Username: {}", order.username),
            &format!("Password: {}", made.password),
            &format!("API key: {}", made.api_key),
            "Wallet credit: $25.00",
        ];
        for part in lines {
            assert!(text.lines().any(|line| line == part), "{part} in {text}");
        }
        for block in
            [&blocks.install, &blocks.setup, &blocks.start, &blocks.resume, &blocks.smoke_test]
        {
            assert!(text.contains(&format!("===\n{block}\n")), "{block} in {text}");
        }
        assert!(!text.contains("paid by card"), "a remark for the operator: {text}");
    }
    assert!(made.cli.start_command.contains(&made.api_key));
    let rows = desk.world.sql("SELECT * FROM orders", vec![]).await;
    let kept = json!(rows).to_string() + &desk.world.log();
    for secret in [&made.api_key, &made.password] {
        assert!(!kept.contains(secret.as_str()), "a secret is readable: {kept}");
    }
}

#[tokio::test]
async fn a_buyer_pastes_the_blocks_and_codes() {
    let desk = Desk::of(nasty(), "0.00").await;
    for (number, version) in [("1", Codex::Pinned), ("2", Codex::Newest)] {
        let made = place(&desk, number).await;
        let asked_before = desk.world.upstream().responses().len();
        let machine = Machine::new(version);
        let setup = machine.run(&made.posix.setup).await;
        assert!(setup.status.success() && setup.stderr.is_empty(), "{setup:?}");
        machine.trust(".rock-run-codex");
        assert!(!machine.answer(&made.posix.smoke_test).await.trim().is_empty());
        let mut terminal = machine.open(&made.posix.start).await;
        ask(&mut terminal, "forty two").await;
        leave(terminal).await;
        let mut terminal = machine.open(&made.posix.resume).await;
        terminal.wait_for("• forty two").await;
        ask(&mut terminal, "forty three").await;
        leave(terminal).await;
        let asked = desk.world.upstream().wait_until_idle().await.len() - asked_before;
        let (id, name) = (made.order.user_id.to_string(), &made.order.username);
        let buyer = desk.world.known_account(&id, name, &made.api_key);
        let charges = buyer.charges(asked).await;
        assert_eq!(
            charges.iter().fold(CREDIT, |left, charge| left.minus(charge.charged_micro_usd)),
            buyer.me().await.wallet.balance_micro_usd
        );
    }
}

#[tokio::test]
async fn the_blocks_for_powershell_say_the_same() {
    let desk = Desk::of(nasty(), "0.00").await;
    let made = place(&desk, "1").await;
    let blocks = &made.powershell;
    assert_eq!(powershell::read(&blocks.setup).texts, [made.cli.config_toml.trim_end()]);
    assert_eq!(blocks.install, made.cli.windows_full_install_command);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let prompt = format!("Say hello from {}.", crate::setup::BRAND);
    let smoke = [words("codex --search exec --skip-git-repo-check"), vec![prompt]].concat();
    for (block, run) in [
        (&blocks.start, words("codex --search")),
        (&blocks.resume, words("codex resume --last --search")),
        (&blocks.smoke_test, smoke),
    ] {
        let script = powershell::read(block);
        assert_eq!(script.sets["$env:CODEX_HOME"], "$HOME\\.rock-run-codex");
        assert_eq!(script.sets["$env:ROCK_CODEX_API_KEY"], made.api_key);
        assert_eq!(script.runs, [run]);
    }
}

#[tokio::test]
async fn the_same_order_again_is_the_same_delivery() {
    let desk = Desk::open().await;
    let first = place(&desk, "1").await;
    for _ in 0..3 {
        let again = place(&desk, "1").await;
        assert!(again.replayed && !first.replayed);
        assert_eq!(same(&again), first);
    }
    let read = delivered(&desk.send(desk.admin("GET", &format!("{ORDERS}/1"))).await);
    assert_eq!(same(&read), first);
    check_whole(&desk, &first).await;
    let sql = "SELECT act FROM audit WHERE act LIKE 'order.%' ORDER BY id";
    let acts = desk.world.sql(sql, vec![]).await;
    let acts: Vec<_> = acts.iter().filter_map(|row| row["act"].as_str()).collect();
    assert_eq!(acts, [&["order.placed"][..], &["order.revealed"; 4]].concat());
}

#[tokio::test]
async fn many_at_one_time_are_one_order() {
    let desk = Desk::open().await;
    let sent = (0..12).map(|_| place(&desk, "1"));
    let all = join_all(sent).await;
    for one in &all {
        assert_eq!(same(one), same(&all[0]));
    }
    check_whole(&desk, &all[0]).await;
}

#[tokio::test]
async fn another_amount_under_the_same_number_is_refused() {
    let desk = Desk::open().await;
    let first = place(&desk, "1").await;
    let refused = desk.send(request(&desk, "1", "25.01")).await;
    refused.refuses(409, "conflict", "The order 1 has been placed with $25.00");
    check_whole(&desk, &first).await;
}

#[tokio::test]
async fn an_order_that_was_cut_off_anywhere_is_completed_when_it_is_sent_again() {
    let mut desk = Desk::of(World::plan().var("FAULTS", "allowed"), "0.00").await;
    for place_of_fault in ["drawn", "opened", "keyed", "credited", "noted"] {
        let fault = format!("order:{place_of_fault}");
        let cut = request(&desk, place_of_fault, "25.00").header("x-gantry-fault", fault);
        assert_eq!(Reply::to(cut).await.status, 500);
        desk.world.kill9();
        desk.world.restart().await;
        let path = format!("{ORDERS}/{place_of_fault}");
        let read = desk.send(desk.admin("GET", &path)).await;
        read.refuses(409, "conflict", "Place it again");
        let other = desk.send(request(&desk, place_of_fault, "1.00")).await;
        other.refuses(409, "conflict", "$25.00");
        let made = place(&desk, place_of_fault).await;
        assert!(!made.replayed, "there was something left to do");
        assert_eq!(same(&place(&desk, place_of_fault).await), made);
        check_whole(&desk, &made).await;
    }
}

#[tokio::test]
async fn what_is_no_order_is_refused_by_the_name_of_the_field() {
    let desk = Desk::open().await;
    for (wish, field) in [
        (json!({ "order_number": "", "credit_usd": "1" }), "order_number"),
        (json!({ "order_number": "a b", "credit_usd": "1" }), "order_number"),
        (json!({ "order_number": "a".repeat(65), "credit_usd": "1" }), "order_number"),
        (json!({ "order_number": "1", "credit_usd": "0.00" }), "credit_usd"),
        (json!({ "order_number": "1", "credit_usd": "-1" }), "credit_usd"),
        (json!({ "order_number": "1", "credit_usd": "ten" }), "credit_usd"),
        (json!({ "order_number": "1", "credit_usd": "1", "name": "a b" }), "name"),
        (json!({ "order_number": "1", "credit_usd": "1", "note": "a".repeat(1_001) }), "note"),
    ] {
        let reply = desk.send(desk.admin("POST", PLACE).json(&wish)).await;
        reply.refuses(422, "validation_error", field);
    }
    let missing = desk.send(desk.admin("GET", &format!("{ORDERS}/1"))).await;
    missing.refuses(404, "resource_not_found", "order");
    let customers = desk.send(desk.post(PLACE).json(&json!({}))).await;
    customers.refuses(403, "permission_denied", "admin");
    assert!(desk.world.sql("SELECT number FROM orders", vec![]).await.is_empty());
}

#[tokio::test]
async fn nothing_is_made_where_its_secrets_could_not_be_kept() {
    let desk = Desk::of(World::plan().secret("SEALING_KEYS", ""), "0.00").await;
    let reply = desk.send(request(&desk, "1", "25.00")).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(desk.world.sql("SELECT number FROM orders", vec![]).await.is_empty());
    assert!(desk.world.log().contains("SEALING_KEYS"), "{}", desk.world.log());
}

#[tokio::test]
async fn orders_are_listed_newest_first_without_their_secrets() {
    let desk = Desk::open().await;
    let mut made = Vec::new();
    for number in ["1", "2", "3"] {
        made.insert(0, json!(place(&desk, number).await.order));
    }
    let first = desk.send(desk.admin("GET", &format!("{ORDERS}?limit=2"))).await.json();
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let path = format!("{ORDERS}?limit=2&starting_after={cursor}");
    let second = desk.send(desk.admin("GET", &path)).await.json();
    let list = |page: &Value| page["data"].as_array().expect("a list").clone();
    assert_eq!([list(&first), list(&second)].concat(), made);
    assert_eq!(second["has_more"], false);
    let bad = desk.send(desk.admin("GET", &format!("{ORDERS}?starting_after=x"))).await;
    bad.refuses(422, "validation_error", "starting_after");
}

#[tokio::test]
async fn a_key_that_an_operator_makes_comes_with_its_commands() {
    let desk = Desk::open().await;
    let made = desk.send(desk.admin("POST", "/admin/api/users").json(&json!({}))).await.json();
    let (token, cli) = (&made["api_key"]["token"], &made["api_key"]["cli"]);
    let token = token.as_str().expect("a token");
    assert!(cli["startCommand"].as_str().is_some_and(|it| it.contains(token)), "{made}");
    let wish = json!({ "user_id": made["user"]["id"], "scopes": ["models"] });
    let made = desk.send(desk.admin("POST", "/admin/api/api-keys").json(&wish)).await.json();
    assert!(made.get("cli").is_none(), "a key that calls no models: {made}");
}
