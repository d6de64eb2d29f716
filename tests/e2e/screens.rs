//! Every page there is, as the route list has them, so that a new one cannot be forgotten: who may
//! see it, and where it is in a world in which there is something to see.

use functions::http::Route;
use functions::{api, pages};
use reqwest::Client;
use serde_json::json;
use tests::world::World;

/// Where an operator signs in.
const OPERATORS: &str = "/admin/auth/login";

/// Where operators are asked who they are.
pub const ENTRY: &str = "/admin/sign-in";

/// Every page, with those parameters of its path filled in that are known: `("{user_id}", "…")`.
pub fn pages(known: &[(&str, &str)]) -> Vec<String> {
    let routes = pages::family(&api::families()).routes;
    let pages = routes.iter().filter(|route| route.method == "GET" && !is_file(route));
    let fill = |path: String, (name, value): &(&str, &str)| path.replace(name, value);
    pages.map(|route| known.iter().fold(route.path.to_owned(), fill)).collect()
}

/// What is no page: files, and what programs read.
fn is_file(route: &Route) -> bool {
    let path = route.path;
    path.starts_with("/assets/") || path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// An operator's session as a cookie.
pub async fn operator(world: &World) -> String {
    let request = Client::new().post(world.at(OPERATORS)).header("origin", world.url());
    let body = json!({ "password": world.admin_token() });
    let reply = request.header("sec-fetch-site", "same-origin").json(&body).send().await;
    cookie(&reply.expect("an answer"))
}

/// The cookie that an answer sets, as a browser sends it back.
pub fn cookie(reply: &reqwest::Response) -> String {
    let set = reply.headers().get("set-cookie").and_then(|it| it.to_str().ok());
    let set = set.unwrap_or_else(|| panic!("no cookie: {reply:?}"));
    let lower = set.to_ascii_lowercase();
    for part in ["; secure", "; httponly", "; path=/"] {
        assert!(lower.contains(part), "{set}");
    }
    assert!(set.starts_with("__Host-") && lower.contains("; samesite="), "{set}");
    set.split(';').next().expect("a cookie").to_owned()
}
