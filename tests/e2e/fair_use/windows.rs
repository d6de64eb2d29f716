//! The windows of five hours and three days, by calls and by the clock.

use super::*;

#[tokio::test]
async fn calls_of_a_subscriber_cost_the_wallet_nothing_and_count_in_both_windows() {
    let desk = subscriber("0.08", "0.16").await;
    calls(&desk, 0, 3).await;
    let charges = desk.account.charges(3).await;
    for charge in &charges {
        assert_eq!(charge.charged_micro_usd.micros(), 0);
        assert_eq!(
            (charge.purse.as_str(), charge.covered_micro_usd.micros()),
            ("unlimited", CALL_MICROS)
        );
        assert_eq!((charge.input_tokens, charge.output_tokens), (1_000, 100));
    }
    assert_eq!(used(&desk).await, [3 * CALL_MICROS; 2]);
    let usage = desk.account.token_usage().await;
    assert_eq!((usage.daily[0].requests, usage.daily[0].input_tokens), (3, 3_000));
    assert_eq!(usage.wallet.balance_micro_usd.micros(), 0);
    let rows = desk.world.operator().rows(&desk.account.id).await.expect("rows");
    assert_eq!(rows.iter().map(|row| row.reserved_micro_usd.micros()).sum::<i64>(), 0);
    assert!(rows.iter().all(|row| row.held_micro_usd.micros() == 0), "{rows:?}");
}

#[tokio::test]
async fn a_full_window_refuses_until_the_clock_has_passed_it_and_the_longer_one_refuses_then() {
    let mut desk = subscriber("0.08", "0.16").await;
    calls(&desk, 0, 10).await;
    let reply = desk.respond(&ask(CALL)).await;
    reply.refuses(429, "fair_use_exceeded", "fair use of 5 hours is used up. Let your wallet pay");
    let wait = reply.number("retry-after");
    assert!((5 * 3_600 - 60..=5 * 3_600 + 1).contains(&wait), "{reply:?}");
    // What was used leaves by the second in which it was used, so not before the first was.
    later(&mut desk, 5 * HOUR_MS - 60_000).await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
    later(&mut desk, 5 * HOUR_MS + 1_000).await;
    assert_eq!(used(&desk).await, [0, 10 * CALL_MICROS]);
    calls(&desk, 10, 10).await;
    let reply = desk.respond(&ask(CALL)).await;
    reply.refuses(429, "fair_use_exceeded", "fair use of 3 days is used up.");
    let wait = reply.number("retry-after");
    assert!((67 * 3_600 - 60..=67 * 3_600 + 1).contains(&wait), "{reply:?}");
    later(&mut desk, 3 * DAY_MS + 1_000).await;
    assert_eq!(used(&desk).await, [0, 10 * CALL_MICROS]);
    calls(&desk, 20, 10).await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
}

#[tokio::test]
async fn each_answer_says_where_the_windows_stand() {
    let desk = subscriber("0.08", "0.16").await;
    calls(&desk, 0, 1).await;
    let begun = now_ms() / 1_000;
    let reply = desk.respond(&ask(CALL)).await;
    let told = |name: &str| reply.header(&format!("x-codex-{name}")).to_owned();
    assert_eq!(
        (told("primary-used-percent"), told("secondary-used-percent")),
        ("10.00".into(), "5.00".into())
    );
    assert_eq!(
        (told("primary-window-minutes"), told("secondary-window-minutes")),
        ("300".into(), "4320".into())
    );
    let resets = |name: &str| reply.number(&format!("x-codex-{name}-reset-at")) - begun;
    assert!((5 * 3_600 - 30..=5 * 3_600 + 1).contains(&resets("primary")), "{reply:?}");
    assert!((72 * 3_600 - 30..=72 * 3_600 + 1).contains(&resets("secondary")), "{reply:?}");
    assert_eq!(
        (told("credits-unlimited"), told("credits-balance")),
        ("false".into(), "0.00".into())
    );
    desk.account.charges(2).await;
    let shown = desk.send(desk.get("/api/v1/wallet/subscription")).await.json();
    assert_eq!((&shown["status"], &shown["active"]), (&json!("active"), &json!(true)));
    assert_eq!(shown["windows"][0]["usedPercent"], "20.00");
    assert_eq!(shown["windows"][1]["minutes"], 4_320);
}

#[tokio::test]
async fn a_call_that_is_bigger_than_what_is_left_is_cut_at_it_and_the_rest_is_ours() {
    let desk = subscriber("0.02", "0.16").await;
    calls(&desk, 0, 3).await;
    // The third was answered in whole: it cost 8,000 of the 4,000 that were left.
    let covered: Vec<_> =
        desk.account.charges(3).await.iter().map(|it| it.covered_micro_usd.micros()).collect();
    assert_eq!(covered, [8_000, 8_000, 4_000]);
    assert_eq!(used(&desk).await, [20_000; 2]);
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
}

#[tokio::test]
async fn the_wallet_pays_what_the_plan_does_not_only_where_the_customer_wants_that() {
    let desk = Desk::of(World::plan(), "1.00").await;
    subscribe(&desk.world, &desk.account).await;
    limit(&desk, "0.02", "0.16").await;
    calls(&desk, 0, 2).await;
    set_fallback(&desk, true).await;
    calls(&desk, 2, 2).await;
    let charges = desk.account.charges(4).await;
    let paid: Vec<_> = charges
        .iter()
        .map(|it| (it.purse.as_str(), it.covered_micro_usd.micros(), it.charged_micro_usd.micros()))
        .collect();
    assert_eq!(
        paid,
        [
            ("unlimited", 8_000, 0),
            ("unlimited", 8_000, 0),
            ("both", 4_000, 4_000),
            ("wallet", 0, 8_000)
        ]
    );
    assert_eq!(desk.account.me().await.wallet.balance_micro_usd.micros(), 988_000);
    set_fallback(&desk, false).await;
    desk.respond(&ask(CALL)).await.refuses(429, "fair_use_exceeded", "5 hours is used up");
}

#[tokio::test]
async fn with_both_used_up_it_is_the_wallet_that_wants_filling() {
    let desk = subscriber("0.00", "0.16").await;
    set_fallback(&desk, true).await;
    let reply = desk.respond(&ask(CALL)).await;
    reply.refuses(402, "insufficient_credit", "Your wallet, which pays meanwhile, holds $0.00.");
    desk.check_untouched().await;
}

#[tokio::test]
async fn the_stock_cli_reads_in_plain_words_when_the_plan_comes_back() {
    let desk = subscriber("0.008", "0.16").await;
    calls(&desk, 0, 1).await;
    let request = desk.post("/v1/responses").header("originator", "codex_cli_rs").json(&ask(CALL));
    let reply = desk.send(request).await;
    assert_eq!(reply.status, 400, "{reply:?}");
    let words = "Your Unlimited plan's fair use of 5 hours is used up. Let your wallet pay \
                 meanwhile, or come back at 20";
    assert!(reply.text().starts_with(words), "{reply:?}");
}

#[tokio::test]
async fn who_has_no_plan_pays_as_ever() {
    let desk = Desk::of(World::plan(), "1.00").await;
    limit(&desk, "5.00", "5.00").await;
    calls(&desk, 0, 1).await;
    let [charge] = &desk.account.charges(1).await[..] else { unreachable!() };
    assert_eq!((charge.purse.as_str(), charge.charged_micro_usd.micros()), ("wallet", CALL_MICROS));
    let reply = desk.respond(&ask(CALL)).await;
    assert_eq!(reply.header("x-codex-primary-window-minutes"), "60");
    assert_eq!(reply.header("x-codex-secondary-window-minutes"), "");
    let shown = desk.send(desk.get("/api/v1/wallet/subscription")).await.json();
    assert_eq!((&shown["status"], &shown["active"]), (&json!("none"), &json!(false)));
}
