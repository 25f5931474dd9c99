//! Arguments become a [`Command`], and a command is carried out. What can be tested is in the library; here is only
//! what belongs to the process itself: its arguments, variables, streams and exit code.

use evenkeel::balance::budget::{self, Budget};
use evenkeel::base::Address;
use evenkeel::config::access::{AccessLog, Target};
use evenkeel::config::{self, Command, Config, Exit, Limits};
use evenkeel::demo::backend::{Backend, Manner};
use evenkeel::demo::{self, Ports};
use evenkeel::host::resolve::resolve;
use evenkeel::host::spool::Spool;
use evenkeel::host::{ask, limits, stderr};
use evenkeel::net::os::Os;
use evenkeel::net::traced::Traced;
use evenkeel::proxy::access::Access;
use evenkeel::proxy::{Proxy, Turned};
use log::LevelFilter;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let env = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    let command = config::from_args(std::env::args_os(), &env, &read, &resolve);
    let ended = match command {
        Ok(Command::Run { config, log, access }) => run(config, log, access),
        Ok(Command::Demo { port_base, log }) => demo(port_base, log),
        Ok(Command::Backend { listen, name, delay, status, body_size, log }) => {
            let name = name.unwrap_or_else(|| name_of(&listen));
            backend(&listen, Manner { name, delay, status, body_size }, log)
        }
        Ok(Command::Explain { id, admin }) => explain(&id, &admin),
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

/// Descriptors that are not for clients and their upstreams: listeners, probes, logs, the loop's own.
const RESERVED: u64 = 64;

/// Sees to it that there are descriptors for all who are let in: two for each, the client and its upstream.
fn fit(limits: &mut Limits, descriptors: u64) {
    let narrow = |wide: u64| usize::try_from(wide).unwrap_or(usize::MAX);
    let most = narrow(descriptors.saturating_sub(RESERVED) / 2);
    if limits.connections == 0 {
        limits.connections = most;
    } else if limits.connections > most {
        log::warn!(
            "limits.connections is {}, but {descriptors} descriptors are enough for {most} only: raise the limit on open \
             files (ulimit -n, LimitNOFILE=) to {}, or lower limits.connections",
            limits.connections,
            (limits.connections as u64).saturating_mul(2).saturating_add(RESERVED)
        );
    }
    limits.descriptors = narrow(descriptors);
}

/// Balances until told to stop.
fn run(mut config: Config, log: LevelFilter, access: Option<AccessLog>) -> Result<(), Exit> {
    stderr::init(log);
    fit(&mut config.limits, limits::raise_descriptors());
    let ended = access.map(open).transpose().and_then(|access| balance(&config, access));
    stderr::flush();
    ended.map_err(failed)
}

/// Errors name the file.
fn open(log: AccessLog) -> io::Result<Access> {
    let spool = match &log.to {
        Target::Stdout => Spool::stdout(),
        Target::File(path) => Spool::file(path).map_err(|error| {
            let what = format!("cannot write the access log {}: {error}", path.display());
            io::Error::other(format!("{what}: name a file in a directory that is there and that this user may write"))
        }),
    };
    Ok(Access::new(log.format, spool?))
}

fn balance(config: &Config, access: Option<Access>) -> io::Result<()> {
    let mut os = Os::new()?;
    os.hear_signals()?;
    let seed = RandomState::new().build_hasher().finish(); // std's own keys: the one place where chance comes in
    let mut proxy = Proxy::new(config, Traced::new(os), seed)?;
    access.into_iter().for_each(|access| proxy.log_to(access));
    while proxy.turn()? == Turned::More {}
    Ok(())
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
    let config = demo::start(ports, Limits::default()).map_err(failed).map_err(hint)?;
    let _ = writeln!(
        io::stdout(),
        "two backends: 127.0.0.1:{} and 127.0.0.1:{}\nbalancer:     http://localhost:{balancer}/\n\
         status:       http://localhost:{}/api/state\ntry:          curl http://localhost:{balancer}/\n",
        ports.backends[0],
        ports.backends[1],
        ports.admin,
        balancer = ports.balancer,
    );
    run(config, log, None).map_err(hint)
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

/// Asks a running balancer for a receipt and prints its words.
fn explain(id: &str, admin: &[Address]) -> Result<(), Exit> {
    let fail = |text: String| Exit { text: format!("evenkeel: {text}"), to_stdout: false, code: 1 };
    let shown = admin.first().map_or(String::new(), Address::to_string);
    let (status, body) = ask::get(admin, &format!("/api/requests/{id}")).map_err(|error| {
        fail(format!("cannot ask {shown}: {error}\n  fix: name the admin address of a running balancer with --admin"))
    })?;
    let receipt: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let words = receipt["words"].as_array().filter(|_| status == 200);
    let Some(words) = words else { return Err(fail(String::from_utf8_lossy(&body).trim_end().to_string())) };
    let lines: Vec<&str> = words.iter().filter_map(|line| line.as_str()).collect();
    Err(said(lines.join("\n")))
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
