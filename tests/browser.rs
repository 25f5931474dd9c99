//! The pages in a real browser: `tests/browser/run.mjs` has Chromium look at the built binary, work it by mouse and by
//! keyboard, and complain of whatever is not as it should be.
//!
//! It wants node, Chromium and what `tests/browser/package.json` names; `scripts/browser.sh` brings them. Where they are
//! missing it is left out with a word, unless `EVENKEEL_BROWSER` says that it must be played.

#[path = "support/which.rs"]
mod which;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use which::find;

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Node, the browser and the folder of the scripts. Errors: what is missing.
fn tools() -> Result<(PathBuf, PathBuf, PathBuf), &'static str> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let node = find("node").ok_or("node")?;
    let browser = std::env::var_os("CHROMIUM").map(PathBuf::from).or(BROWSERS.iter().find_map(|name| find(name)));
    let browser = browser.ok_or("Chromium")?;
    let installed = ["playwright-core", "axe-core"].iter().all(|name| scripts.join("node_modules").join(name).is_dir());
    installed.then_some((node, browser, scripts)).ok_or("what tests/browser/package.json names")
}

#[test]
fn the_pages_hold_in_a_browser() {
    let (node, browser, scripts) = match tools() {
        Ok(tools) => tools,
        Err(missing) if std::env::var_os("EVENKEEL_BROWSER").is_none() => {
            return eprintln!("left out: {missing} is not here; scripts/browser.sh brings it");
        }
        Err(missing) => panic!("{missing} is not here; scripts/browser.sh brings it"),
    };
    let mut command = Command::new(node);
    command.arg(scripts.join("run.mjs")).stdin(Stdio::null());
    command.env("EVENKEEL", env!("CARGO_BIN_EXE_evenkeel")).env("CHROMIUM", browser);
    let output = command.output().expect("node can be started");
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{complaints}");
    println!("{told}");
}
