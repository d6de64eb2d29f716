//! Links that open a page signed in: `/api/v1/auth/sso`.

use functions::domain::session::{Link, SESSION, SSO};
use futures::future::join_all;

use super::{SECRET, SSO_PATH, Stage, kept, sign};
use crate::desk::Reply;

impl Stage {
    async fn look(&self, token: &str) -> Reply {
        Reply::to(self.get(&format!("{SSO_PATH}?token={token}"))).await
    }
}

#[tokio::test]
async fn a_link_opens_its_page_once() {
    let stage = Stage::open().await;
    let token = stage.token("/wallet?pack=25");
    let opened = stage.exchange(&token).await;
    assert_eq!((opened.status, opened.header("location")), (303, "/wallet?pack=25"));
    stage.check(&kept(&opened), true).await;
    let again = stage.exchange(&token).await;
    again.refuses(403, "permission_denied", "has been used");
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_gets_in() {
    let stage = Stage::open().await;
    let token = stage.token("/wallet");
    let replies = join_all((0..20).map(|_| stage.exchange(&token))).await;
    let opened: Vec<_> = replies.iter().filter(|reply| reply.status == 303).collect();
    let refused = replies.iter().filter(|reply| reply.status == 403).count();
    assert_eq!((opened.len(), refused), (1, 19), "{replies:#?}");
}

#[tokio::test]
async fn a_used_link_stays_used_after_a_crash() {
    let mut stage = Stage::open().await;
    let token = stage.token("/wallet");
    assert_eq!(stage.exchange(&token).await.status, 303);
    stage.world.kill9();
    stage.world.restart().await;
    stage.exchange(&token).await.refuses(403, "permission_denied", "has been used");
}

#[tokio::test]
async fn a_program_that_looks_at_a_link_uses_nothing_up_and_learns_nothing() {
    let stage = Stage::open().await;
    let token = stage.token("/wallet");
    for _ in 0..3 {
        let page = stage.look(&token).await;
        assert_eq!((page.status, page.header("set-cookie")), (200, ""), "{page:?}");
        for secret in [&stage.account.id, &stage.account.username, &stage.account.key] {
            assert!(!page.text().contains(secret.as_str()), "{page:?}");
        }
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(!page.text().contains("http"), "nothing of elsewhere: {}", page.text());
    }
    let head = Reply::to(stage.http.head(stage.world.at(&format!("{SSO_PATH}?token={token}"))));
    assert_eq!(head.await.status, 200);
    assert_eq!(stage.exchange(&token).await.status, 303);
}

#[tokio::test]
async fn who_is_signed_in_is_moved_to_another_account_by_their_own_hand_only() {
    let stage = Stage::open().await;
    let (token, cookie) = (stage.token("/wallet"), stage.session().await);
    assert!(stage.look(&token).await.text().contains("<script>"));
    let path = format!("{SSO_PATH}?token={token}");
    let page = Reply::to(stage.get(&path).header("cookie", cookie)).await;
    assert!(!page.text().contains("<script>") && page.text().contains("<button"), "{page:?}");
}

#[tokio::test]
async fn nobody_makes_a_link_but_we() {
    let stage = Stage::open().await;
    let link = |next: &str, epoch| Link { account: stage.id(), epoch, next: next.to_owned() };
    let real = stage.token("/wallet");
    let (text, tag) = real.split_once('.').expect("two parts");
    let (other, _) = stage
        .token("/account")
        .split_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("two parts");
    for wrong in [
        sign("another-secret-that-the-world-does-not-have", SSO, 60_000, link("/wallet", 0)),
        sign(SECRET, SESSION, 60_000, link("/wallet", 0)),
        sign(SECRET, "reset", 60_000, link("/wallet", 0)),
        sign(SECRET, SSO, 0, link("/wallet", 0)),
        sign(SECRET, SSO, -60_000, link("/wallet", 0)),
        format!("{other}.{tag}"),
        format!("{text}."),
        text.to_owned(),
        "x".to_owned(),
        String::new(),
    ] {
        for reply in [stage.look(&wrong).await, stage.exchange(&wrong).await] {
            reply.refuses(403, "permission_denied", "This link is not good");
            assert_eq!(reply.header("set-cookie"), "");
        }
    }
    let called_back = sign(SECRET, SSO, 60_000, link("/wallet", 1));
    stage.exchange(&called_back).await.refuses(403, "permission_denied", "called back");
    assert_eq!(stage.exchange(&real).await.status, 303);
}

#[tokio::test]
async fn another_sites_form_opens_nothing() {
    let stage = Stage::open().await;
    let token = stage.token("/wallet");
    let form = [("token", token.as_str())];
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("x-nothing", "said"),
    ] {
        let reply = Reply::to(stage.post(SSO_PATH).header(name, value).form(&form)).await;
        reply.refuses(403, "permission_denied", "own pages only");
    }
    let json = stage.own_post(SSO_PATH).json(&serde_json::json!({ "token": token }));
    Reply::to(json).await.refuses(415, "unsupported_media_type", "as a form");
    let empty = stage.own_post(SSO_PATH).form(&[("x", "y")]);
    Reply::to(empty).await.refuses(422, "validation_error", "token");
    assert_eq!(stage.exchange(&token).await.status, 303);
}

#[tokio::test]
async fn a_person_reads_a_refusal_as_a_page() {
    let stage = Stage::open().await;
    let request = stage.get(&format!("{SSO_PATH}?token=x")).header("accept", "text/html");
    let page = Reply::to(request).await;
    assert_eq!((page.status, page.header("content-type")), (403, "text/html; charset=utf-8"));
    assert!(page.text().contains("This link is not good"), "{page:?}");
}
