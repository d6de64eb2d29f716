//! What pages load that others wrote: taken from installed packages, made small, and put beside our
//! own files with its licence. Nothing of it is checked in.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, lock::Lock, packages, paths};

const FOLDER: &str = "functions/assets/assets/vendor";
const STAMP: &str = "target/vendored";

/// A file of a package, and what it is called here.
const FILES: [(&str, &str); 3] = [
    ("uplot/dist/uPlot.esm.js", "uplot.js"),
    ("uplot/dist/uPlot.min.css", "uplot.css"),
    ("uplot/LICENSE", "uplot.LICENSE.txt"),
];
/// Where the versions stand that were taken.
const ABOUT: [&str; 1] = ["uplot/package.json"];

/// Takes what is missing or of another version.
pub fn ensure() -> Result<()> {
    let wanted = wanted()?;
    let fresh = || {
        let there = FILES.iter().all(|(_, name)| paths::at(FOLDER).join(name).is_file());
        there && fs::read_to_string(paths::at(STAMP)).is_ok_and(|stamp| stamp == wanted)
    };
    if fresh() {
        return Ok(());
    }
    let _lock = Lock::take(&paths::at("target/vendor.lock"))?;
    if fresh() {
        return Ok(());
    }
    fs::create_dir_all(paths::at(FOLDER))?;
    for (from, name) in FILES {
        take(from, name)?;
    }
    fs::write(paths::at(STAMP), wanted)?;
    Ok(())
}

/// Which files of which versions: another list is another text.
fn wanted() -> Result<String> {
    let read = |about| fs::read_to_string(packages::file(about)).context(about);
    let versions = ABOUT.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(format!("{FILES:?}\n{}", versions.concat()))
}

fn take(from: &str, name: &str) -> Result<()> {
    let (from, to) = (packages::file(from), paths::at(FOLDER).join(name));
    if name.ends_with(".txt") {
        fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        return Ok(());
    }
    let mut esbuild = Command::new(packages::esbuild()?);
    esbuild.arg(from).args(["--minify", "--legal-comments=inline", "--log-level=error"]);
    command::run(esbuild.arg(format!("--outfile={}", to.display())).arg("--allow-overwrite"))?;
    Ok(())
}
