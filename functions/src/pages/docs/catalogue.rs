//! Every call in one list. It is made from the route lists themselves, so nothing is missing in it
//! and nothing stands there that is not served.

use std::rc::Rc;

use askama::Template;
use serde::Deserialize;

use crate::{
    cx::Cx,
    domain::access::Access,
    http::{Family, Handler, Route},
    pages::{Frame, Lasting},
};

/// Every call of the API, in the order of the route lists.
pub struct Catalogue {
    pub groups: Vec<Group>,
}

/// The calls of a family.
pub struct Group {
    pub name: &'static str,
    pub title: &'static str,
    pub lines: Vec<Line>,
}

/// A call.
#[derive(Clone)]
pub struct Line {
    /// Its name among all others, `get_api_v1_me`.
    pub id: String,
    pub method: &'static str,
    pub path: &'static str,
    pub access: &'static str,
    /// What a key has to be allowed.
    pub scope: Option<&'static str>,
    pub tag: &'static str,
    pub summary: &'static str,
    /// Whether it is a socket, which no page can try.
    pub socket: bool,
    /// Whether its answer is, or may be, a stream of events.
    pub streams: bool,
}

impl Line {
    fn of(route: &Route) -> Self {
        let (access, scope) = match route.access {
            Access::Public => ("anyone", None),
            Access::Api(scope) | Access::ApiOrTicket(scope) => ("key", Some(scope.as_str())),
            Access::ApiOrAdmin(scope) => ("key or operator", Some(scope.as_str())),
            Access::Admin => ("operator", None),
        };
        let &Route { method, path, tag, summary, socket, .. } = route;
        let forwards = matches!(route.handler, Handler::Forward(_)) && !socket;
        let streams = route.streams || forwards;
        Self { id: route.id(), method, path, access, scope, tag, summary, socket, streams }
    }

    /// Where its line is found on the page of all: `get-/api/v1/me`.
    pub fn anchor(&self) -> String {
        format!("{}-{}", self.method.to_ascii_lowercase(), self.path)
    }
}

impl Catalogue {
    /// The calls of these families.
    pub fn of(families: &[Family]) -> Self {
        let group = |family: &Family| Group {
            name: family.name,
            title: title(family.name),
            lines: family.routes.iter().map(Line::of).collect(),
        };
        Self { groups: families.iter().map(group).collect() }
    }

    /// The call of that name.
    pub fn line(&self, id: &str) -> Option<&Line> {
        self.groups.iter().flat_map(|group| &group.lines).find(|line| line.id == id)
    }

    fn shows(&self, group: &Group, find: &Find) -> bool {
        group.lines.iter().any(|line| find.wants(group, line))
    }

    fn is_empty_of(&self, find: &Find) -> bool {
        !self.groups.iter().any(|group| self.shows(group, find))
    }

    fn len(&self) -> usize {
        self.groups.iter().map(|group| group.lines.len()).sum()
    }
}

/// What a family is called by people.
fn title(name: &'static str) -> &'static str {
    match name {
        "openai" => "Models and responses",
        "agent" => "Account, wallet and sign-in",
        "projects" => "Projects",
        "app_server" => "Codex app-server",
        "runner" => "Runners",
        "admin" => "Operators",
        "system" => "Service",
        other => other,
    }
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Find {
    /// Words that a call has to have, in its method, its path or what is said of it.
    q: String,
    /// The family, if it is not all of them.
    family: String,
}

impl Find {
    fn wants(&self, group: &Group, line: &Line) -> bool {
        let text = format!("{} {} {} {}", line.method, line.path, line.summary, line.tag);
        let text = format!("{text} {}", line.access).to_lowercase();
        let of_family = self.family.is_empty() || self.family == group.name;
        of_family && self.q.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

#[derive(Template)]
#[template(path = "docs/catalogue.html")]
pub struct Page {
    frame: Frame,
    here: &'static str,
    find: Find,
    catalogue: Rc<Catalogue>,
}

impl Page {
    /// How many are found, in words.
    fn found(&self) -> String {
        let groups = self.catalogue.groups.iter();
        let lines = groups.flat_map(|group| group.lines.iter().map(move |line| (group, line)));
        match lines.filter(|(group, line)| self.find.wants(group, line)).count() {
            1 => "1 call".to_owned(),
            count => format!("{count} calls"),
        }
    }
}

/// The page of all calls, or of those that are looked for.
pub fn page(cx: &Cx, find: Find, catalogue: Rc<Catalogue>) -> Lasting<Page> {
    Lasting(Page { frame: Frame::of(cx), here: "/docs", find, catalogue })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_the_route_lists_is_listed_once_and_told() {
        let families = crate::api::families();
        let catalogue = Catalogue::of(&families);
        let contract = crate::domain::contract::Contract::read(crate::domain::contract::DOCUMENT);
        let contract = contract.unwrap();
        let routes = families.iter().flat_map(|family| &family.routes);
        assert_eq!(catalogue.len(), routes.clone().count());
        for route in routes {
            let line = catalogue.line(&route.id()).unwrap();
            assert_eq!((line.method, line.path), (route.method, route.path));
            assert!(contract.operation(line.method, line.path).is_some(), "{}", line.id);
        }
        let named = catalogue.groups.iter().all(|group| group.title != group.name);
        assert!(named, "each family has a name that people understand");
    }

    #[test]
    fn a_call_is_found_by_its_method_its_path_and_words() {
        let catalogue = Catalogue::of(&crate::api::families());
        let found = |q: &str, family: &str| {
            let find = Find { q: q.to_owned(), family: family.to_owned() };
            let groups = catalogue.groups.iter();
            let lines = groups.flat_map(|group| group.lines.iter().map(move |line| (group, line)));
            let lines = lines.filter(|(group, line)| find.wants(group, line));
            lines.map(|(_, line)| line.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(found("", "").len(), catalogue.len());
        assert_eq!(found("POST responses", ""), ["post_v1_responses"]);
        assert_eq!(found("health CHECK", "system"), ["get_health"]);
        assert!(found("health check", "admin").is_empty());
    }
}
