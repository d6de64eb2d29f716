//! `/admin/api/users/g2g` and `/admin/api/orders`.

use schema::{
    AccountId, Error, MicroUsd, Result,
    admin::{Order, OrderDelivery, PlaceOrder},
    page::{Page, PageQuery},
};
use serde::Deserialize;

use super::users::{amount, short};
use crate::{
    api::{paging, system::Nothing},
    cx::Cx,
    domain::order,
    http::{Created, Json},
    services::orders::{self, Delivery, NewOrder},
};

/// Names an order.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct OrderPath {
    /// As the marketplace numbers it.
    pub order_number: String,
}

pub async fn place(cx: Cx, _: Nothing, body: PlaceOrder) -> Result<Created<OrderDelivery>> {
    let credit = amount("credit_usd", &body.credit_usd)?;
    if credit <= MicroUsd::ZERO {
        return Err(Error::field("credit_usd", "more than zero"));
    }
    let new = NewOrder {
        number: order::number(&body.order_number)?,
        credit,
        name: body.name,
        note: short("note", body.note.unwrap_or_default())?,
    };
    Ok(Created(delivery(orders::place(&cx, new).await?)))
}

pub async fn list(cx: Cx, at: PageQuery) -> Result<Json<Page<Order>>> {
    let after: Option<AccountId> = paging::after(&at)?;
    let rows = orders::list(&cx, after, at.size()).await?.into_iter().map(shown).collect();
    Ok(Json(Page::of(rows, at.size(), |order: &Order| order.user_id.to_string())))
}

/// Shows an order again with its secrets, which is noted.
pub async fn read(cx: Cx, at: OrderPath) -> Result<Json<OrderDelivery>> {
    Ok(Json(delivery(orders::reveal(&cx, &at.order_number).await?)))
}

fn delivery(delivery: Delivery) -> OrderDelivery {
    let Delivery { order, replayed, origin, secrets, blocks, texts, cli } = delivery;
    OrderDelivery {
        order: shown(order),
        replayed,
        dashboard_url: origin,
        password: secrets.password,
        api_key: secrets.key,
        posix: blocks.0,
        powershell: blocks.1,
        posix_text: texts.0,
        powershell_text: texts.1,
        cli,
    }
}

fn shown(order: order::Order) -> Order {
    Order {
        order_number: order.number,
        user_id: order.account,
        username: order.username,
        key_id: order.key,
        credit_usd: order.credit.to_string(),
        note: order.note,
        created_at: order.created_at.to_string(),
        completed_at: order.completed_at.map(|at| at.to_string()),
    }
}
