//! Where hostile texts are put: every field that takes any text a person likes.

use std::collections::BTreeSet;

use reqwest::{Client, Method};
use serde::Serialize;
use serde_json::{Value, json};
use tests::messages::TOKEN;
use tests::runner::Machine;
use tests::runner_peer::Machine as Peer;
use tests::world::World;

use super::work;
use crate::screens;

/// Fields that are filled, as `METHOD path member`, and whether a page has to show them.
pub const TRIED: [(&str, bool); 19] = [
    (NAME, true),
    (KEY, true),
    (OWN_KEY, true),
    (USER, true),
    (ORDER, true),
    (BALANCE, true),
    (CREDIT, true),
    (RUNNER, true),
    (LABEL, true),
    (PROJECT, true),
    // Told to programs alone: it is a word of their own.
    (OWNER, false),
    (PROMPT, true),
    (NOTE, true),
    (CONTENT, true),
    (PATH, true),
    (RULE, true),
    (REASON, true),
    (SENDER, true),
    (MODEL, true),
];

/// What comes by codex, and is no field.
pub const MADE: &str = "a file that codex makes";

const NAME: &str = "POST /api/v1/customer/register name";
const KEY: &str = "POST /admin/api/api-keys name";
const OWN_KEY: &str = "POST /api/v1/keys name";
const USER: &str = "POST /admin/api/users note";
const ORDER: &str = "POST /admin/api/users/g2g note";
const BALANCE: &str = "POST /admin/api/users/{user_id}/wallet note";
const CREDIT: &str = "POST /admin/api/users/{user_id}/wallet/credit note";
const RUNNER: &str = "POST /admin/api/runners/registrations name";
const LABEL: &str = "POST /admin/api/runners/registrations labels[]";
const PROJECT: &str = "POST /api/v1/projects name";
const OWNER: &str = "POST /api/v1/projects ownerId";
pub const PROMPT: &str = "POST /api/v1/projects/{project_id}/turns prompt";
pub const NOTE: &str = "POST /api/v1/projects/{project_id}/approvals/{request_id}/resolve note";
pub const CONTENT: &str = "PUT /api/v1/projects/{project_id}/files/content content";
pub const PATH: &str = "PUT /api/v1/projects/{project_id}/files/content path";
pub const RULE: &str = "PUT /api/v1/projects/{project_id}/policy rules[].name";
pub const REASON: &str = "PUT /api/v1/projects/{project_id}/policy rules[].reason";
const SENDER: &str = "POST /admin/api/smtp/settings from_name";
const MODEL: &str = "POST /admin/api/billing/settings model";

/// What else is a text by its schema, by a part of the field's name, and why it is not filled.
pub const EXCUSED: [(&str, &str); 37] = [
    ("POST /admin/api/rpc", "what codex is told, word for word"),
    ("POST /admin/api/server-requests/", "a word of a list"),
    ("POST /admin/api/system/start", "only compared with what runners have"),
    ("order_number", "letters and digits"),
    ("/v1/responses model", "has to have a price"),
    (" password", "never shown"),
    ("assword", "never shown"),
    (" token", "never shown"),
    (".token", "never shown"),
    ("email", "has to be an address"),
    (" to", "has to be an address"),
    ("from_address", "has to be an address"),
    ("reply_to", "has to be an address"),
    (" phone", "has to be a number"),
    ("cidrs[]", "has to be a network"),
    (".url", "has to be an address"),
    ("smtp.", "has to be a host and who signs in there"),
    ("Usd", "has to be money"),
    ("sessionId", "has to be known at Stripe"),
    ("/stripe/checkout", "a word of a list"),
    (" username", "only compared"),
    (" template", "a word of a list"),
    (" provider", "a word of a list"),
    ("POST /api/codex/", "what codex is told, word for word"),
    ("POST /api/projects/open", "the agent interface: the same texts as a project's"),
    ("POST /api/server-requests/", "the agent interface: a word of a list"),
    ("POST /api/system/start", "only compared with what runners have"),
    ("POST /api/threads", "the agent interface: the same texts as a project's"),
    ("POST /api/turns", "the agent interface: the same texts as a project's"),
    ("/api/v1/me name", "takes the place of the name that was given at the sign-up"),
    ("{project_id}/open", "the same texts as a turn's"),
    ("{project_id}/turns effort", "a word of a list"),
    ("{project_id}/turns model", "has to have a price"),
    ("{project_id}/turns threadId", "has to be one of the project's"),
    ("/policy/check", "kept nowhere"),
    (".when.", "shown nowhere but beside its rule, to whom it belongs"),
    ("POST /runner/v1/register", "a machine's own words for itself; the operator's win"),
];

/// A text in a field.
#[derive(Debug, Serialize)]
pub struct Planted {
    pub field: String,
    pub text: String,
    /// Whether a page is to show it.
    pub shown: bool,
}

/// A customer all of whose texts are hostile.
pub struct Customer {
    pub id: String,
    pub cookie: String,
    pub project: String,
    /// What an operator made beside them.
    runner: String,
    order: String,
    pub key: String,
    key_id: String,
}

impl Customer {
    /// What parameters of paths may be for them.
    pub fn known(&self) -> Vec<(&'static str, String)> {
        vec![
            ("{user_id}", self.id.clone()),
            ("{project_id}", self.project.clone()),
            ("{runner_id}", self.runner.clone()),
            ("{order_number}", self.order.clone()),
            ("{key_id}", self.key_id.clone()),
            ("{template}", "topped_up".to_owned()),
            ("{call}", "get_api_v1_me".to_owned()),
        ]
    }
}

/// A world in which everything that takes a text is full of them.
#[derive(Default)]
pub struct Garden {
    pub customers: Vec<Customer>,
    pub planted: Vec<Planted>,
    /// Mails that leave because of it.
    pub mails: usize,
    /// Pages of an operator that no page's path names.
    pub desk: Vec<String>,
    /// Where the files are, as long as somebody looks at them.
    pub machine: Option<Machine>,
}

impl Garden {
    pub async fn plant(world: &World, hostile: &[&str]) -> Self {
        let garden = Self::default();
        let mut gardener = Gardener { world, http: Client::new(), garden };
        for (index, text) in hostile.iter().enumerate() {
            let runner = gardener.operator(index, text).await;
            gardener.customer(index, text, runner).await;
        }
        work::done(&mut gardener, hostile).await;
        gardener.garden
    }
}

pub struct Gardener<'a> {
    pub world: &'a World,
    pub http: Client,
    pub garden: Garden,
}

impl Gardener<'_> {
    /// The text for a field, with an end by which it is known.
    pub fn text(&mut self, field: &str, index: usize, hostile: &str) -> String {
        let all = TRIED.iter().chain(&[(MADE, true)]);
        let found = all.enumerate().find(|(_, (name, _))| *name == field);
        let (number, (_, shown)) = found.unwrap_or_else(|| panic!("{field} is not in the list"));
        let text = format!("{hostile}f{number}i{index}");
        let (field, shown) = (field.to_owned(), *shown);
        self.garden.planted.push(Planted { field, text: text.clone(), shown });
        text
    }

    async fn customer(&mut self, index: usize, hostile: &str, runner: String) {
        let name = self.text(NAME, index, &visible(hostile));
        let body = json!({
            "email": format!("e{index}@example.com"), "password": "no analytical engine",
            "country": "DE", "phone": "+493012345678", "name": name,
        });
        let request = self.http.post(self.world.at("/api/v1/customer/register")).json(&body);
        let reply = request.header("origin", self.world.url()).send().await.expect("an answer");
        assert!(reply.status().is_success(), "{hostile}: {}", reply.text().await.expect("a body"));
        let cookie = screens::cookie(&reply);
        let made: Value = reply.json().await.expect("JSON");
        let of = |value: &Value| value.as_str().expect("text").to_owned();
        let (id, key) = (of(&made["id"]), of(&made["apiKey"]["token"]));
        let (project, order) = (String::new(), format!("o{index}"));
        let key_id = of(&made["apiKey"]["id"]);
        let mut customer = Customer { id, cookie, project, runner, order, key, key_id };
        self.garden.mails += 1;
        self.about(&customer, index, hostile).await;
        let name = self.text(OWN_KEY, index, hostile);
        self.send("POST", "/api/v1/keys", &customer.key, json!({ "name": name })).await;
        let name = self.text(PROJECT, index, hostile);
        let owner = self.text(OWNER, index, hostile);
        let body = json!({ "name": name, "ownerId": owner });
        let project = self.send("POST", "/api/v1/projects", &customer.key, body).await;
        customer.project = of(&project["projectId"]);
        self.garden.customers.push(customer);
    }

    /// What an operator writes about a customer.
    async fn about(&mut self, customer: &Customer, index: usize, hostile: &str) {
        let name = self.text(KEY, index, hostile);
        self.admin("/admin/api/api-keys", json!({ "user_id": customer.id, "name": name })).await;
        let wallet = format!("/admin/api/users/{}/wallet", customer.id);
        let note = self.text(BALANCE, index, hostile);
        self.admin(&wallet, json!({ "balance_usd": "1.00", "note": note })).await;
        let note = self.text(CREDIT, index, hostile);
        let credit = format!("{wallet}/credit");
        self.admin(&credit, json!({ "amount_usd": "1.00", "note": note })).await;
    }

    /// What an operator writes beside that; mails then come from whom the text says.
    async fn operator(&mut self, index: usize, hostile: &str) -> String {
        let note = self.text(USER, index, hostile);
        let user = json!({ "username": format!("u{index}"), "note": note });
        let made = self.admin("/admin/api/users", user).await;
        let id = made["user"]["id"].as_str().expect("an id");
        self.garden.desk.push(format!("/admin/customers/{id}"));
        let note = self.text(ORDER, index, hostile);
        let order =
            json!({ "order_number": format!("o{index}"), "note": note, "credit_usd": "1.00" });
        self.admin("/admin/api/users/g2g", order).await;
        let (name, label) = (self.text(RUNNER, index, hostile), self.text(LABEL, index, hostile));
        let wish = json!({ "name": name, "labels": { "l": label } });
        let runner = Peer::enrolled(self.world, wish).await.id.to_string();
        let model = self.text(MODEL, index, hostile);
        let price = json!({
            "model": model, "input_usd_per_million": "5", "output_usd_per_million": "30",
        });
        self.admin("/admin/api/billing/settings", price).await;
        let settings = self.http.get(self.world.at("/admin/api/smtp/settings"));
        let settings = settings.bearer_auth(self.world.admin_token()).send().await;
        let settings: Value = settings.expect("an answer").json().await.expect("JSON");
        let name = self.text(SENDER, index, hostile);
        let change = json!({
            "via": settings["via"], "from_name": name, "from_address": settings["from_address"],
            "http": { "url": settings["http"]["url"], "token": TOKEN },
        });
        self.admin("/admin/api/smtp/settings", change).await;
        runner
    }

    async fn admin(&self, path: &str, body: Value) -> Value {
        self.send("POST", path, self.world.admin_token(), body).await
    }

    pub async fn send(&self, method: &str, path: &str, bearer: &str, body: Value) -> Value {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, self.world.at(path)).bearer_auth(bearer);
        let reply = request.json(&body).send().await.expect("an answer");
        let (status, text) = (reply.status(), reply.text().await.expect("a body"));
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// The text without what only turns letters around: a person's name may not have it.
pub fn visible(text: &str) -> String {
    text.chars().filter(|it| it.is_ascii()).collect()
}

/// Every member of a body that takes any text, by the document.
pub fn free_texts(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, row) in document["paths"].as_object().expect("paths") {
        for method in ["post", "put", "patch"] {
            let content = &row[method]["requestBody"]["content"]["application/json"];
            let place = format!("{} {path} ", method.to_uppercase());
            texts(document, &content["schema"], &place, "", &mut found);
        }
    }
    found
}

fn texts(all: &Value, schema: &Value, place: &str, name: &str, found: &mut BTreeSet<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(there) => all.pointer(there.trim_start_matches('#')).expect("a schema"),
        None => schema,
    };
    let is_text = schema["type"] == "string"
        || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("string")));
    let narrow = ["enum", "const", "format", "pattern"].iter().any(|word| !schema[*word].is_null());
    if is_text && !narrow {
        found.insert(format!("{place}{name}"));
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for part in schema[word].as_array().into_iter().flatten() {
            texts(all, part, place, name, found);
        }
    }
    for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
        let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
        texts(all, schema, place, &name, found);
    }
    for word in ["items", "additionalProperties"] {
        if schema[word].is_object() {
            texts(all, &schema[word], place, &format!("{name}[]"), found);
        }
    }
}
