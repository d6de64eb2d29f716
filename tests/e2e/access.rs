//! Who may call what: every line of every route list, for every kind of caller.

use functions::api::families;
use functions::domain::access::{Access, Scope};
use functions::domain::token::{KeyType, mint};
use functions::http::Route;
use schema::{AccountId, AskId, KeyId, ProjectId, PromptId, RunnerId};
use serde_json::{Value, json};
use tests::world::World;

use crate::desk::{Desk, Reply};

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// A thread or turn of nobody.
const UUID: &str = "01a1f6b5-0000-7000-8000-000000000000";
/// What a key that stands in a page is refused, though its scope is that of others who may.
const NOT_IN_A_PAGE: [(&str, &str); 6] = [
    ("POST", "/api/v1/me"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/keys"),
    ("POST", "/api/v1/keys/{key_id}/restrict"),
    ("POST", "/api/v1/keys/{key_id}/revoke"),
    ("POST", "/api/v1/notices/wanted"),
];
const PUBLISHABLE: &str = "a publishable key";
const STATIC_TOKEN: &str = "a-static-token";

/// Somebody who calls.
struct Caller {
    what: &'static str,
    bearer: String,
    may: Vec<Scope>,
    /// Whether the deployment knows the bearer as a customer's at all.
    known: bool,
    operator: bool,
}

impl Caller {
    fn of(what: &'static str, bearer: impl Into<String>, may: &[Scope]) -> Self {
        let known = !may.is_empty();
        Self { what, bearer: bearer.into(), may: may.to_vec(), known, operator: false }
    }

    /// What a route answers: nothing if it lets the caller in.
    fn refusal(&self, access: Access) -> Option<u16> {
        let may = |scope| self.may.contains(&scope);
        let refused = if self.known { 403 } else { 401 };
        let allowed = match access {
            Access::Public => true,
            Access::Admin => self.operator || may(Scope::Admin),
            // An operator's key works on runners for its own account, too.
            Access::Api(scope) | Access::ApiOrTicket(scope) => {
                may(scope) || (scope == Scope::Agent && may(Scope::Admin))
            }
            Access::ApiOrAdmin(scope) => self.operator || may(Scope::Admin) || may(scope),
        };
        (!allowed).then_some(refused)
    }
}

async fn callers(desk: &Desk) -> Vec<Caller> {
    let customer = &Scope::CUSTOMER;
    let account: AccountId = desk.account.id.parse().expect("an id");
    let mut callers = vec![
        Caller::of("nobody", "", &[]),
        Caller::of("somebody", "somebody", &[]),
        Caller::of("a forged key", mint(KeyType::Secret, account, [1; 32]), &[]),
        Caller::of("a customer's key", &desk.account.key, customer),
        Caller::of("a username", &desk.account.username, customer),
        Caller::of("a static token", STATIC_TOKEN, customer),
    ];
    let (publishable, _) = desk.key(json!({ "kind": "publishable" })).await;
    callers.push(Caller::of(PUBLISHABLE, publishable, &Scope::PUBLISHABLE));
    let (revoked, id) = desk.key(json!({ "scopes": ["admin", "account"] })).await;
    let path = format!("/admin/api/api-keys/{id}/revoke");
    assert_eq!(desk.send(desk.admin("POST", &path)).await.status, 200);
    callers.push(Caller::of("a revoked key", revoked, &[]));
    for scope in Scope::CUSTOMER.into_iter().chain([Scope::Admin]) {
        let (key, _) = desk.key(json!({ "scopes": [scope.as_str()] })).await;
        callers.push(Caller::of(scope.as_str(), key, &[scope]));
    }
    let operator = Caller::of("the operator", desk.world.admin_token(), &[]);
    callers.push(Caller { operator: true, ..operator });
    callers
}

/// The path with ids: those of the account, or well-formed ones of nobody.
fn path(route: &Route, user: &str, key: &str) -> String {
    let (ask, runner) = (AskId::from_bits(5).to_string(), RunnerId::from_bits(5).to_string());
    let (project, prompt) =
        (ProjectId::from_bits(5).to_string(), PromptId::from_bits(5).to_string());
    filled(route, user, key, [UUID, &ask, &runner, &project, &prompt])
}

/// The same, with ids of other things too: a thread or turn, a question, a runner, a project, a
/// prompt that waits.
fn filled(route: &Route, user: &str, key: &str, others: [&str; 5]) -> String {
    let [uuid, ask, runner, project, prompt] = others;
    let path = route.path.replace("{user_id}", user).replace("{key_id}", key);
    let path = path.replace("{thread_id}", uuid).replace("{turn_id}", uuid);
    let path = path.replace("{request_id}", ask).replace("{runner_id}", runner);
    let path = path.replace("{project_id}", project).replace("{prompt_id}", prompt);
    let path = path.replace("{application_id}", user).replace("{order_number}", key);
    assert!(!path.contains('{'), "`{path}` has a parameter that this test does not know");
    path
}

/// Whether a route lets nobody in by a bearer: a machine signs, or has a one-time token.
fn is_a_machines(route: &Route) -> bool {
    route.path.starts_with("/runner/v1/")
}

/// Whether a route needs a machine that is not ours: a runner, Google, Stripe, a mail server.
fn may_be_out_of_reach(route: &Route) -> bool {
    matches!(route.access, Access::ApiOrAdmin(_) | Access::Api(Scope::Agent))
        || ["auth", "rpc", "system", "releases", "billing", "mail"].contains(&route.tag)
}

fn of_nobody(route: &Route) -> String {
    let (user, key) = (AccountId::from_bits(5).to_string(), KeyId::from_bits(5).to_string());
    path(route, &user, &key)
}

#[tokio::test]
async fn every_route_lets_in_whom_it_names_and_nobody_else() {
    let desk = Desk::of(World::plan().secret("API_TOKENS", STATIC_TOKEN), "25.00").await;
    let (_, key) = desk.key(json!({})).await;
    let callers = callers(&desk).await;
    let families = families();
    let routes = families.iter().flat_map(|family| &family.routes);
    for (r, route) in routes.filter(|route| !is_a_machines(route)).enumerate() {
        for (n, caller) in callers.iter().enumerate() {
            let refusal = caller.refusal(route.access);
            // Whoever gets in shall change nothing that the next one needs.
            let path = match refusal {
                Some(_) => path(route, &desk.account.id, &key),
                None => of_nobody(route),
            };
            // An address for each, because wrong credentials are limited by it.
            let request = desk.request(route.method, &path).bearer_auth(&caller.bearer);
            let request = request.header("cf-connecting-ip", format!("203.0.{r}.{n}"));
            let said = format!("{} {path} by {}", route.method, caller.what);
            match refusal {
                Some(403) => {
                    desk.send(request).await.refuses(403, "permission_denied", "");
                }
                Some(status) => {
                    desk.send(request).await.refuses(status, "authentication_required", "");
                }
                None => {
                    let reply = Reply::to(request).await;
                    // This world has no runner, and nobody to look releases up at.
                    let outside = reply.status == 503 && may_be_out_of_reach(route);
                    // What is open to all may still want a password, or a page of ours.
                    let judged =
                        route.access == Access::Public && matches!(reply.status, 401 | 403);
                    let refused = matches!(reply.status, 401 | 403 | 500..);
                    let in_page = caller.what == PUBLISHABLE
                        && NOT_IN_A_PAGE.contains(&(route.method, route.path))
                        && reply.status == 403;
                    let refused = refused && !outside && !judged && !in_page;
                    assert!(!refused, "{said}: {reply:?}");
                }
            }
        }
    }
    assert!(desk.world.upstream().requests().is_empty());
}

#[tokio::test]
async fn every_path_says_which_methods_it_has() {
    let desk = Desk::open().await;
    let families = families();
    let routes: Vec<&Route> = families.iter().flat_map(|family| &family.routes).collect();
    for route in &routes {
        let declared: Vec<&str> =
            routes.iter().filter(|other| other.path == route.path).map(|r| r.method).collect();
        for method in METHODS.iter().filter(|method| !declared.contains(method)) {
            let request = desk.request(method, &of_nobody(route));
            let reply = desk.send(request.bearer_auth(desk.world.admin_token())).await;
            reply.refuses(405, "method_not_allowed", "Use ");
            assert_eq!(reply.header("allow"), declared.join(", "), "{method} {}", route.path);
        }
    }
}

/// Routes with a parameter in their path, each with a body that it takes.
fn with_ids(families: &[functions::http::Family]) -> Vec<(&Route, Value)> {
    let routes = families.iter().flat_map(|family| &family.routes);
    let with_ids = routes.filter(|route| route.path.contains('{'));
    with_ids
        .map(|route| {
            let body = match route.path.rsplit('/').next() {
                Some("active") => json!({ "active": true }),
                Some("wallet") => json!({ "balance_usd": "1.00" }),
                Some("drain") => json!({ "on": true }),
                Some("auto-topup") => json!({ "paused": true }),
                Some("credit") => json!({ "amount_usd": "1.00" }),
                Some("turns") => json!({ "prompt": "hi" }),
                Some("policy") => json!({ "rules": [] }),
                Some("check") => json!({ "command": "ls" }),
                Some("content") => json!({ "path": "x", "content": "" }),
                _ => json!({}),
            };
            (route, body)
        })
        .collect()
}

#[tokio::test]
async fn an_id_of_nothing_is_not_found_whether_well_formed_or_not() {
    let desk = Desk::open().await;
    let families = families();
    for (route, body) in with_ids(&families) {
        // Whether codex has a thread is for a runner to say, and here is none.
        let mut paths = vec![of_nobody(route)];
        paths.retain(|_| !route.path.contains("{thread_id}"));
        let key = KeyId::from_bits(5).to_string();
        for wrong in ["1", "acct_1", "%20", "%ff", "a%2Fb", "'--", &key[..35], &"9".repeat(3_000)] {
            paths.push(filled(route, wrong, wrong, [wrong; 5]));
        }
        // A key's id where an account's belongs, and the other way round.
        paths.push(filled(route, &key, &desk.account.id, [&key; 5]));
        for path in paths {
            let request = match route.access {
                // What is everybody's own is no operator's.
                Access::Api(_) | Access::ApiOrTicket(_) => {
                    desk.request(route.method, &path).bearer_auth(&desk.account.key)
                }
                _ => desk.admin(route.method, &path),
            };
            let request = request.json(&body);
            // What a file's route wants to know besides.
            let file = [("account", AccountId::from_bits(5).to_string()), ("path", "x".to_owned())];
            let of_file = route.path.ends_with("/file") || route.path.ends_with("/content");
            let request = if of_file { request.query(&file) } else { request };
            desk.send(request).await.refuses(404, "resource_not_found", "There is no");
        }
    }
}
