//! Floor 1: the command line as clap knows it, and what flags and variables say as [`Upper`].
//!
//! clap sees texts only: what they mean is parsed by the same functions as in the file, so that the errors are the
//! same. Each flag with a value has a variable named after it (`--health-path`: `EVENKEEL_HEALTH_PATH`), which counts
//! when the flag is absent and which is absent when empty; several listeners or backends are separated by spaces.

use super::access::{self, AccessLog, Format};
use super::error::{ConfigError, Errors, Place, Said, Wrong, quote};
use super::say::{Ctl, To};
use super::typed::{Backend, Health, Listener, Pool, Upper};
use super::{MOST_WEIGHT, completion, duration, guard, policy, word};
use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use std::path::PathBuf;

/// A load balancer for HTTP/1.1 and TCP. The first thing to try: `evenkeel demo`.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Every flag with a value may also be an environment variable: --health-path is EVENKEEL_HEALTH_PATH.\n\
    Flags win over the environment, the environment over the file. Beside a file, flags speak about\n\
    its only listener and its only pool, or of several about those called main: --listen replaces all addresses of that\n\
    listener, --backend all backends of that pool. Without a subcommand: run."
)]
pub struct Line {
    /// What to do; `run` unless named.
    #[command(subcommand)]
    pub task: Option<Task>,
    /// The flags of `run`.
    #[command(flatten)]
    pub run: Run,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Balance (the default)
    Run(Run),
    /// Two embedded backends, a balancer and a dashboard: one command, nothing else needed
    Demo(Demo),
    /// One embedded backend, which answers with its name, port and request count
    Backend(Serve),
    /// Validate a configuration
    Check(Check),
    /// Speak to a running one: what is its state, drain a backend, let it rest, let it work again
    Ctl(Ctl),
    /// The decision receipt of one request, in words
    Explain(Explain),
    /// A script that teaches a shell these commands and flags
    Completions(Completions),
}

/// The flags of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Where clients come in, host:port or unix:/path; repeatable; default 127.0.0.1:5001
    #[arg(short, long, value_name = "ADDR")]
    pub listen: Vec<String>,
    /// A backend, host:port or unix:/path; repeatable; weight from 0 (no new work) to 256, default 1
    #[arg(short, long, value_name = "ADDR[,weight=N]")]
    pub backend: Vec<String>,
    /// A configuration file; flags win over it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// What the listener speaks, http or tcp; default http
    #[arg(long, value_name = "MODE", value_parser = completion::MODES, hide_possible_values = true)]
    pub mode: Option<String>,
    /// How a backend is chosen: round-robin (the default), least-connections, two-choices, random, rendezvous, maglev
    /// or first
    #[arg(long, value_name = "NAME", value_parser = completion::POLICIES, hide_possible_values = true)]
    pub policy: Option<String>,
    /// Probe with GET PATH; default / in http mode
    #[arg(long, value_name = "PATH")]
    pub health_path: Option<String>,
    /// What a probe does: http, tcp or off; default as the mode
    #[arg(long, value_name = "KIND", value_parser = completion::PROBES, hide_possible_values = true)]
    pub health: Option<String>,
    /// From probe to probe; default 5s
    #[arg(long, value_name = "DUR")]
    pub health_interval: Option<String>,
    /// Until a probe counts as failed; default 2s
    #[arg(long, value_name = "DUR")]
    pub health_timeout: Option<String>,
    /// Failures in a row that exclude a backend; default 3
    #[arg(long, value_name = "N")]
    pub health_fall: Option<String>,
    /// Successes in a row that include it again; default 2
    #[arg(long, value_name = "N")]
    pub health_rise: Option<String>,
    /// A complete request head must arrive within it; default 10s
    #[arg(long, value_name = "DUR")]
    pub header_timeout: Option<String>,
    /// Dashboard, API and metrics, or off; default 127.0.0.1:5002
    #[arg(long, value_name = "ADDR|off")]
    pub admin: Option<String>,
    /// A file with the token that whoever speaks to it has to know, as does EVENKEEL_ADMIN_TOKEN; needed where others can
    /// reach it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub admin_token_file: Option<String>,
    /// A line for each request: to standard output, to a file, or off, the default
    #[arg(long, value_name = "-|FILE|off", value_hint = ValueHint::FilePath)]
    pub access_log: Option<String>,
    /// The form of these lines: text (key=value, the default), json or combined
    #[arg(long, value_name = "FORMAT", value_parser = completion::FORMATS, hide_possible_values = true)]
    pub access_log_format: Option<String>,
    /// How much is logged.
    #[command(flatten)]
    pub log: Log,
}

/// How much is logged.
#[derive(Debug, Args)]
pub struct Log {
    /// Log more: each connection's story; twice: everything
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Log less: warnings only; twice: errors only
    #[arg(short, long, action = ArgAction::Count)]
    pub quiet: u8,
    /// off, error, warn, info, debug or trace; default info
    #[arg(long, value_name = "LEVEL", conflicts_with_all = ["verbose", "quiet"])]
    #[arg(value_parser = completion::LEVELS, hide_possible_values = true)]
    pub log_level: Option<String>,
}

/// The flags of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Backends on N and N+1, the balancer on N+2, the dashboard on N+3
    #[arg(long, value_name = "N")]
    pub port_base: Option<String>,
    /// How much is logged.
    #[command(flatten)]
    pub log: Log,
}

/// The flags of `backend`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where it listens, host:port or unix:/path
    #[arg(short, long, value_name = "ADDR")]
    pub listen: String,
    /// What it calls itself
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How long it waits before it answers; default 0s
    #[arg(long, value_name = "DUR")]
    pub delay: Option<String>,
    /// The status of its answers; default 200
    #[arg(long, value_name = "N")]
    pub status: Option<String>,
    /// The length of its answers' bodies; default as its text
    #[arg(long, value_name = "BYTES")]
    pub body_size: Option<String>,
    /// How much is logged.
    #[command(flatten)]
    pub log: Log,
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Show every effective value and where it came from
    #[arg(long)]
    pub print: bool,
    /// What would be run.
    #[command(flatten)]
    pub run: Run,
}

/// The flags of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The request's id, as in the access log and in X-Request-Id; its first digits suffice
    #[arg(value_name = "ID")]
    pub id: String,
    /// The balancer that served it.
    #[command(flatten)]
    pub to: To,
}

/// The argument of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Looks a variable up.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The name of the variable that stands for `flag`.
fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("EVENKEEL_{}", name.to_ascii_uppercase())
}

/// The flag's text, or else its variable's.
pub fn said(given: Option<String>, flag: &'static str, env: Env<'_>) -> Option<Said<String>> {
    if let Some(text) = given {
        return Some(Said::new(text, Place::Flag(flag)));
    }
    let name = variable(flag);
    let text = env(&name).filter(|text| !text.is_empty())?;
    Some(Said::new(text, Place::Env(name)))
}

/// Each of the flag's texts, or else each word of its variable's.
fn said_all(given: Vec<String>, flag: &'static str, env: Env<'_>) -> Vec<Said<String>> {
    if !given.is_empty() {
        let place = |text| Said::new(text, Place::Flag(flag));
        return given.into_iter().map(place).collect();
    }
    let Some(said) = said(None, flag, env) else {
        return Vec::new();
    };
    let place = |word: &str| Said::new(word.to_string(), said.place.clone());
    said.value.split_whitespace().map(place).collect()
}

/// What the text means, at its place.
pub fn meaning<T>(said: Said<String>, parse: impl Fn(&str) -> Result<T, Wrong>) -> Result<Said<T>, ConfigError> {
    match parse(&said.value) {
        Ok(value) => Ok(Said::new(value, said.place)),
        Err(wrong) => Err(wrong.at(said.place)),
    }
}

/// Reads flags and variables, one after the other.
struct Reader<'a> {
    env: Env<'a>,
    errors: &'a mut Errors,
}

impl Reader<'_> {
    fn read<T>(
        &mut self,
        given: Option<String>,
        flag: &'static str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Said<T>> {
        let said = said(given, flag, self.env)?;
        self.errors.keep(meaning(said, parse))
    }
}

impl Run {
    /// Where access lines go and how, and who said so. A format for lines that nobody asked for is a mistake only where
    /// both can be seen: on the command line.
    pub fn access_log(&mut self, env: Env<'_>, errors: &mut Errors) -> Said<Option<AccessLog>> {
        let (flag, of_format) = ("--access-log", "--access-log-format");
        let mut from = Reader { env, errors };
        let target = from.read(self.access_log.take(), flag, access::target);
        let format = from.read(self.access_log_format.take(), of_format, access::format);
        match (target, &format) {
            (Some(said), _) => {
                let format = format.map_or(Format::default(), |format| format.value);
                Said::new(said.value.map(|to| AccessLog { to, format }), said.place)
            }
            (None, Some(Said { place: Place::Flag(_), .. })) => {
                let wrong = Wrong::new("there is no access log to have this form", "add --access-log - or a file");
                errors.push(wrong.at(Place::Flag(of_format)));
                Said::new(None, Place::Default)
            }
            (None, _) => Said::new(None, Place::Default),
        }
    }

    /// What they say, together with the environment.
    pub fn upper(self, env: Env<'_>, errors: &mut Errors) -> Upper {
        let guard = guard::of_process(self.admin_token_file, env, errors);
        let mut from = Reader { env, errors };
        let count = |text: &str| word::small(text, 1..=u32::MAX);
        let span = duration::parse_some;
        let main = || Said::new("main".to_string(), Place::Default);
        let mut listener = Listener::new(main());
        listener.bind = said_all(self.listen, "--listen", env);
        listener.mode = from.read(self.mode, "--mode", word::mode);
        let mut pool = Pool::new(main());
        for one in said_all(self.backend, "--backend", env) {
            pool.backends.extend(from.errors.keep(meaning(one, backend)));
        }
        pool.policy = from.read(self.policy, "--policy", policy::policy);
        pool.health = Health {
            kind: from.read(self.health, "--health", word::kind),
            path: from.read(self.health_path, "--health-path", word::path),
            interval: from.read(self.health_interval, "--health-interval", span),
            timeout: from.read(self.health_timeout, "--health-timeout", span),
            fall: from.read(self.health_fall, "--health-fall", count),
            rise: from.read(self.health_rise, "--health-rise", count),
            ..Health::default()
        };
        Upper {
            listener,
            pool,
            header: from.read(self.header_timeout, "--header-timeout", span),
            admin: said(self.admin, "--admin", env),
            guard,
        }
    }
}

/// `ADDR` or `ADDR,weight=N`.
fn backend(text: &str) -> Result<Backend, Wrong> {
    let mut parts = text.split(',');
    let address = parts.next().unwrap_or_default().to_string();
    let mut weight = None;
    for option in parts {
        let value = option.strip_prefix("weight=");
        let value = value.filter(|_| weight.is_none()).ok_or_else(|| {
            let fix = "write ADDR or ADDR,weight=N; one --backend for each (or a space, in EVENKEEL_BACKEND)";
            Wrong::new(format!("bad backend option {}", quote(option)), fix)
        })?;
        weight = Some(word::small(value, 0..=MOST_WEIGHT)?);
    }
    let weight = weight.unwrap_or(1);
    Ok(Backend { address, weight })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_finds_nothing_wrong_with_the_command_line() {
        Line::command().debug_assert();
    }

    #[test]
    fn variables_are_named_after_flags() {
        assert_eq!(variable("--health-path"), "EVENKEEL_HEALTH_PATH");
    }

    #[test]
    fn bad_values_name_their_flag() {
        for (flag, value) in [
            ("--listen", "5001"),
            ("--backend", "127.0.0.1"),
            ("--backend", "127.0.0.1:0"),
            ("--backend", "127.0.0.1:1,weight=257"),
            ("--backend", "127.0.0.1:1,wieght=2"),
            ("--backend", "127.0.0.1:1,127.0.0.1:2"),
            ("--backend", "127.0.0.1:1,weight=1,weight=2"),
            ("--mode", "htpp"),
            ("--policy", "foo"),
            ("--health", "ping"),
            ("--health-path", "healthz"),
            ("--health-interval", "5"),
            ("--health-timeout", "0s"),
            ("--health-fall", "0"),
            ("--health-rise", "x"),
            ("--header-timeout", "1d"),
            ("--admin", "on"),
            ("--log-level", "loud"),
            ("--access-log", "logs/"),
            ("--access-log-format", "json"),
            ("--access-log - --access-log-format", "jsn"),
        ] {
            let text = refusal(&format!("-b 127.0.0.1:9 {flag} {value}"));
            let flag = flag.rsplit(' ').next().unwrap();
            assert!(text.starts_with(&format!("{flag}: ")), "{text}");
            assert!(text.contains("\n  fix: "), "{text}");
        }
    }
}
