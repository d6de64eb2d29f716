//! What strangers try: floods, guessing, and finding out who has an account.

use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};

use super::{EMAIL, Guest, LOGIN, PASSWORD, REGISTER, desk, from, post, wish};
use crate::desk::{Desk, Reply};

const HERE: &str = "203.0.113.7";
const OWNERS: &str = "192.0.2.1";

async fn try_from(desk: &Desk, address: &str, name: &str, password: &str) -> Reply {
    let body = json!({ "username": name, "password": password });
    Reply::to(from(desk, address, LOGIN, &body)).await
}

#[tokio::test]
async fn a_flood_of_registrations_from_one_address_makes_few_accounts() {
    let desk = desk().await;
    let requests = (0..500).map(|n| {
        // One household has a whole /64.
        let address = format!("2001:db8:7:7::{n:x}");
        Reply::to(from(&desk, &address, REGISTER, &wish(&format!("flood{n}@example.com"))))
    });
    let replies: Vec<Reply> = stream::iter(requests).buffer_unordered(25).collect().await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(made, 20);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        refused.refuses(429, "rate_limit_exceeded", "Try again in");
        assert!((1..=3_600).contains(&refused.number("retry-after")), "{refused:?}");
    }
    let rows = desk.world.sql("SELECT count(*) AS n FROM accounts", vec![]).await;
    assert_eq!(rows[0]["n"], 21);
    let neighbour = from(&desk, "2001:db8:7:8::1", REGISTER, &wish(EMAIL));
    assert_eq!(desk.send(neighbour).await.status, 201);
}

#[tokio::test]
async fn strangers_who_guess_from_everywhere_slow_down_and_the_owner_is_not_locked_out() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(try_from(&desk, OWNERS, EMAIL, PASSWORD).await.status, 200);
    let guess = |n: usize| format!("198.51.100.{n}");
    for n in 0..10 {
        let name = if n % 2 == 0 { EMAIL } else { &guest.username };
        let reply = try_from(&desk, &guess(n), name, "a wrong password").await;
        reply.refuses(401, "authentication_required", "together");
    }
    for n in 10..14 {
        let reply = try_from(&desk, &guess(n), EMAIL, PASSWORD).await;
        reply.refuses(429, "rate_limit_exceeded", "Try again in");
    }
    for _ in 0..12 {
        let reply = try_from(&desk, OWNERS, EMAIL, PASSWORD).await;
        assert_eq!(reply.json()["apiKey"]["token"], guest.key.as_str());
    }
}

#[tokio::test]
async fn one_address_guesses_at_many_accounts_no_longer_than_at_one() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(try_from(&desk, HERE, EMAIL, PASSWORD).await.status, 200);
    for n in 0..20 {
        let reply = try_from(&desk, HERE, &format!("somebody{n}@example.com"), PASSWORD).await;
        reply.refuses(401, "authentication_required", "together");
        // Signing in to an account of one's own gives no guess back.
        assert_eq!(try_from(&desk, HERE, EMAIL, PASSWORD).await.status, 200);
    }
    let reply = try_from(&desk, HERE, "somebody@example.com", PASSWORD).await;
    reply.refuses(429, "rate_limit_exceeded", "Try again in");
    // The owner came in here before, whatever a neighbour does.
    let mine = try_from(&desk, HERE, EMAIL, PASSWORD).await;
    assert_eq!(mine.json()["apiKey"]["token"], guest.key.as_str());
    let elsewhere = try_from(&desk, OWNERS, "somebody@example.com", PASSWORD).await;
    elsewhere.refuses(401, "authentication_required", "together");
}

/// A body without what is another's in every answer.
fn without_ids(reply: &Reply) -> Value {
    let mut body = reply.json();
    for place in ["/id", "/username", "/apiKey/id", "/apiKey/token"] {
        let value = body.pointer_mut(place).expect("a member");
        *value = json!(value.as_str().expect("text").len());
    }
    body
}

fn headers(reply: &Reply) -> Vec<String> {
    let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

#[tokio::test]
async fn registering_an_address_that_has_an_account_answers_as_any_other() {
    let desk = desk().await;
    let owner = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(owner.verify(&desk).await.status, 200);
    let taken = post(&desk, REGISTER, &wish(EMAIL)).await;
    let free = post(&desk, REGISTER, &wish("bob@example.com")).await;
    assert_eq!((taken.status, free.status), (201, 201));
    assert_eq!(without_ids(&taken), without_ids(&free));
    assert_eq!(headers(&taken), headers(&free));
    // Neither does signing in with it tell, nor asking who one is.
    let [taken, free] = [(taken, EMAIL), (free, "bob@example.com")].map(|(reply, email)| {
        let guest = Guest::of(&reply);
        (guest, email)
    });
    let mut seen = Vec::new();
    for (guest, email) in [taken, free] {
        let mut body = wish(email);
        body["password"] = json!("a password of the newcomer");
        let me = guest.me(&desk).await["person"].clone();
        let again = super::login(&desk, &guest.username, PASSWORD).await;
        let claim = json!({ "email": "carl@example.com" });
        let changed = guest.change(&desk, "/api/v1/me/email", &claim).await;
        seen.push((me["emailVerified"].clone(), again.status, changed.status, changed.json()));
    }
    assert_eq!(seen[0], seen[1]);
}

/// Whoever claims an address with a password of their own signs in by it, whether or not it is
/// somebody's: everybody who claims it has the same salt, and one computation.
#[tokio::test]
async fn signing_in_with_a_claimed_address_does_not_tell_whether_it_has_an_owner() {
    let desk = desk().await;
    let owner = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(owner.verify(&desk).await.status, 200);
    let mut ids = Vec::new();
    for email in [EMAIL, "bob@example.com"] {
        let mut body = wish(email);
        body["password"] = json!("a password of the newcomer");
        let stranger = Guest::of(&post(&desk, REGISTER, &body).await);
        let reply = super::login(&desk, email, "a password of the newcomer").await;
        assert_eq!((reply.status, &reply.json()["id"]), (200, &json!(stranger.id)), "{reply:?}");
        ids.push(reply.json()["id"].clone());
    }
    assert_ne!(ids[0], owner.id.as_str());
    // The owner is still found by it, with the owner's password.
    let mine = super::login(&desk, EMAIL, PASSWORD).await;
    assert_eq!(mine.json()["id"], owner.id.as_str());
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_refused_in_the_same_words_and_as_often() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let mut told = Vec::new();
    for (n, name) in [EMAIL, "nobody@example.com", &guest.username, "nobody", "not@an@address"]
        .into_iter()
        .enumerate()
    {
        let mut answers = Vec::new();
        for m in 0..12 {
            // Each from an address of its own, so that only the account's limit shows.
            let reply = try_from(&desk, &format!("10.{n}.{m}.1"), name, "a wrong password").await;
            let body: Value = reply.json();
            let text = body["detail"].as_str().expect("text").to_owned();
            let digits = |c: char| c.is_ascii_digit();
            answers.push((reply.status, text.replace(digits, ""), headers(&reply)));
        }
        told.push((name, answers));
    }
    // The username and the mail address are tried as the same account.
    let [mail, nobody, username, ..] = &told[..] else { panic!("{told:?}") };
    assert_eq!(mail.1, nobody.1);
    assert!(username.1.iter().all(|(status, ..)| *status == 429), "{username:?}");
    assert_eq!(told[3].1, nobody.1);
    assert_eq!(told[4].1, nobody.1);
}

#[tokio::test]
async fn when_limits_cannot_be_kept_nobody_is_let_in() {
    let mut desk = desk().await;
    Guest::arrive(&desk, EMAIL).await;
    desk.world.fill_disk(0);
    let reply = try_from(&desk, OWNERS, EMAIL, PASSWORD).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    desk.world.free_disk();
    desk.world.restart().await;
    assert_eq!(try_from(&desk, OWNERS, EMAIL, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_key_that_stands_in_a_page_tells_neither_the_username_nor_the_person() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let wish = json!({ "user_id": guest.id, "kind": "publishable" });
    let made = desk.send(desk.admin("POST", "/admin/api/api-keys").json(&wish)).await.json();
    let key = made["token"].as_str().expect("a key").to_owned();
    let reply = desk.send(desk.request("GET", "/api/v1/me").bearer_auth(&key)).await;
    let (told, me) = (String::from_utf8_lossy(&reply.bytes).into_owned(), reply.json());
    assert_eq!((reply.status, &me["id"]), (200, &json!(guest.id)), "{told}");
    assert!(!told.contains(&guest.username) && !told.contains(EMAIL), "{told}");
    assert_eq!(guest.me(&desk).await["username"], guest.username.as_str());
}
