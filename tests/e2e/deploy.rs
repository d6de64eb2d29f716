//! The committed deploy configuration.

use tests::{build, command, packages, paths};

#[test]
fn the_deploy_tool_accepts_the_configuration() {
    build::ensure().expect("the Worker builds");
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrangler = packages::script("wrangler/bin/wrangler.js");
    wrangler
        .args(["deploy", "--dry-run", "--outdir"])
        .arg(folder.path())
        .current_dir(paths::root())
        .env("CI", "1")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_LOG_PATH", folder.path());
    let said = command::run(&mut wrangler).expect("wrangler accepts it");
    for binding in ["env.ACCOUNT", "env.DB"] {
        assert!(said.contains(binding), "{binding} is missing in:\n{said}");
    }
}
