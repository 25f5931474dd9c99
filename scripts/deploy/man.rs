//! Writes the manual pages from the definition of the command line: `cargo run --example man FOLDER` makes
//! `evenkeel.1` and one for each subcommand there.
//!
//! No part of the binary, which stays without roff.

use clap::CommandFactory;
use clap_mangen::Man;
use evenkeel::config::flags::Line;
use std::io;
use std::path::Path;
use std::process::ExitCode;

#[allow(dead_code)] // tests/cli.rs asks for the pages alone
fn main() -> ExitCode {
    let written = match std::env::args_os().nth(1) {
        Some(folder) => pages().and_then(|pages| write(&pages, Path::new(&folder))),
        None => Err(io::Error::other("name the folder that the pages go to")),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("man: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line's definition does not know of a running balancer.
const RUNNING: &str = r#"
.SH SIGNALS
.TP
TERM, INT, QUIT
leave without loss: no new connections, what is under way is finished; a second one leaves at once
.TP
HUP
read the configuration again; a bad file keeps the old one and says why
.TP
USR1
say what it is doing, and open the access log's file anew
.TP
USR2
hand all listeners over to a new process of the same command line, without losing a connection
.SH "EXIT STATUS"
.TP
0
it left cleanly, or said what it was asked
.TP
1
something failed that it needs: a port is taken, a file cannot be written
.TP
2
a mistake in the command line or the configuration, told with its place and mend
.SH FILES
.TP
/etc/evenkeel/evenkeel.toml
what the packaged unit runs with; each key is explained there
"#;

/// Each page's file name and text.
pub fn pages() -> io::Result<Vec<(String, String)>> {
    let mut whole = Line::command().disable_help_subcommand(true);
    whole.build();
    let parts: Vec<_> = whole.get_subcommands().cloned().collect();
    let page = |command: clap::Command| {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_string();
        let mut text = Vec::new();
        Man::new(command).render(&mut text)?;
        Ok((format!("{name}.1"), String::from_utf8_lossy(&text).into_owned()))
    };
    let mut pages = [whole].into_iter().chain(parts).map(page).collect::<io::Result<Vec<_>>>()?;
    pages.iter_mut().take(1).for_each(|(_, text)| text.push_str(RUNNING));
    Ok(pages)
}

fn write(pages: &[(String, String)], folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}
