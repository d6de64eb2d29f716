//! Mail by SMTP: with STARTTLS and with TLS from the start, refused in every way, and cut at every
//! moment.

use serde_json::{Value, json};
use tests::account::Account;
use tests::mail::{FROM, MailServer, PASSWORD, USERNAME};
use tests::world::World;

use super::{records, tell, topped_up, until};

const ANN: &str = "ann@theirs.test";
/// The first wait of the ladder, and more.
const LATER_MS: &str = "120000";

#[tokio::test]
async fn a_mail_arrives_by_starttls_and_by_tls_and_its_record_says_so() {
    let server = MailServer::start().await;
    for security in ["starttls", "tls"] {
        let settings = server.settings(security);
        let world = World::plan().trusting(&server).with_mail_settings(settings).start().await;
        let to = format!("{security}@theirs.test");
        let ann = world.customer(&to, None).await;
        tell(&world, &ann, "topped_up:1", topped_up()).await;
        let mail = server.next(&to).await;
        assert_eq!(mail.envelope, json!({ "from": FROM, "to": [to] }));
        assert!(mail.secure, "the mail came under TLS");
        assert_eq!(mail.user.as_deref(), Some(USERNAME));
        assert_eq!((&mail.from["name"], &mail.from["address"]), (&json!("Gantry"), &json!(FROM)));
        assert_eq!(mail.subject, "$50.00 added to your wallet");
        assert!(mail.text.starts_with("Hello Ann,\n"), "{}", mail.text);
        assert!(mail.text.contains("Your balance is $60.00 now.") && mail.html.contains("$60.00"));
        assert_eq!(mail.header("auto-submitted"), "auto-generated");
        assert!(mail.raw.split("\r\n").all(|line| line.len() <= 998 && !line.contains('\n')));
        let record = until(&world, &ann, "sent").await;
        assert_eq!((&record["attempts"], &record["recipient"]), (&json!(1), &json!(to)));
        assert!(record["answer"].as_str().unwrap_or_default().starts_with("250 "), "{record}");
        let id = record["id"].as_str().unwrap_or_default();
        assert_eq!(mail.message_id, format!("<{id}@gantry.test>"));
        assert_eq!(record["next_at"], Value::Null);
    }
    for auth in server.seen("auth") {
        let said = json!({ "method": "PLAIN", "username": USERNAME, "password": PASSWORD });
        for (name, value) in said.as_object().expect("an object") {
            assert_eq!(&auth[name], value);
        }
        assert_eq!(auth["secure"], true, "no password in the open");
    }
}

#[tokio::test]
async fn an_event_is_told_once_however_often_it_happens() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    let again = (0..8).map(|_| tell(&world, &ann, "topped_up:1", topped_up()));
    futures::future::join_all(again).await;
    until(&world, &ann, "sent").await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    tell(&world, &ann, "topped_up:2", topped_up()).await;
    server.nth(ANN, 1).await;
    assert_eq!(server.mails(ANN).len(), 2, "one for each event");
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_again_with_the_same_mail() {
    let server = MailServer::start().await;
    let mut world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    server.refuse("rcpt", 451, "greylisted, come back", 1).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    server.count("rcpt", 1).await;
    world.kill9();
    world.set_var("CLOCK_SKEW_MS", LATER_MS);
    world.restart().await;
    ann.me().await;
    let record = until(&world, &ann, "sent").await;
    assert_eq!(record["attempts"], 2);
    assert_eq!(server.mails(ANN).len(), 1);
}

#[tokio::test]
async fn a_refusal_for_good_is_final_and_one_of_the_password_is_not() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    server.refuse("rcpt", 550, "nobody of this name", 1).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    let record = until(&world, &ann, "failed").await;
    assert_eq!(record["answer"], "550 nobody of this name");
    assert_eq!(record["next_at"], Value::Null);
    let ben = world.customer("ben@theirs.test", None).await;
    server.refuse("auth", 535, "wrong password", 1).await;
    tell(&world, &ben, "topped_up:1", topped_up()).await;
    server.count("auth", 2).await;
    let record = answered(&world, &ben).await;
    assert_eq!(record["answer"], "535 wrong password");
    assert!(record["next_at"].is_string(), "{record}");
}

#[tokio::test]
async fn a_mail_that_is_too_large_for_the_server_fails_before_it_is_sent() {
    let server = MailServer::start_taking(500).await;
    let world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    let record = until(&world, &ann, "failed").await;
    assert!(record["answer"].as_str().unwrap_or_default().contains("takes 500"), "{record}");
    assert!(server.seen("rcpt").is_empty());
}

#[tokio::test]
async fn a_server_that_takes_a_mail_and_hangs_up_never_gets_it_again() {
    let server = MailServer::start().await;
    let mut world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    server.drop_after_data().await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    until(&world, &ann, "unconfirmed").await;
    world.kill9();
    world.set_var("CLOCK_SKEW_MS", LATER_MS);
    world.restart().await;
    ann.me().await;
    until(&world, &ann, "unconfirmed").await;
    assert_eq!(server.mails(ANN).len(), 1);
}

#[tokio::test]
async fn a_process_that_dies_before_it_hears_of_acceptance_sends_nothing_twice() {
    let server = MailServer::start().await;
    let mut world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    server.stall("data").await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    server.next(ANN).await;
    assert_eq!(until(&world, &ann, "handed").await["attempts"], 1);
    world.kill9();
    world.set_var("CLOCK_SKEW_MS", LATER_MS);
    world.restart().await;
    ann.me().await;
    let record = until(&world, &ann, "unconfirmed").await;
    assert_eq!(record["attempts"], 1);
    // Another event shows that the account's mails go on, and in their order.
    tell(&world, &ann, "topped_up:2", topped_up()).await;
    server.nth(ANN, 1).await;
    let first =
        server.mails(ANN).iter().filter(|mail| mail.message_id.contains(id(&record))).count();
    assert_eq!(first, 1, "the first mail came once");
}

#[tokio::test]
async fn a_process_that_dies_before_the_mail_is_handed_over_sends_it_once() {
    let server = MailServer::start().await;
    let mut world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    for (count, at) in [(1, "auth"), (2, "rcpt")] {
        server.stall(at).await;
        let event = format!("topped_up:{at}");
        tell(&world, &ann, &event, topped_up()).await;
        server.count(at, count).await;
        world.kill9();
        world.restart().await;
        // Told again, as whoever was not answered does; and later, as time goes by.
        tell(&world, &ann, &event, topped_up()).await;
        world.set_var("CLOCK_SKEW_MS", if at == "auth" { "120000" } else { "240000" });
        world.kill9();
        world.restart().await;
        ann.me().await;
        server.nth(ANN, usize::from(at == "rcpt")).await;
    }
    let told = records(&world, &ann).await;
    let sent = |record: &&Value| record["attempts"] == 2;
    assert_eq!(told.iter().filter(sent).count(), 2, "{told:#?}");
    assert_eq!(server.mails(ANN).len(), 2, "one for each event");
}

#[tokio::test]
async fn a_server_that_is_silent_is_left_and_asked_again_unless_it_had_the_mail() {
    let server = MailServer::start().await;
    let plan = World::plan().var("MAIL_PATIENCE_MS", "2000");
    let world = plan.with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    server.stall("rcpt").await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    let record = answered(&world, &ann).await;
    assert_eq!(record["answer"], "The server took more than 2000 ms.");
    let ben = world.customer("ben@theirs.test", None).await;
    server.stall("data").await;
    tell(&world, &ben, "topped_up:1", topped_up()).await;
    let record = until(&world, &ben, "unconfirmed").await;
    assert_eq!(record["answer"], "The server took more than 2000 ms.");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_named_and_no_password_is_said() {
    let server = MailServer::start().await;
    for security in ["starttls", "tls"] {
        let world = World::plan().with_mail_settings(server.settings(security)).start().await;
        let http = reqwest::Client::new().post(world.at("/admin/api/smtp/test"));
        let request = http.bearer_auth(world.admin_token()).json(&json!({ "to": ANN }));
        let reply: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(reply["ok"], false);
        let answer = reply["answer"].as_str().unwrap_or_default();
        assert!(answer.contains("certificate is not trusted"), "{security}: {answer}");
    }
    assert!(server.seen("auth").is_empty(), "no password was said");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_later() {
    let server = MailServer::start().await;
    let mut settings = server.settings("starttls");
    settings["smtp"]["port"] = json!(9);
    let world = World::plan().with_mail_settings(settings).start().await;
    let ann = world.customer(ANN, None).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    let record = answered(&world, &ann).await;
    assert_eq!(record["attempts"], 1);
}

/// The only notice of an account, which waits after a try.
async fn answered(world: &World, account: &Account) -> Value {
    loop {
        let record = until(world, account, "waiting").await;
        if record["answer"] != Value::Null {
            return record;
        }
    }
}

fn id(record: &Value) -> &str {
    record["id"].as_str().unwrap_or("no id")
}
