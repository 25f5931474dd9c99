//! Arguments become a [`Command`], and a command is carried out. What can be tested is in the library; here is only
//! what belongs to the process itself: its arguments, variables, streams and exit code.

use evenkeel::config::{self, Command, Config, Exit};
use evenkeel::host::resolve::resolve;
use log::LevelFilter;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let env = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    let command = config::from_args(std::env::args_os(), &env, &read, &resolve);
    let ended = match command {
        Ok(Command::Run { config, log }) => run(config, log),
        Ok(Command::Demo { port_base, log }) => demo(port_base, log),
        Ok(Command::Backend { listen, name, delay, status, body_size, log }) => {
            backend(&listen, name, delay, status, body_size, log)
        }
        Ok(Command::Check { text }) => Err(said(text)),
        Err(exit) => Err(exit),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => leave(&exit),
    }
}

/// Says why and ends. A stream that nobody reads is no reason to panic, which `println!` and `eprintln!` would.
fn leave(exit: &Exit) -> ExitCode {
    let _ = match exit.to_stdout {
        true => writeln!(io::stdout(), "{}", exit.text),
        false => writeln!(io::stderr(), "{}", exit.text),
    };
    ExitCode::from(exit.code)
}

fn said(text: String) -> Exit {
    Exit { text, to_stdout: true, code: 0 }
}

fn unwired(what: &str) -> Exit {
    Exit { text: format!("evenkeel: {what} is not wired"), to_stdout: false, code: 1 }
}

/// Balances until told to stop.
fn run(_config: Config, _log: LevelFilter) -> Result<(), Exit> {
    Err(unwired("run"))
}

/// Shows it working, until told to stop.
fn demo(_port_base: Option<u16>, _log: LevelFilter) -> Result<(), Exit> {
    Err(unwired("demo"))
}

/// Is one embedded backend, until told to stop.
fn backend(
    _listen: &[SocketAddr],
    _name: Option<String>,
    _delay: Duration,
    _status: u16,
    _body_size: Option<u64>,
    _log: LevelFilter,
) -> Result<(), Exit> {
    Err(unwired("backend"))
}
