//! Floor 1: where access lines go, and what they look like.
//!
//! They belong to the process and not to what it balances, as the log level does: flags and the environment say it, and
//! no file.

use super::error::{Wrong, quote};
use std::path::PathBuf;

/// One line for each request and tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// Where it goes.
    pub to: Target,
    /// What it looks like.
    pub format: Format,
}

/// Where access lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
}

/// What access lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `key=value`, one space apart; values with spaces in quotes.
    #[default]
    Text,
    /// One object a line.
    Json,
    /// Apache's and nginx's `combined`.
    Combined,
}

/// `-`, `off` or a path. None: off.
pub fn target(text: &str) -> Result<Option<Target>, Wrong> {
    match text {
        "off" => Ok(None),
        "-" => Ok(Some(Target::Stdout)),
        _ if text.ends_with('/') => {
            let what = format!("{} is a directory's name", quote(text));
            Err(Wrong::new(what, "name a file, \"-\" for standard output, or \"off\""))
        }
        _ => Ok(Some(Target::File(text.into()))),
    }
}

/// `text`, `json` or `combined`.
pub fn format(text: &str) -> Result<Format, Wrong> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        "combined" => Ok(Format::Combined),
        _ => Err(Wrong::unknown("access log format", text, &["text", "json", "combined"])),
    }
}

/// As an operator writes it: target, then format.
pub fn show(log: Option<&AccessLog>) -> String {
    let Some(AccessLog { to, format }) = log else { return "off".into() };
    let to = match to {
        Target::Stdout => "-".into(),
        Target::File(path) => path.display().to_string(),
    };
    format!("{to}, {}", format!("{format:?}").to_ascii_lowercase())
}
