//! Whoever signs up, pays or names an order chooses texts that end up in a mail: none of them makes
//! a header, a recipient or a mail of its own.

use reqwest::Client;
use serde_json::{Value, json};
use tests::mail::MailServer;
use tests::world::World;

use super::tell;

const EVIL: [&str; 6] = [
    "x\r\nBcc: all@theirs.test",
    "x\nBcc: all@theirs.test",
    "x\rBcc: all@theirs.test",
    "x\r\n\r\n<b>body</b>",
    "x\r\n.\r\nMAIL FROM:<evil@theirs.test>\r\nRCPT TO:<all@theirs.test>\r\nDATA\r\n",
    "=?utf-8?q?x=0D=0ABcc:_all=40theirs.test?=",
];

fn notices(evil: &str) -> Vec<Value> {
    let link = format!("https://gantry.test/{evil}");
    vec![
        json!({ "payment_failed": { "amount": 1, "reason": evil, "link": link } }),
        json!({ "order_delivered": { "order": evil, "text": evil } }),
        json!({ "email_changed": { "to": evil } }),
        json!({ "fair_use": { "window": evil, "used_percent": 90, "resets_at": 0 } }),
    ]
}

#[tokio::test]
async fn no_text_makes_a_header_a_recipient_or_a_mail() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let ann = world.customer("ann@theirs.test", None).await;
    let mut count = 0;
    for evil in EVIL {
        for notice in notices(evil) {
            tell(&world, &ann, &format!("event:{count}"), notice).await;
            count += 1;
        }
    }
    server.nth("ann@theirs.test", count - 1).await;
    let mails = server.mails("ann@theirs.test");
    assert_eq!(server.seen("mail").len(), count, "a mail for each notice and no other");
    for mail in mails {
        let head = mail.raw.split("\r\n\r\n").next().unwrap_or_default().to_lowercase();
        assert!(!head.contains("\r\nbcc:") && mail.header("bcc").is_empty(), "{head}");
        assert_eq!(mail.envelope["to"], json!(["ann@theirs.test"]));
        assert_eq!(mail.to[0]["address"], "ann@theirs.test");
        let known = [
            "auto-submitted",
            "content-type",
            "date",
            "from",
            "message-id",
            "mime-version",
            "subject",
            "to",
        ];
        for header in &mail.headers {
            let name = header["key"].as_str().unwrap_or_default();
            assert!(known.contains(&name), "{name} in {head}");
        }
    }
}

#[tokio::test]
async fn an_address_that_is_more_than_one_is_written_to_by_nobody() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    for to in [
        "ann@theirs.test\r\nRCPT TO:<all@theirs.test>",
        "ann@theirs.test>\r\nDATA",
        "ann@theirs.test, all@theirs.test",
        "\"ann\\\" <all@theirs.test>\"@theirs.test",
        "ann@theirs.test\0",
        "\u{fc}@theirs.test",
    ] {
        let request = Client::new().post(world.at("/admin/api/email/templates/test"));
        let body = json!({ "template": "topped_up", "to": to });
        let reply = request.bearer_auth(world.admin_token()).json(&body).send().await;
        let reply = reply.expect("an answer");
        assert_eq!(reply.status(), 422, "{to:?}");
        let body: Value = reply.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["field"], "to");
    }
    assert!(server.seen("rcpt").is_empty(), "{:#?}", server.seen("rcpt"));
}
