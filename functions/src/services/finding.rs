//! Finding accounts by what somebody knows of them. Each way is a look at an index; nothing is
//! searched through.

use schema::{AccountId, KeyId, Result, admin::User};

use crate::{
    cx::Cx,
    store::{directory, orders, people},
};

pub use crate::store::directory::KeyEntry;

/// Accounts that may be meant by an id, a key's id, a whole mail address, an order's number, or how
/// a username begins; at most so many.
pub async fn accounts(cx: &Cx, words: &str, most: u32) -> Result<Vec<User>> {
    let words = words.trim();
    if let Ok(id) = words.parse::<AccountId>() {
        return entries(cx, vec![id]).await;
    }
    if let Ok(key) = words.parse::<KeyId>() {
        return entries(cx, directory::account_of_key(&cx.env, key).await?.into_iter().collect())
            .await;
    }
    if words.contains('@') {
        let claimants = people::claimants(&cx.env, &words.to_lowercase()).await?;
        return entries(cx, claimants.into_iter().map(|it| it.account).collect()).await;
    }
    let mut found = directory::beginning(&cx.env, words, most).await?;
    if let Some(order) = orders::find(&cx.env, words).await? {
        found.retain(|it| it.id != order.account);
        found.extend(directory::entry(&cx.env, order.account).await?);
    }
    Ok(found)
}

/// Keys with their accounts, newest first, one more than `size`.
pub async fn keys(cx: &Cx, after: Option<KeyId>, size: u32) -> Result<Vec<KeyEntry>> {
    directory::keys(&cx.env, after, size).await
}

async fn entries(cx: &Cx, ids: Vec<AccountId>) -> Result<Vec<User>> {
    let mut found = Vec::new();
    for id in ids {
        found.extend(directory::entry(&cx.env, id).await?);
    }
    Ok(found)
}
