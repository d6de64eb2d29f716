//! The stock CLI shows a subscriber where the windows stand.

use tests::codex::Cli;
use tests::packages::Codex;
use tests::terminal::ENTER;

use super::*;

#[tokio::test]
async fn every_version_learns_the_windows_from_an_answer() {
    let desk = subscriber("0.08", "0.16").await;
    calls(&desk, 0, 2).await;
    for version in [Codex::Pinned, Codex::Newest] {
        let client =
            Cli::new(version, &desk.world.url(), &desk.account.key).expect("an installation");
        let limits =
            client.limits("rehearse: say hi; usage input=10 output=1").await.expect("limits");
        let window = |name: &str| {
            let window = &limits[name];
            (window["windowDurationMins"].clone(), window["usedPercent"].clone())
        };
        assert_eq!(window("primary"), (json!(300), json!(20)), "{limits}");
        assert_eq!(window("secondary"), (json!(4_320), json!(10)), "{limits}");
    }
}

#[tokio::test]
async fn a_person_at_a_terminal_reads_where_the_windows_stand_and_when_the_plan_comes_back() {
    let desk = subscriber("0.08", "0.16").await;
    calls(&desk, 0, 2).await;
    let client =
        Cli::new(Codex::Pinned, &desk.world.url(), &desk.account.key).expect("an installation");
    let mut terminal = client.terminal().expect("a terminal");
    terminal.wait_for("›").await;
    terminal.paste("rehearse: say forty two").await;
    terminal.press(ENTER);
    terminal.wait_for("• forty two").await;
    terminal.paste("/status").await;
    terminal.press(ENTER);
    let screen = terminal.wait_for("Token usage:").await;
    assert!(screen.contains("5h limit:") && screen.contains("80% left"), "{screen}");
    assert!(screen.contains("90% left"), "{screen}");
    terminal.paste("/quit").await;
    terminal.press(ENTER);
    assert!(terminal.end().await.expect("an end").success());
    limit(&desk, "0.00", "0.16").await;
    let turn = client.exec("Say hi").await.expect("a turn");
    let failure = turn.failure().expect("a failure");
    assert!(
        failure.starts_with("Your Unlimited plan's fair use") && !turn.tried_again(),
        "{turn:?}"
    );
}
