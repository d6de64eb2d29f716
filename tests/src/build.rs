//! Source to `build/`: compile, bind, optimise, bundle, weigh. What is tested is what is deployed.
//!
//! The standard library is rebuilt so that a panic unwinds: it then ends one request, where an
//! aborting one would end every request of its isolate.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};
use wasm_bindgen_cli_support::Bindgen;

use crate::config::Wrangler;
use crate::workerd::{Setup, Workerd};
use crate::{command, lock::Lock, packages, paths, steps};

/// The platform refuses more than 3 MB on its smallest plan; we stop before.
const WASM_MAX_GZIP_BYTES: usize = 2_800_000;

/// SIMD pays for itself in the scans of streams.
const RUSTFLAGS: &str = "-Cpanic=unwind -Ctarget-feature=+simd128";

/// What the compiler may have used; the optimiser has to be told.
const WASM_FEATURES: [&str; 8] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-exception-handling",
];

/// Files that shape the result, besides the sources that cargo reports.
const RECIPE: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "wrangler.toml",
    "schema/Cargo.toml",
    "functions/Cargo.toml",
    "functions/entry.js",
    "tests/package-lock.json",
    "tests/src/build.rs",
];

const WORK: &str = "target/wasm";
const STAMP: &str = "target/wasm/built";
const RELEASE: &str = "target/wasm/wasm32-unknown-unknown/release";

/// Starts that are timed, for their median.
const START_SAMPLES: usize = 5;

/// What the build weighs.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    pub raw_bytes: usize,
    pub gzip_bytes: usize,
}

/// Brings `build/` up to date; nothing happens when it is. True if something was built.
pub fn ensure() -> Result<bool> {
    packages::ensure()?;
    if fresh() {
        return Ok(false);
    }
    let _lock = Lock::take(&paths::at("target/build.lock"))?;
    if fresh() {
        return Ok(false);
    }
    build()?;
    Ok(true)
}

/// Says in seconds what the compiler thinks of the Worker, without building it.
pub fn check() -> Result<()> {
    packages::toolchain()?;
    compile("check")
}

/// Puts the two shipped files into a folder, as a pair that belongs together.
pub fn link(folder: &Path) -> Result<()> {
    let _publishing = publishing()?;
    for name in ["index.js", "index_bg.wasm"] {
        let (from, to) = (paths::at("build").join(name), folder.join(name));
        let _ = fs::remove_file(&to);
        fs::hard_link(&from, &to)
            .or_else(|_| fs::copy(&from, &to).map(drop))
            .with_context(|| format!("{} is not built", from.display()))?;
    }
    Ok(())
}

/// Weighs the shipped wasm.
pub fn weight() -> Result<Weight> {
    let wasm = fs::read(paths::at("build/index_bg.wasm"))?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&wasm)?;
    Ok(Weight { raw_bytes: wasm.len(), gzip_bytes: gzip.finish()?.len() })
}

fn build() -> Result<()> {
    packages::toolchain()?;
    let begun = SystemTime::now();
    steps::say("compiling the Worker (release, with its standard library)");
    compile("build")?;
    steps::say("binding it to JavaScript");
    let work = paths::at(WORK).join("package");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    bind(&work)?;
    steps::say("optimising and bundling it");
    optimise(&work)?;
    bundle(&work)?;
    publish(&work)?;
    weigh()?;
    time_start()?;
    // A source that changed while it was being compiled leaves no stamp, so the next start builds
    // again.
    match fingerprint(Some(begun)) {
        Some(print) => fs::write(paths::at(STAMP), print)?,
        None => steps::say("a source changed meanwhile: the next start builds again"),
    }
    Ok(())
}

fn compile(verb: &str) -> Result<()> {
    let mut cargo = command::cargo();
    cargo
        .args([verb, "--release", "--lib", "--package", "functions"])
        .args(["--target", "wasm32-unknown-unknown", "-Zbuild-std=std,panic_unwind"])
        .current_dir(paths::root())
        .env("CARGO_TARGET_DIR", paths::at(WORK))
        // Rebuilding the standard library is not stable yet; this spares us a second, nightly
        // toolchain.
        .env("RUSTC_BOOTSTRAP", "1")
        // Futures are spawned by js-sys, which knows how to carry an unwinding panic.
        .env("WASM_BINDGEN_USE_JS_SYS", "1")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", RUSTFLAGS);
    command::show(&mut cargo).context("the Worker does not compile")
}

fn bind(work: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(paths::at(RELEASE).join("functions.wasm"))
        .out_name("bindings")
        .module(true)?
        .typescript(false)
        .reset_state_function(true)
        .force_enable_abort_handler(true);
    bindgen.generate(work).context("the Worker's bindings cannot be generated")
}

/// One light pass: heavier ones took three times as long and moved neither CPU nor the size with
/// gzip, for the compiler has been there before. The shipped copy has no names; the copy with names
/// turns an address of a stack trace into a function.
fn optimise(work: &Path) -> Result<()> {
    let mut optimiser = packages::script("binaryen/bin/wasm-opt");
    optimiser.args(WASM_FEATURES).args(["-O1", "-g", "bindings_bg.wasm"]);
    command::run(optimiser.args(["-o", "index_bg.unstripped.wasm"]).current_dir(work))?;
    let mut stripper = packages::script("binaryen/bin/wasm-opt");
    stripper.args(WASM_FEATURES).args(["--strip-debug", "--strip-producers"]);
    stripper.args(["index_bg.unstripped.wasm", "-o", "index_bg.wasm"]);
    command::run(stripper.current_dir(work))?;
    Ok(())
}

fn bundle(work: &Path) -> Result<()> {
    let mut entry = fs::read_to_string(paths::at("functions/entry.js"))?;
    for class in Wrangler::read()?.classes() {
        entry += &format!("\nexport const {class} = object(rust.{class});\n");
    }
    fs::write(work.join("entry.js"), entry)?;
    let mut esbuild = Command::new(packages::esbuild()?);
    esbuild
        .args(["entry.js", "--bundle", "--format=esm", "--minify", "--outfile=index.js"])
        .args(["--external:./bindings_bg.wasm", "--external:cloudflare:*", "--log-level=error"])
        .current_dir(work);
    command::run(&mut esbuild)?;
    // The platform takes a wasm import as a module by itself and does not know the `source` phase.
    let script = fs::read_to_string(work.join("index.js"))?;
    let script = script.replace("import source ", "import ");
    fs::write(work.join("index.js"), script.replace("./bindings_bg.wasm", "./index_bg.wasm"))?;
    Ok(())
}

/// Replaces the files one rename at a time; who reads them as a pair takes the same lock.
fn publish(work: &Path) -> Result<()> {
    let folder = paths::at("build");
    fs::create_dir_all(&folder)?;
    let _publishing = publishing()?;
    for name in ["index.js", "index_bg.wasm", "index_bg.unstripped.wasm"] {
        fs::rename(work.join(name), folder.join(name))?;
    }
    Ok(())
}

fn publishing() -> Result<Lock> {
    Lock::take(&paths::at("target/publish.lock"))
}

fn weigh() -> Result<()> {
    let Weight { raw_bytes, gzip_bytes } = weight()?;
    let (raw, gzip) = (raw_bytes / 1000, gzip_bytes / 1000);
    steps::say(&format!("the Worker weighs {raw} kB, {gzip} kB with gzip"));
    if gzip_bytes > WASM_MAX_GZIP_BYTES {
        bail!("that is more than the budget of {} kB with gzip", WASM_MAX_GZIP_BYTES / 1000);
    }
    Ok(())
}

/// How long a fresh process takes to its first answer, storage and runtime included.
fn time_start() -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..START_SAMPLES {
        let folder = tempfile::tempdir_in(paths::at("target"))?;
        let setup = Setup { folder: folder.path().to_owned(), ..Setup::default() };
        times.push(Workerd::start(setup)?.started_in());
    }
    times.sort();
    let median = times[START_SAMPLES / 2].as_millis();
    steps::say(&format!("a fresh process answers its first request after {median} ms"));
    Ok(())
}

fn fresh() -> bool {
    let built = ["build/index.js", "build/index_bg.wasm"].iter().all(|it| paths::at(it).is_file());
    let stamp = fs::read_to_string(paths::at(STAMP)).ok();
    built && stamp.is_some() && stamp == fingerprint(None)
}

/// A digest of everything the build reads; none if that cannot be said, or if a file is newer than
/// `begun`.
fn fingerprint(begun: Option<SystemTime>) -> Option<String> {
    let mut hasher = DefaultHasher::new();
    for path in RECIPE.iter().map(|it| paths::at(it)).chain(sources()?) {
        let changed = fs::metadata(&path).ok()?.modified().ok()?;
        if begun.is_some_and(|begun| changed > begun) {
            return None;
        }
        path.hash(&mut hasher);
        content(&path).ok()?.hash(&mut hasher);
    }
    Some(format!("{:016x}", hasher.finish()))
}

/// What a file says; of a folder, which files it has, for they are listed beside it.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    if !path.is_dir() {
        return fs::read(path);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().into_encoded_bytes());
    }
    names.sort_unstable();
    Ok(names.join(&0))
}

/// The files that the compiler read, as cargo wrote them down: `out: in in in`, spaces escaped. Not
/// those that were made by the build itself: they follow from the others.
fn sources() -> Option<Vec<PathBuf>> {
    let list = fs::read_to_string(paths::at(RELEASE).join("libfunctions.d"))
        .or_else(|_| fs::read_to_string(paths::at(RELEASE).join("functions.d")))
        .ok()?;
    let (_, list) = list.split_once(": ")?;
    let list = list.lines().next()?.replace("\\ ", "\0");
    let all = list.split_whitespace().map(|path| PathBuf::from(path.replace('\0', " ")));
    let work = paths::at(WORK);
    Some(all.filter(|path| !path.starts_with(&work)).collect())
}
