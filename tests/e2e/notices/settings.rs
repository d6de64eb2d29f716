//! `/admin/api/smtp/settings`, `/admin/api/smtp/test`, `/admin/api/email/templates` and
//! `/admin/api/email/templates/test`.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tests::mail::{FROM, MailServer, PASSWORD};
use tests::world::World;

const SETTINGS: &str = "/admin/api/smtp/settings";

async fn ask(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = Client::new().request(method, world.at(path)).bearer_auth(world.admin_token());
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let reply = request.send().await.expect("an answer");
    (reply.status().as_u16(), reply.json().await.expect("JSON"))
}

#[tokio::test]
async fn settings_are_kept_and_no_secret_is_ever_shown() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let (status, read) = ask(&world, Method::GET, SETTINGS, None).await;
    assert_eq!(status, 200);
    assert_eq!((&read["via"], &read["from_address"]), (&json!("smtp"), &json!(FROM)));
    assert_eq!(read["smtp"]["has_password"], true);
    assert!(!read.to_string().contains(PASSWORD), "{read}");
    let rows = world.sql("SELECT value FROM settings WHERE name = 'mail'", vec![]).await;
    assert!(!format!("{rows:?}").contains(PASSWORD), "the password is kept sealed");
}

#[tokio::test]
async fn a_password_stays_for_its_server_and_goes_to_no_other() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let mut wish = server.settings("tls");
    wish["smtp"].as_object_mut().expect("an object").remove("password");
    let (status, kept) = ask(&world, Method::POST, SETTINGS, Some(wish.clone())).await;
    assert_eq!((status, &kept["smtp"]["has_password"]), (200, &json!(true)));
    let test = Some(json!({ "to": "ann@theirs.test" }));
    let (_, sent) = ask(&world, Method::POST, "/admin/api/smtp/test", test).await;
    assert_eq!(sent["ok"], true, "{sent}");
    wish["smtp"]["host"] = json!("127.0.0.1");
    let (status, refused) = ask(&world, Method::POST, SETTINGS, Some(wish)).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!("smtp.password")));
}

#[tokio::test]
async fn what_cannot_work_is_refused_by_the_name_of_the_field() {
    let server = MailServer::start().await;
    let world = World::start().await;
    for (pointer, value, field) in [
        ("/via", json!("pigeon"), "via"),
        ("/from_address", json!("hello@gantry.test\r\nBcc: x@y.test"), "from_address"),
        ("/from_name", json!("Gantry\r\nBcc: x@y.test"), "from_name"),
        ("/smtp/security", json!("none"), "smtp.security"),
        ("/smtp/port", json!(25), "smtp.port"),
        ("/smtp/host", json!("smtp.example.com\r\n"), "smtp.host"),
        ("/smtp", json!(null), "smtp"),
    ] {
        let mut wish = server.settings("starttls");
        *wish.pointer_mut(pointer).expect("a place") = value;
        let (status, refused) = ask(&world, Method::POST, SETTINGS, Some(wish)).await;
        assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!(field)), "{refused}");
    }
}

#[tokio::test]
async fn in_production_nothing_goes_to_a_private_network() {
    let server = MailServer::start().await;
    let world = World::plan().var("ENVIRONMENT", "production").start().await;
    let (status, refused) = ask(&world, Method::POST, SETTINGS, Some(server.settings("tls"))).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!("smtp.host")));
}

#[tokio::test]
async fn every_template_can_be_read_and_sent() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let (status, templates) = ask(&world, Method::GET, "/admin/api/email/templates", None).await;
    assert_eq!(status, 200);
    let templates = templates.as_array().cloned().unwrap_or_default();
    assert!(templates.len() >= 19, "{templates:#?}");
    for template in &templates {
        let name = template["name"].as_str().expect("a name");
        let to = format!("{name}@theirs.test");
        let body = Some(json!({ "template": name, "to": to }));
        let path = "/admin/api/email/templates/test";
        let (status, sent) = ask(&world, Method::POST, path, body).await;
        assert_eq!((status, &sent["ok"]), (200, &json!(true)), "{name}: {sent}");
        let mail = server.next(&to).await;
        assert_eq!(mail.subject, template["subject"], "{name}");
        let same = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
        assert_eq!(same(&mail.text), same(template["text"].as_str().unwrap_or_default()), "{name}");
        assert_eq!(same(&mail.html), same(template["html"].as_str().unwrap_or_default()), "{name}");
        let foreign = ["<img", "<script", "src=", "url("];
        assert!(foreign.iter().all(|it| !mail.html.contains(it)), "{name}: {}", mail.html);
    }
    let body = Some(json!({ "template": "none", "to": "ann@theirs.test" }));
    let (status, refused) =
        ask(&world, Method::POST, "/admin/api/email/templates/test", body).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!("template")));
}
