//! Turns of a codex that pays for its models by itself take the same purse.

use super::*;

/// What an account's object answers to a command.
async fn tell(desk: &Desk, command: Value) -> Value {
    let object = desk.world.object("ACCOUNT", &desk.account.id);
    object.command(&command).await.expect("an answer")
}

fn ended(turn: &str, input: u64, output: u64) -> Value {
    let price = json!({
        "id": 1, "input": 5_000_000, "cached_input": null, "output": 30_000_000,
        "reasoning": null, "per_call": 0, "input_billing": "new_context",
    });
    json!({
        "thread": "t", "turn": turn,
        "terms": { "model": "gpt-5.5", "price": price, "holder": "static" },
        "used": {
            "tokens": { "inputTokens": input, "outputTokens": output },
            "fresh": { "input": input, "cached": 0 },
        },
        "whole": true,
    })
}

#[tokio::test]
async fn a_turn_on_a_machine_is_paid_by_the_plan_once_and_its_hold_outlives_the_runtime() {
    let mut desk = subscriber("0.08", "0.16").await;
    let limits = json!({ "five_hours": 60_000_000, "three_days": 250_000_000 });
    let quote = json!({ "floor": 10, "wanted": 70_000 });
    let call = "req_00000000000000000000000000000007";
    let hold = json!({ "hold_turn": { "call": call, "quote": quote, "fair_use": limits } });
    assert_eq!(tell(&desk, hold).await, "done");
    assert_eq!(standing(&desk).await["reserved_micro_usd"], 70_000);
    desk.world.kill9();
    desk.world.restart().await;
    assert_eq!(standing(&desk).await["reserved_micro_usd"], 70_000);
    let post = json!({ "post_turn": { "call": call, "ended": ended("one", 1_000, 100) } });
    assert_eq!(tell(&desk, post.clone()).await, "done");
    assert_eq!(tell(&desk, post).await, "done");
    assert_eq!(standing(&desk).await["reserved_micro_usd"], 0);
    assert_eq!(used(&desk).await, [CALL_MICROS; 2]);
    let [charge] = &desk.account.charges(1).await[..] else { unreachable!() };
    assert_eq!((charge.purse.as_str(), charge.charged_micro_usd.micros()), ("unlimited", 0));
    // One whose hold is over is paid by what is left, and no further.
    let late = "req_00000000000000000000000000000008";
    let post = json!({ "post_turn": { "call": late, "ended": ended("two", 20_000, 0) } });
    assert_eq!(tell(&desk, post).await, "done");
    assert_eq!(used(&desk).await, [80_000; 2]);
    let quote = json!({ "floor": 10, "wanted": 70_000 });
    let again = json!({ "hold_turn": { "call": late, "quote": quote, "fair_use": limits } });
    let refused = tell(&desk, again).await;
    assert_eq!(refused["refused"]["code"], "fair_use_exceeded", "{refused}");
}
