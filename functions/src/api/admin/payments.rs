//! `/admin/api/users/{user_id}/payments` and `/admin/api/payments/problems`.

use schema::{
    Result,
    admin::{Problem, UserPayment},
    page::{Page, PageQuery},
};

use super::wallets::RowsOf;
use crate::{
    api::{agent::payments::payment, paging},
    cx::Cx,
    domain,
    http::Json,
    services::payments,
};

pub async fn list(cx: Cx, at: RowsOf) -> Result<Json<Page<UserPayment>>> {
    let page = at.page();
    let rows = payments::list(&cx, at.user_id, paging::after(&page)?, page.size()).await?;
    let rows = rows.iter().map(shown).collect();
    Ok(Json(Page::of(rows, page.size(), |row: &UserPayment| row.payment.id.to_string())))
}

pub async fn problems(cx: Cx, at: PageQuery) -> Result<Json<Page<Problem>>> {
    let rows = payments::problems(&cx, paging::after(&at)?, at.size()).await?;
    Ok(Json(Page::of(rows, at.size(), |row: &Problem| row.id.to_string())))
}

fn shown(it: &domain::payment::Payment) -> UserPayment {
    UserPayment {
        payment: payment(it),
        session: it.session.clone(),
        intent: it.intent.clone(),
        problem: it.problem.clone(),
        read_at: it.read_at.map(|at| at.to_string()),
    }
}
