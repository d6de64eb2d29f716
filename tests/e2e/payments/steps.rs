//! The runtime is killed at every step of a payment that has a name, by each way on which the rest
//! is done: the customer who comes back, Stripe's events, the sweeper. Every time the wish is one
//! page at Stripe, and the ledger is what Stripe's state comes to.

use std::collections::BTreeSet;
use std::future::Future;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tests::source::Source;
use tests::world::World;
use tokio::time::{Instant, sleep};

use super::shop::{CHECKOUT, CONFIRM, PATIENCE, POLL, Shop, WEBHOOK, text};
use crate::desk::Reply;

/// From the wish to the page on which it is paid.
const WISHING: [&str; 8] = [
    "wish:writing",
    "wish:written",
    "wish:listed",
    "page:asking",
    "page:made",
    "page:storing",
    "page:stored",
    "payment:noted",
];
/// From the question what became of a payment to its being known everywhere.
const BOOKING: [&str; 8] = [
    "payment:reading",
    "payment:read",
    "payment:entered",
    "payment:told",
    "payment:card-kept",
    "payment:booked",
    "payment:settled",
    "payment:noted",
];
/// What an event passes besides.
const HEARING: [&str; 5] =
    ["event:verified", "event:kept", "event:taken", "event:acted", "event:done"];
/// Only a credit leaves a card.
const OF_CREDIT: &str = "payment:card-kept";

const REFUND_CENTS: i64 = 1_333;

/// Who asks what became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Customer,
    Events,
    Sweeper,
}

struct Walk {
    shop: Shop,
    way: Way,
    /// Events that were taken.
    taken: BTreeSet<String>,
    walked: u32,
}

impl Walk {
    async fn begin(way: Way) -> Self {
        let shop = Shop::of(World::plan().var("FAULTS", "allowed")).await;
        Self { shop, way, taken: BTreeSet::new(), walked: 0 }
    }

    /// A wish, as its customer sends it each time.
    fn wish(&self, name: &str) -> RequestBuilder {
        let wish = json!({ "plan": "usd_50", "saveCard": true });
        self.shop.desk.post(CHECKOUT).header("idempotency-key", name).json(&wish)
    }

    /// Buys once and is given some of it back. At one step the runtime is killed.
    async fn buy(&mut self, wishing: &str, booking: &str, refunding: &str) {
        self.walked += 1;
        let name = format!("wish {}", self.walked);
        if !wishing.is_empty() {
            let wish = self.wish(&name);
            self.killed_at(wishing, async { drop(wish.send().await) }).await;
        }
        let opened = Reply::to(self.wish(&name)).await;
        assert!(matches!(opened.status, 200 | 201), "{opened:?}");
        let session = text(&opened.json()["sessionId"]);
        let paid = self.shop.stripe.pay(&session).await;
        self.find_out(booking, &session).await;
        let intent = text(&paid["payment_intent"]);
        self.shop.stripe.refund(&intent, Some(REFUND_CENTS)).await;
        self.find_out(refunding, &session).await;
        self.check().await;
    }

    /// Has the Worker find out what became of a payment, killed at a step.
    async fn find_out(&mut self, place: &str, session: &str) {
        if !place.is_empty() {
            let asked = self.ask_once(session).await;
            self.killed_at(place, asked).await;
        }
        let owed = self.shop.owed().await;
        match self.way {
            Way::Customer => assert_eq!(self.shop.confirm(session).await.status, 200),
            Way::Events => self.hear_again().await,
            Way::Sweeper => self.sweep().await,
        }
        self.shop.until_balance(owed).await;
    }

    /// The question that is cut off.
    async fn ask_once(&self, session: &str) -> impl Future<Output = ()> + Send + 'static {
        let desk = &self.shop.desk;
        let request = match self.way {
            Way::Customer => desk.post(CONFIRM).json(&json!({ "sessionId": session })),
            Way::Events => {
                // The first that is about the payment itself.
                let events = self.untaken().await;
                let money = |event: &&Value| text(&event["type"]).starts_with("charge");
                let event = events.iter().find(money).expect("an event").to_string();
                let signature = self.shop.stripe.sign(&event).await;
                let request = desk.request("POST", WEBHOOK).header("stripe-signature", signature);
                request.body(event)
            }
            Way::Sweeper => {
                self.make_due().await;
                // What is sent to its side entrance rings the timer.
                let database = self.shop.world().database().clone();
                return futures::future::Either::Left(async move {
                    drop(database.ring("* * * * *").await);
                });
            }
        };
        futures::future::Either::Right(async move { drop(request.send().await) })
    }

    async fn untaken(&self) -> Vec<Value> {
        let events = self.shop.stripe.events().await;
        events.into_iter().filter(|event| !self.taken.contains(&text(&event["id"]))).collect()
    }

    /// Stripe delivers again what was not acknowledged; the sweeper takes up what was.
    async fn hear_again(&mut self) {
        let events = self.untaken().await;
        let delivered = self.shop.stripe.deliver(&events, &self.shop.hook()).await;
        assert!(delivered.iter().all(tests::stripe::Delivered::taken), "{delivered:?}");
        self.taken.extend(events.iter().map(|event| text(&event["id"])));
        let sql = "UPDATE stripe_events SET due_at = 1 WHERE outcome IS NULL";
        self.shop.world().sql(sql, vec![]).await;
        self.shop.world().ring().await;
    }

    async fn sweep(&self) {
        self.make_due().await;
        self.shop.world().ring().await;
    }

    /// The moment comes at which each payment is looked at again.
    async fn make_due(&self) {
        self.shop.world().sql("UPDATE payments SET due_at = 1", vec![]).await;
    }

    /// Does something, and kills the runtime when it comes to a place.
    async fn killed_at(&mut self, place: &str, act: impl Future<Output = ()> + Send + 'static) {
        let before = self.freezes(place);
        let arm = Client::new().get(self.shop.world().at("/health"));
        let armed = arm.header("x-gantry-freeze", place).send().await.expect("an answer");
        assert!(armed.status().is_success(), "{armed:?}");
        let act = tokio::spawn(act);
        let deadline = Instant::now() + PATIENCE;
        while self.freezes(place) == before {
            assert!(Instant::now() < deadline, "nobody came to {place} ({:?})", self.way);
            sleep(POLL).await;
        }
        self.shop.desk.world.kill9();
        act.await.expect("no panic");
        self.shop.desk.world.restart().await;
    }

    fn freezes(&self, place: &str) -> usize {
        let line = format!("frozen at {place}");
        self.shop.world().log().lines().filter(|it| it.ends_with(&line)).count()
    }

    /// All that was bought so far is one page each at Stripe, one credit each, told once each.
    async fn check(&self) {
        let walked = usize::try_from(self.walked).expect("a few");
        let sessions = self.shop.stripe.all("checkout.session").await;
        assert_eq!((sessions.len(), self.shop.payments().await.len()), (walked, walked));
        let booked = self.shop.booked().await;
        let sources: BTreeSet<_> = booked.iter().map(|(source, _)| source).collect();
        assert_eq!(sources.len(), booked.len(), "a source was booked twice: {booked:#?}");
        let credits = booked.iter().filter(|(_, micros)| *micros > 0).count();
        assert_eq!((credits, booked.len()), (walked, 2 * walked), "{booked:#?}");
        assert_eq!(self.shop.balance().await, self.shop.owed().await);
        self.shop.stripe.assert_clean();
    }
}

#[tokio::test]
async fn killed_at_any_step_of_a_wish_or_a_look_the_customer_who_comes_back_is_credited_once() {
    let mut walk = Walk::begin(Way::Customer).await;
    for place in WISHING {
        walk.buy(place, "", "").await;
    }
    for place in BOOKING {
        let refunding = if place == OF_CREDIT { "" } else { place };
        walk.buy("", place, refunding).await;
    }
}

#[tokio::test]
async fn killed_at_any_step_of_an_event_the_next_delivery_or_the_sweeper_credits_once() {
    let mut walk = Walk::begin(Way::Events).await;
    for place in HEARING.into_iter().chain(BOOKING) {
        let refunding = if place == OF_CREDIT { "" } else { place };
        walk.buy("", place, refunding).await;
    }
}

#[tokio::test]
async fn killed_at_any_step_of_the_sweeper_the_next_round_credits_once() {
    let mut walk = Walk::begin(Way::Sweeper).await;
    for place in BOOKING {
        let refunding = if place == OF_CREDIT { "" } else { place };
        walk.buy("", place, refunding).await;
    }
}

#[test]
fn every_step_that_has_a_name_is_walked() {
    let files = Source::below("functions/src", ".rs").expect("a folder");
    let mut named = BTreeSet::new();
    for file in files {
        let source = Source::read(&file).expect("a source");
        let places = source.text.split("fault::at(\"").skip(1);
        named.extend(places.map(|it| it.split('"').next().expect("a name").to_owned()));
    }
    let walked = WISHING.iter().chain(&BOOKING).chain(&HEARING);
    assert_eq!(named, walked.map(|place| (*place).to_owned()).collect());
}
