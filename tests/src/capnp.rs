//! The runtime's own configuration, written from `wrangler.toml` so that bindings are named once.

use std::fmt::Write;

use crate::config::{Database, Wrangler};
use crate::paths;

/// What differs from one local run to the next.
#[derive(Debug)]
pub struct Run<'a> {
    /// Where the Worker listens; port 0 picks a free one.
    pub port: u16,
    /// Values of vars, instead of or besides those of `wrangler.toml`.
    pub vars: &'a [(String, String)],
    /// Certificates that are trusted beside those that browsers trust, as PEM.
    pub trusted: &'a [String],
    /// Names of secrets; their values travel in the environment and are never written.
    pub secrets: &'a [String],
}

/// The configuration's text. Its relative paths start at the folder that holds the file.
pub fn config(wrangler: &Wrangler, run: &Run<'_>) -> String {
    let mut services =
        vec![internet(run.trusted), disk("objects"), disk("database"), DATABASE.to_owned()];
    services.push(assets(wrangler));
    services.push(worker(wrangler, run));
    services.push(door(wrangler));
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    {}
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:{}", http = (), service = "main"),
    (name = "door", address = "127.0.0.1:0", http = (), service = "door")]);
"#,
        services.join(",\n    "),
        run.port
    )
}

/// Everywhere, this machine included.
fn internet(trusted: &[String]) -> String {
    let trusted: Vec<_> = trusted.iter().map(|certificate| text(certificate)).collect();
    format!(
        r#"(name = "internet", network = (allow = ["public", "private"],
      tlsOptions = (trustBrowserCas = true, trustedCertificates = [{}])))"#,
        trusted.join(", ")
    )
}

/// The runtime's own D1, as a service of its own.
const DATABASE: &str = r#"(name = "d1", worker = (
      modules = [(name = "d1.js", bundled = "/workerd/d1.js")],
      compatibilityDate = "2026-01-01",
      durableObjectNamespaces = [
        (className = "D1Database", uniqueKey = "d1", enableSql = true)],
      durableObjectStorage = (localDisk = "database"),
      bindings = [(name = "DATABASE", durableObjectNamespace = "D1Database")]))"#;

fn worker(wrangler: &Wrangler, run: &Run<'_>) -> String {
    let mut bindings: Vec<String> = wrangler.d1_databases.iter().map(database).collect();
    for object in wrangler.objects() {
        let (name, class) = (text(&object.name), text(&object.class_name));
        bindings.push(format!("(name = {name}, durableObjectNamespace = {class})"));
    }
    let mut vars = wrangler.vars();
    vars.extend(run.vars.iter().cloned());
    for (name, value) in &vars {
        bindings.push(format!("(name = {}, text = {})", text(name), text(value)));
    }
    bindings.push(format!(
        r#"(name = {}, service = (name = "assets", entrypoint = "AssetWorker"))"#,
        text(&wrangler.assets.binding)
    ));
    for name in run.secrets {
        bindings.push(format!("(name = {}, fromEnvironment = {})", text(name), text(name)));
    }
    let objects = wrangler.classes().into_iter().map(|class| {
        let (name, sql) = (text(class), wrangler.keeps_sql(class));
        format!("(className = {name}, uniqueKey = {name}, enableSql = {sql})")
    });
    let flags = wrangler.compatibility_flags.iter().map(|flag| text(flag));
    format!(
        r#"(name = "main", worker = (
      modules = [
        (name = "index.js", esModule = embed "index.js"),
        (name = "index_bg.wasm", wasm = embed "index_bg.wasm")],
      compatibilityDate = {},
      compatibilityFlags = [{}],
      durableObjectNamespaces = [{}],
      durableObjectStorage = (localDisk = "objects"),
      bindings = [
        {}]))"#,
        text(&wrangler.compatibility_date),
        flags.collect::<Vec<_>>().join(", "),
        objects.collect::<Vec<_>>().join(", "),
        bindings.join(",\n        ")
    )
}

/// The files of the pages, as the platform serves them.
fn assets(wrangler: &Wrangler) -> String {
    let folder = paths::at(&wrangler.assets.directory);
    let path = text(&folder.to_string_lossy());
    format!(r#"(name = "assets", assets = (path = {path}, userWorker = "main", config = "{{}}"))"#)
}

fn door(wrangler: &Wrangler) -> String {
    let mut bindings: Vec<String> = wrangler.d1_databases.iter().map(database).collect();
    for object in wrangler.objects() {
        let (name, class) = (text(&object.name), text(&object.class_name));
        let place = format!("(className = {class}, serviceName = \"main\")");
        bindings.push(format!("(name = {name}, durableObjectNamespace = {place})"));
    }
    bindings.push(r#"(name = "WORKER", service = "main")"#.to_owned());
    bindings.push(r#"(name = "TOKEN", fromEnvironment = "DOOR_TOKEN")"#.to_owned());
    format!(
        r#"(name = "door", worker = (
      modules = [(name = "door.js", esModule = {})],
      compatibilityDate = {},
      compatibilityFlags = ["service_binding_extra_handlers"],
      bindings = [
        {}]))"#,
        text(include_str!("door.js")),
        text(&wrangler.compatibility_date),
        bindings.join(",\n        ")
    )
}

fn database(database: &Database) -> String {
    let props = format!("{{\"database\":\"{}\"}}", database.binding);
    format!(
        r#"(name = {}, wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [
          (name = "fetcher", service = (name = "d1", props = (json = {})))]))"#,
        text(&database.binding),
        text(&props)
    )
}

fn disk(name: &str) -> String {
    format!("(name = {0}, disk = (path = {0}, writable = true))", text(name))
}

/// A text literal.
fn text(value: &str) -> String {
    let mut literal = String::from('"');
    for letter in value.chars() {
        match letter {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            control if control.is_ascii_control() => {
                let _ = write!(literal, "\\x{:02x}", u32::from(control));
            }
            plain => literal.push(plain),
        }
    }
    literal.push('"');
    literal
}
