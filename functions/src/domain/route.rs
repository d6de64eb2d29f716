//! Upstream routes: which providers serve a model, and in what order they are tried.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A provider of the Responses wire. Its name stays ours and never reaches a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The operator's name for it.
    pub name: String,
    /// Up to and with `/v1`.
    pub base_url: String,
    /// The name of the secret that holds its key.
    pub secret: String,
    /// What a customer asks for, and what the provider calls it.
    pub models: BTreeMap<String, String>,
}

/// The routes that serve `model`, the active one first, the others in their order.
pub fn serving<'a>(routes: &'a [Route], active: Option<&str>, model: &str) -> Vec<&'a Route> {
    let mut serving: Vec<_> = routes.iter().filter(|r| r.models.contains_key(model)).collect();
    serving.sort_by_key(|route| Some(route.name.as_str()) != active);
    serving
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, model: &str) -> Route {
        Route {
            name: name.into(),
            base_url: String::new(),
            secret: String::new(),
            models: [(model.to_owned(), model.to_owned())].into(),
        }
    }

    #[test]
    fn the_active_route_is_tried_first_and_only_where_it_serves() {
        let routes = [route("a", "m"), route("b", "m"), route("c", "n")];
        let names = |active, model| -> Vec<_> {
            serving(&routes, active, model).into_iter().map(|r| r.name.clone()).collect()
        };
        assert_eq!(names(Some("b"), "m"), ["b", "a"]);
        assert_eq!(names(Some("c"), "m"), ["a", "b"]);
        assert_eq!(names(None, "x"), Vec::<String>::new());
    }
}
