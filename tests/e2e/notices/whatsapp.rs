//! WhatsApp: what is meant for phones goes there, too, and nothing that opens an account does.

use serde_json::{Value, json};
use tests::messages::{Messages, TOKEN};
use tests::world::World;

use super::{low_balance, records, tell};

const PHONE: &str = "+4915112345678";

async fn world(provider: &Messages) -> World {
    let settings = json!({ "via": "off", "whatsapp": provider.provider("/messages") });
    World::plan().with_mail_settings(settings).start().await
}

#[tokio::test]
async fn a_message_to_a_phone_is_posted_as_it_is_described_and_once() {
    let provider = Messages::start().await;
    let world = world(&provider).await;
    let ann = world.customer("ann@theirs.test", Some(PHONE)).await;
    for _ in 0..3 {
        tell(&world, &ann, "low_balance:1", low_balance()).await;
    }
    let taken = provider.taken(1).await;
    assert_eq!(taken[0]["bearer"], format!("Bearer {TOKEN}"));
    let text = "Gantry: Your balance is below $2.00\n$1.50 is left. Requests are refused when it \
                is used up.\nTop up: https://gantry.test/wallet";
    let body = json!({ "to": PHONE, "type": "text", "text": { "body": text } });
    assert_eq!(taken[0]["body"], body);
    assert!(provider.invalid().is_empty(), "{:#?}", provider.invalid());
    let told = records(&world, &ann).await;
    let state = |channel: &str| -> Vec<&Value> {
        told.iter().filter(|it| it["channel"] == channel).map(|it| &it["state"]).collect()
    };
    assert_eq!(state("mail"), ["suppressed"], "mail is off here: {told:#?}");
    assert_eq!(state("whatsapp").len(), 1);
}

#[tokio::test]
async fn what_opens_an_account_goes_to_no_phone() {
    let provider = Messages::start().await;
    let world = world(&provider).await;
    let ann = world.customer("ann@theirs.test", Some(PHONE)).await;
    let link = "https://gantry.test/reset?token=x";
    tell(&world, &ann, "reset:1", json!({ "reset_password": { "link": link } })).await;
    tell(&world, &ann, "low_balance:1", low_balance()).await;
    provider.taken(1).await;
    let told = records(&world, &ann).await;
    let phones: Vec<_> = told.iter().filter(|it| it["channel"] == "whatsapp").collect();
    assert_eq!(phones.len(), 1, "{told:#?}");
    assert_eq!(phones[0]["template"], "low_balance");
}
