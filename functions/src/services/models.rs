//! The models that are served: those of any route that have a price.

use schema::Result;

use crate::{cx::Cx, store::settings};

/// Their names, in order.
pub async fn list(cx: &Cx) -> Result<Vec<String>> {
    let settings = settings::current(&cx.env, &cx.config).await?;
    let served = cx.config.routes.iter().flat_map(|route| route.models.keys());
    let mut names: Vec<_> =
        served.filter(|name| settings.prices.contains_key(*name)).cloned().collect();
    names.sort();
    names.dedup();
    Ok(names)
}
