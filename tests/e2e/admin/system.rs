//! The operator's pages of machines, codex, books and what was done: `/admin/runners`,
//! `/admin/codex`, `/admin/payments` and `/admin/audit`.

use crate::desk::Desk;

#[tokio::test]
async fn a_page_about_what_is_not_there_says_so_and_stays_of_use() {
    let desk = Desk::open().await;
    let page = async |path: &str| {
        let reply = desk.send(desk.admin("GET", path)).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.text().to_owned()
    };
    let nobody = page("/admin/codex?account=nobody").await;
    assert!(nobody.contains("There is no account `nobody`"), "{nobody}");
    assert!(page("/admin/codex").await.contains("never started"));
    let hostile = page("/admin/audit?actor=%3Cscript%3E&text=%22%3E").await;
    assert!(hostile.contains("Nothing like that was done"), "{hostile}");
    assert!(!hostile.contains("<script>") && hostile.contains("&#60;script&#62;"), "{hostile}");
    for wrong in ["/admin/audit?after=x", "/admin/payments?after=5", "/admin/runners?after=x"] {
        assert_eq!(desk.send(desk.admin("GET", wrong)).await.status, 422, "{wrong}");
    }
}
