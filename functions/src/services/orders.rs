//! Orders of a marketplace. All that is random about one is drawn and written first; what follows
//! is done from that row and may be done again, so an order that was cut off anywhere goes on when
//! it is sent again.

use schema::{
    AccountId, Code, Error, MicroUsd, Result,
    agent::{PublicCodex, ShellBlocks},
};

use super::{accounts, audit, keys, people, wallets};
use crate::{
    cx::{self, Cx},
    domain::{
        account::Profile,
        order::{self, Order, Part, Secrets, Shell, Told},
        plan::Plan,
        setup,
        token::{self, KeyType},
    },
    store::orders,
};

/// What the username begins with where nobody said.
pub const NAME: &str = "buyer";

/// What stands in a preview where a password will be.
const PASSWORD: &str = "<PASSWORD>";

/// An order as it is placed.
pub struct NewOrder {
    pub number: String,
    pub credit: MicroUsd,
    pub name: Option<String>,
    pub note: String,
}

/// An order with all that its buyer is sent.
pub struct Delivery {
    pub order: Order,
    /// Whether nothing was left to do.
    pub replayed: bool,
    pub origin: String,
    pub secrets: Secrets,
    pub blocks: (ShellBlocks, ShellBlocks),
    pub texts: (String, String),
    pub cli: PublicCodex,
}

/// Makes an order's account with its credit and its key, once for each number.
pub async fn place(cx: &Cx, new: NewOrder) -> Result<Delivery> {
    let origin = cx.origin()?;
    let (number, credit) = (new.number.clone(), new.credit);
    let placed = match orders::find(&cx.env, &number).await? {
        Some(order) => order,
        None => enter(cx, new).await?,
    };
    if placed.credit != credit {
        let was = placed.credit.dollars_and_cents();
        let message = format!("The order {number} has been placed with ${was}: send it with that.");
        return Err(Error::new(Code::Conflict, message));
    }
    let secrets = open(cx, &placed)?;
    let replayed = placed.completed_at.is_some();
    if replayed {
        // What is sent again is shown again.
        audit::note(cx, "order.revealed", &number).await?;
        return Ok(deliver(cx, placed, secrets, (origin, true)));
    }
    fulfil(cx, &placed, &secrets).await?;
    audit::note(cx, "order.placed", &number).await?;
    cx.fault("order:noted");
    orders::complete(&cx.env, &number, cx.now).await?;
    Ok(deliver(cx, find(cx, &number).await?, secrets, (origin, false)))
}

/// An order that is ready to be delivered, with all that its buyer is sent.
pub async fn reveal(cx: &Cx, number: &str) -> Result<Delivery> {
    let origin = cx.origin()?;
    let order = find(cx, number).await?;
    if order.completed_at.is_none() {
        let message = format!("The order {number} was cut off. Place it again to complete it.");
        return Err(Error::new(Code::Conflict, message));
    }
    let secrets = open(cx, &order)?;
    audit::note(cx, "order.revealed", number).await?;
    Ok(deliver(cx, order, secrets, (origin, true)))
}

/// The texts of an order that is still typed, for each shell; none where the deployment does not
/// know its own address. Nothing is drawn or kept for it.
pub fn preview(cx: &Cx) -> Option<[Vec<Part>; 2]> {
    let (cli, origin) = (&cx.config.cli, cx.origin().ok()?);
    let key = cli.placeholder();
    let blocks = setup::blocks(cli, &origin, &key);
    let text =
        |shell, blocks| order::preview(&key, PASSWORD, (&cli.brand, &origin), (shell, blocks));
    Some([text(Shell::Posix, &blocks.0), text(Shell::PowerShell, &blocks.1)])
}

/// Orders, newest first, one more than `size`.
pub async fn list(cx: &Cx, after: Option<AccountId>, size: u32) -> Result<Vec<Order>> {
    orders::list(&cx.env, after, size).await
}

async fn find(cx: &Cx, number: &str) -> Result<Order> {
    orders::find(&cx.env, number).await?.ok_or_else(|| Error::not_found("order", number))
}

/// Draws what an order needs, and writes it; of two at one time the first one stands.
async fn enter(cx: &Cx, new: NewOrder) -> Result<Order> {
    let NewOrder { number, credit, name, note } = new;
    let account = cx::new_id(cx.now)?;
    let username = accounts::username("name", name.as_deref().unwrap_or(NAME))?;
    let key = token::mint(KeyType::Secret, account, cx::random()?);
    let secrets = Secrets { key, password: order::password(cx::random()?) };
    let secrets = serde_json::to_string(&secrets).map_err(Error::internal)?;
    let sealed = cx.config.sealing.seal(&order::place(&number), &secrets, cx::random()?);
    let secrets = sealed.ok_or_else(|| Error::unavailable("SEALING_KEYS is not set"))?;
    let (key, created_at, completed_at) = (cx::new_id(cx.now)?, cx.now, None);
    let order =
        Order { number, account, username, credit, note, key, secrets, created_at, completed_at };
    orders::add(&cx.env, &order).await?;
    cx.fault("order:drawn");
    find(cx, &order.number).await
}

fn open(cx: &Cx, order: &Order) -> Result<Secrets> {
    let text = cx.config.sealing.open(&order::place(&order.number), &order.secrets);
    let text = text.ok_or_else(|| {
        Error::unavailable(format!("the order {} opens with no key of SEALING_KEYS", order.number))
    })?;
    serde_json::from_str(&text).map_err(Error::internal)
}

/// Does what an order asks for. Each step changes nothing where it has been done.
async fn fulfil(cx: &Cx, order: &Order, secrets: &Secrets) -> Result<()> {
    let profile = Profile {
        id: order.account,
        username: order.username.clone(),
        plan: Plan::Starter,
        active: true,
        note: note_of(order),
        created_at: order.created_at,
    };
    accounts::open(cx, &profile).await?;
    cx.fault("order:opened");
    keys::restore(cx, order.account, order.key, &secrets.key).await?;
    cx.fault("order:keyed");
    people::password::give(cx, order.account, &secrets.password).await?;
    let note = format!("marketplace order {}", order.number);
    wallets::credit(cx, order.account, order::place(&order.number), order.credit, note).await?;
    cx.fault("order:credited");
    Ok(())
}

/// What the operator reads beside the account.
fn note_of(order: &Order) -> String {
    let Order { number, note, .. } = order;
    if note.is_empty() { format!("order {number}") } else { format!("order {number}: {note}") }
}

fn deliver(
    cx: &Cx,
    order: Order,
    secrets: Secrets,
    (origin, replayed): (String, bool),
) -> Delivery {
    let cli = &cx.config.cli;
    let blocks = setup::blocks(cli, &origin, &secrets.key);
    let told = Told {
        number: &order.number,
        username: &order.username,
        password: &secrets.password,
        key: &secrets.key,
        credit: &order.credit.dollars_and_cents(),
    };
    let text = |shell, blocks| order::text(told, (&cli.brand, &origin), (shell, blocks));
    let texts = (text(Shell::Posix, &blocks.0), text(Shell::PowerShell, &blocks.1));
    let cli = setup::public_codex(cli, &origin, &secrets.key);
    Delivery { order, replayed, origin, secrets, blocks, texts, cli }
}
