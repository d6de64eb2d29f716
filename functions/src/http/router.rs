//! Path and method to route.

use matchit::{Match, Router as Paths};

use super::route::{Family, Route};

/// All routes of all families, built once per isolate.
pub struct Router {
    paths: Paths<Vec<(usize, usize)>>,
    families: Vec<Family>,
}

/// A path that is known, and what was asked of it.
pub enum Found<'a> {
    /// The route, its family and its path parameters.
    Route(&'a Family, &'a Route, Vec<(String, String)>),
    /// The path is there, but not with this method: those that it has.
    Method(&'a Family, Vec<&'static str>),
    /// Nothing there.
    Nothing,
}

impl Router {
    /// The router of these families. A path that clashes with another is a fault of the list, and
    /// reported.
    pub fn new(families: Vec<Family>) -> Result<Self, String> {
        let mut by_path: Vec<(&'static str, Vec<(usize, usize)>)> = Vec::new();
        for (f, family) in families.iter().enumerate() {
            for (r, route) in family.routes.iter().enumerate() {
                match by_path.iter_mut().find(|(path, _)| *path == route.path) {
                    Some((_, routes)) => routes.push((f, r)),
                    None => by_path.push((route.path, vec![(f, r)])),
                }
            }
        }
        let mut paths = Paths::new();
        for (path, routes) in by_path {
            // Paths are written as OpenAPI has them, in braces; the matcher wants a colon.
            let pattern = path.replace('{', ":").replace('}', "");
            paths.insert(pattern, routes).map_err(|clash| format!("{path}: {clash}"))?;
        }
        Ok(Self { paths, families })
    }

    /// The families, in their order.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// What is at `path`. `HEAD` is answered as `GET`; the platform leaves the body out. Where a
    /// path has a socket and a page, `socket` says which is meant.
    pub fn find(&self, method: &str, path: &str, socket: bool) -> Found<'_> {
        let Ok(Match { value, params }) = self.paths.at(path) else { return Found::Nothing };
        let method = if method == "HEAD" { "GET" } else { method };
        let mut allowed = Vec::new();
        let mut owner = None;
        let mut meant: Option<(&Family, &Route)> = None;
        for (f, r) in value {
            let Some(family) = self.families.get(*f) else { continue };
            let Some(route) = family.routes.get(*r) else { continue };
            if route.method != method {
                allowed.push(route.method);
                owner = owner.or(Some(family));
            } else if meant.is_none() || route.socket == socket {
                meant = Some((family, route));
            }
        }
        if let Some((family, route)) = meant {
            let params = params.iter().map(|(k, v)| (k.to_owned(), super::body::decoded(v)));
            return Found::Route(family, route, params.collect());
        }
        allowed.dedup();
        owner.map_or(Found::Nothing, |family| Found::Method(family, allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api,
        api::system::Nothing,
        cx::Cx,
        domain::access::Access,
        http::{Json, get, route::upgrade},
    };

    async fn nothing(_: Cx, _: Nothing) -> schema::Result<Json<()>> {
        Ok(Json(()))
    }

    #[test]
    fn a_parameter_stands_for_one_segment_and_is_named() {
        let path = "/users/{user_id}/rows";
        let routes = vec![get(path, Access::Public, "t", "t", nothing)];
        let family = Family::new::<()>("t", api::agent::refuse::refuse, routes);
        let router = Router::new(vec![family]).unwrap();
        let Found::Route(_, route, params) = router.find("GET", "/users/a%20b/rows", false) else {
            panic!("not found")
        };
        assert_eq!(route.path, path);
        assert_eq!(params, [("user_id".to_owned(), "a b".to_owned())]);
        assert!(matches!(router.find("GET", "/users/a/b/rows", false), Found::Nothing));
        assert!(matches!(router.find("PUT", "/users/a/rows", false), Found::Method(..)));
    }

    #[test]
    fn a_socket_and_a_page_share_a_path_and_each_gets_its_own() {
        let socket = upgrade("/", Access::Public, "t", "socket", |_, _| async {
            Err(schema::Error::internal("never asked"))
        });
        let page = get("/", Access::Public, "t", "page", nothing);
        let lone = upgrade("/lone", Access::Public, "t", "lone", |_, _| async {
            Err(schema::Error::internal("never asked"))
        });
        let family = Family::new::<()>("t", api::agent::refuse::refuse, vec![socket, page, lone]);
        let router = Router::new(vec![family]).unwrap();
        let found = |method, path, socket| match router.find(method, path, socket) {
            Found::Route(_, route, _) => route.summary,
            Found::Method(..) | Found::Nothing => "none",
        };
        assert_eq!(found("GET", "/", true), "socket");
        assert_eq!((found("GET", "/", false), found("HEAD", "/", false)), ("page", "page"));
        assert_eq!((found("GET", "/lone", false), found("GET", "/lone", true)), ("lone", "lone"));
        let Found::Method(_, allowed) = router.find("POST", "/", false) else { panic!("found") };
        assert_eq!(allowed, ["GET"]);
    }
}
