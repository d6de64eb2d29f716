//! How the stock CLI's terminal is pointed at a project here: `codex --remote`.

use super::{Cli, Settings, quote};

/// What the CLI is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// `wss://host:port`: the CLI takes no address without a port, and none with a path.
    pub url: String,
    /// The variable that holds the pass.
    pub variable: String,
    /// For a POSIX shell.
    pub command: String,
}

/// The command that comes to this origin with this pass. The CLI looks at its own settings to see
/// whether somebody has to sign in, and gets those of a provider that nobody signs in to.
pub fn remote(cli: &Cli, origin: &str, pass: &str) -> Remote {
    let url = address(origin);
    let variable = format!("{}_TERMINAL_PASS", cli.provider_id.to_uppercase().replace('-', "_"));
    let settings = Settings { cli, origin };
    let assignments = settings.assignments(quote::toml);
    let needed = assignments.iter().filter(|it| {
        let starts = ["model_provider=", "model_providers.", "notice."];
        starts.iter().any(|start| it.starts_with(start))
    });
    let arguments: Vec<_> = needed.map(|it| format!("-c {}", quote::posix(it))).collect();
    let command = format!(
        "{variable}={} codex --remote {} --remote-auth-token-env {variable} {}",
        quote::posix(pass),
        quote::posix(&url),
        arguments.join(" ")
    );
    Remote { url, variable, command }
}

/// An origin as a WebSocket's address with its port.
fn address(origin: &str) -> String {
    let (scheme, host) = origin.split_once("://").unwrap_or(("https", origin));
    let (scheme, port) = if scheme == "http" { ("ws", 80) } else { ("wss", 443) };
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    if after.contains(':') {
        return format!("{scheme}://{host}");
    }
    format!("{scheme}://{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_always_has_its_port() {
        let check = |origin, url: &str| assert_eq!(address(origin), url);
        check("https://gantry.test", "wss://gantry.test:443");
        check("https://gantry.test:8443", "wss://gantry.test:8443");
        check("http://127.0.0.1:8800", "ws://127.0.0.1:8800");
        check("http://[::1]", "ws://[::1]:80");
        check("http://[::1]:8800", "ws://[::1]:8800");
    }
}
