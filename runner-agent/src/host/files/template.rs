//! The files that new projects begin with: part of the program, so that no network is needed.

use std::path::Path;
use std::{fs, io};

use schema::workspace::Template;

/// A file's path, and what is in it.
type File = (&'static str, &'static str);

macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("../../../templates/", $path))
    };
}

const REACT: &[File] = &[
    (".gitignore", text!("react/gitignore")),
    ("index.html", text!("react/index.html")),
    ("package.json", text!("react/package.json")),
    ("src/App.jsx", text!("react/src/App.jsx")),
    ("src/main.jsx", text!("react/src/main.jsx")),
    ("src/style.css", text!("react/src/style.css")),
    ("vite.config.js", text!("react/vite.config.js")),
];
const NODE: &[File] = &[
    (".gitignore", text!("node/gitignore")),
    ("main.js", text!("node/main.js")),
    ("main.test.js", text!("node/main.test.js")),
    ("package.json", text!("node/package.json")),
];
const PYTHON: &[File] = &[
    (".gitignore", text!("python/gitignore")),
    ("app/__init__.py", text!("python/app/__init__.py")),
    ("app/__main__.py", text!("python/app/__main__.py")),
    ("pyproject.toml", text!("python/pyproject.toml")),
    ("tests/test_app.py", text!("python/tests/test_app.py")),
];
const RUST: &[File] = &[
    (".gitignore", text!("rust/gitignore")),
    ("Cargo.toml", text!("rust/manifest.toml")),
    ("src/main.rs", text!("rust/src/main.rs.txt")),
];
const STATIC: &[File] = &[
    ("index.html", text!("static/index.html")),
    ("main.js", text!("static/main.js")),
    ("style.css", text!("static/style.css")),
];

/// Puts a template's files into a directory.
pub fn put(folder: &Path, template: &Template) -> io::Result<()> {
    let files = match template {
        Template::React => REACT,
        Template::Node => NODE,
        Template::Python => PYTHON,
        Template::Rust => RUST,
        Template::Static => STATIC,
        Template::Empty | Template::Git(_) => &[],
    };
    for (path, content) in files {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Puts a template down, and runs what its reader would run, without a network.
    #[track_caller]
    fn check(template: &Template, program: &str, args: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), template).unwrap();
        let mut command = Command::new(program);
        command.current_dir(folder.path()).args(args).env("CARGO_NET_OFFLINE", "true");
        let output = command.env("CARGO_TARGET_DIR", folder.path().join("target")).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{template:?}: {output:?}");
    }

    #[test]
    fn templates_pass_their_own_tests_offline() {
        check(&Template::Node, "node", &["--test"]);
        check(&Template::Python, "python3", &["-m", "unittest", "discover", "tests"]);
        check(&Template::Rust, "cargo", &["test", "-q"]);
        check(&Template::Static, "node", &["--check", "main.js"]);
        check(&Template::React, "node", &["--check", "vite.config.js"]);
    }

    #[test]
    fn the_empty_template_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &Template::Empty).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
