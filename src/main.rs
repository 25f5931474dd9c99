//! Arguments become a [`Command`], and a command is carried out. What can be tested is in the library; here is only
//! what belongs to the process itself: its arguments, variables, streams and exit code.

use evenkeel::admin::stage::Stage;
use evenkeel::balance::budget::{self, Budget};
use evenkeel::base::Address;
use evenkeel::config::{self, Command, Config, Exit, Limits};
use evenkeel::ctl;
use evenkeel::demo::backend::{Backend, Manner};
use evenkeel::demo::{self, Ports};
use evenkeel::host::resolve::resolve;
use evenkeel::host::{birth, limits, stderr, terminal};
use evenkeel::net::inherit::Inherited;
use evenkeel::net::os::Os;
use evenkeel::run::{Again, Asked};
use log::LevelFilter;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let ended = match command() {
        Ok(Command::Run { config, log, access }) => run(Asked { config, log, access }, Arc::new(again), None),
        Ok(Command::Demo { port_base, log }) => demo(port_base, log),
        Ok(Command::Backend { listen, name, delay, status, body_size, log }) => {
            let name = name.unwrap_or_else(|| name_of(&listen));
            backend(&listen, Manner { name, delay, status, body_size }, log)
        }
        Ok(Command::Explain { id, to }) => ctl::explain(&id, &to).map_err(told),
        Ok(Command::Ctl { say, to }) => ctl::run(&say, &to).map_err(told),
        Ok(Command::Check { text, printed }) => Err(said(text + &printed.map_or(String::new(), |it| budgets(&it)))),
        Err(exit) => Err(exit),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => leave(&exit),
    }
}

/// What follows from a configuration, as comments behind it.
fn budgets(config: &Config) -> String {
    let blocks = config.pools.iter().map(|pool| budget::block(&pool.name, &Budget::of(pool, config)));
    blocks.collect()
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

/// Balances until told to stop.
fn run(asked: Asked, again: Again, stage: Option<Box<dyn Stage>>) -> Result<(), Exit> {
    let inherited = Inherited::from_env(); // before there are threads
    birth::note();
    stderr::init(asked.log);
    let ended = evenkeel::run::run(asked, inherited, again, stage);
    terminal::end();
    stderr::flush();
    ended.map_err(failed)
}

/// Understands the process's own command line, and what it names, as they are now.
fn command() -> Result<Command, Exit> {
    let env = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    config::from_args(std::env::args_os(), &env, &read, &resolve)
}

/// What a running balancer is asked for now.
fn again() -> Result<Config, String> {
    match command() {
        Ok(Command::Run { config, .. }) => Ok(config),
        Ok(_) => Err("the demo has no configuration to read".into()),
        Err(exit) => Err(exit.text),
    }
}

/// Shows it working, until told to stop.
fn demo(port_base: Option<u16>, log: LevelFilter) -> Result<(), Exit> {
    let Some(ports) = Ports::new(port_base) else {
        let text = "evenkeel: --port-base: there are no four ports from there on\n  fix: at most 65532".into();
        return Err(Exit { text, to_stdout: false, code: 2 });
    };
    let hint = |exit: Exit| {
        let text = exit.text.replace("or choose another", "or choose four other ports with --port-base");
        Exit { text, ..exit }
    };
    let (config, play) = demo::start(ports, Limits::default()).map_err(failed).map_err(hint)?;
    let _ = writeln!(
        io::stdout(),
        "two backends: 127.0.0.1:{} and 127.0.0.1:{}\nbalancer:     http://localhost:{balancer}/\n\
         dashboard:    http://localhost:{admin}/\n\
         status:       http://localhost:{admin}/api/state\ntry:          curl http://localhost:{balancer}/\n",
        ports.backends[0],
        ports.backends[1],
        admin = ports.admin,
        balancer = ports.balancer,
    );
    run(Asked { config, log, access: None }, Arc::new(again), Some(Box::new(play))).map_err(hint)
}

/// Is one embedded backend, until told to stop.
fn backend(listen: &[Address], manner: Manner, log: LevelFilter) -> Result<(), Exit> {
    stderr::init(log);
    let ended = serve(listen, manner);
    stderr::flush();
    ended.map_err(failed)
}

/// What a backend is called that nobody named.
fn name_of(listen: &[Address]) -> String {
    match listen.first() {
        Some(Address::Unix(path)) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        tcp => format!("backend-{}", tcp.map_or(0, Address::port)),
    }
}

fn serve(listen: &[Address], manner: Manner) -> io::Result<()> {
    limits::raise_descriptors();
    let mut os = Os::new()?;
    os.hear_signals()?;
    let name = manner.name.clone();
    let mut backend = Backend::new(os, listen, manner)?;
    for address in backend.addresses() {
        log::info!("listening on {address} (backend {name})");
    }
    while backend.turn()? {}
    Ok(())
}

/// A running balancer was asked, and it came to nothing.
fn told(why: String) -> Exit {
    Exit { text: format!("evenkeel: {why}"), to_stdout: false, code: 1 }
}

/// The operating system refused us something without which nothing can go on.
fn failed(error: io::Error) -> Exit {
    let fix = match error.kind() {
        io::ErrorKind::AddrInUse => ": stop the program that uses this address, or choose another",
        io::ErrorKind::PermissionDenied => ": choose a port above 1023, or run with the right to use it",
        io::ErrorKind::AddrNotAvailable => ": choose an address that this machine has",
        _ => "",
    };
    Exit { text: format!("evenkeel: {error}{fix}"), to_stdout: false, code: 1 }
}
