//! Floor 1: `evenkeel ctl`: what is said to a running balancer, and to which.
//!
//! Saying it is [`crate::ctl`]'s.

use super::address::{self, Resolve};
use super::args::Read;
use super::error::{Errors, Place, Said, Wrong, quote};
use super::flags::{self, Env};
use super::guard::{self, Token};
use super::{MOST_WEIGHT, duration, word};
use crate::base::Address;
use clap::{Args, Subcommand, ValueHint};
use std::time::Duration;

/// The flags of `ctl`.
#[derive(Debug, Args)]
#[command(
    after_help = "NAME is a backend as state shows it, in every pool where it stands; POOL/NAME is one of them.\n\
    Exit codes: 0 done, 1 it could not be done, 2 a mistake on the command line."
)]
pub struct Ctl {
    /// What is said.
    #[command(subcommand)]
    pub word: Word,
    /// To whom.
    #[command(flatten)]
    pub to: To,
}

/// Which balancer is spoken to.
#[derive(Debug, Args)]
pub struct To {
    /// The admin address of the balancer, host:port or unix:/path; default 127.0.0.1:5002
    #[arg(long, value_name = "ADDR", global = true)]
    pub admin: Option<String>,
    /// The token that it asks for; better: EVENKEEL_ADMIN_TOKEN, which other users of this machine cannot see
    #[arg(long, value_name = "TOKEN", global = true, conflicts_with = "token_file")]
    pub token: Option<String>,
    /// A file with that token; also EVENKEEL_ADMIN_TOKEN_FILE
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub token_file: Option<String>,
}

/// The words of `ctl`.
#[derive(Debug, Subcommand)]
pub enum Word {
    /// Pools and their backends: state, cause, since when, what is in flight
    State {
        /// As the API has it
        #[arg(long)]
        json: bool,
    },
    /// A backend finishes what it has and gets nothing new
    Drain {
        /// NAME or POOL/NAME
        name: String,
    },
    /// The same, and it is not probed any more
    Disable {
        /// NAME or POOL/NAME
        name: String,
    },
    /// A backend works again
    Enable {
        /// NAME or POOL/NAME
        name: String,
    },
    /// A backend gets another share, from 0 (no new work) to 256
    Weight {
        /// NAME or POOL/NAME
        name: String,
        /// The new weight
        weight: String,
    },
    /// One backend more, until the configuration is read again
    Add {
        /// POOL/ADDRESS, the address in numbers or unix:/path
        name: String,
        /// Its share, from 0 to 256; default 1
        #[arg(long, value_name = "N")]
        weight: Option<String>,
    },
    /// One backend less, which finishes what it has
    Remove {
        /// NAME or POOL/NAME
        name: String,
    },
    /// The configuration is read again
    Reload,
    /// The state, again and again
    Watch {
        /// From one to the next; default 1s
        #[arg(long, value_name = "DUR")]
        interval: Option<String>,
        /// So often; default until stopped
        #[arg(long, value_name = "N")]
        count: Option<String>,
    },
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// What is your state? As a table, or as it comes.
    State {
        /// As it comes.
        json: bool,
    },
    /// A backend of this name is to do this.
    Order(String, Deed),
    /// Read the configuration again.
    Reload,
    /// What is your state? Again and again.
    Watch {
        /// From one to the next.
        interval: Duration,
        /// So often; none: until stopped.
        count: Option<u32>,
    },
}

/// What a backend is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // as in the API
pub enum Deed {
    Drain,
    Disable,
    Enable,
    Weight(u32),
    Add(u32),
    Remove,
}

/// A running balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As the operator wrote it.
    pub shown: String,
    /// Every address that stands for.
    pub addresses: Vec<Address>,
    /// What it asks for.
    pub token: Option<Token>,
}

impl To {
    /// Who is meant. Nothing if `errors` has more than before.
    pub fn target(self, env: Env<'_>, read: Read<'_>, resolve: Resolve<'_>, errors: &mut Errors) -> Option<Target> {
        let admin = flags::said(self.admin, "--admin", env).unwrap_or_else(guard::default_admin);
        let shown = admin.value.clone();
        let admin = errors.keep(flags::meaning(admin, |text| address::look_up(text, resolve)));
        let by_flag = self.token.is_some() || self.token_file.is_some();
        let said = match by_flag {
            false => guard::of_process(None, env, errors),
            true => guard::Typed {
                token: self.token.and_then(|token| {
                    errors.keep(flags::meaning(Said::new(token, Place::Flag("--token")), Token::parse))
                }),
                file: self.token_file.map(|file| Said::new(file, Place::Flag("--token-file"))),
                read: None,
            },
        };
        let token = said.opened(read, errors).into_token();
        Some(Target { shown, addresses: admin?.value, token })
    }
}

impl Word {
    /// What it comes to. Nothing if `errors` has more than before.
    pub fn meaning(self, errors: &mut Errors) -> Option<Say> {
        let mut named = |name: String, deed| {
            let name = errors.keep(flags::meaning(Said::new(name, Place::Flag("NAME")), backend));
            name.map(|name| Say::Order(name.value, deed))
        };
        match self {
            Word::State { json } => Some(Say::State { json }),
            Word::Drain { name } => named(name, Deed::Drain),
            Word::Disable { name } => named(name, Deed::Disable),
            Word::Enable { name } => named(name, Deed::Enable),
            Word::Weight { name, weight } => {
                let share = |text: &str| word::small(text, 0..=MOST_WEIGHT);
                let weight = errors.keep(flags::meaning(Said::new(weight, Place::Flag("WEIGHT")), share))?;
                let name = errors.keep(flags::meaning(Said::new(name, Place::Flag("NAME")), backend))?;
                Some(Say::Order(name.value, Deed::Weight(weight.value)))
            }
            Word::Add { name, weight } => {
                let share = |text: &str| word::small(text, 0..=MOST_WEIGHT);
                let weight = flag(weight, "--weight", share, errors)?;
                let name = errors.keep(flags::meaning(Said::new(name, Place::Flag("NAME")), backend))?;
                Some(Say::Order(name.value, Deed::Add(weight.unwrap_or(1))))
            }
            Word::Remove { name } => named(name, Deed::Remove),
            Word::Reload => Some(Say::Reload),
            Word::Watch { interval, count } => {
                let often = |text: &str| word::small(text, 1..=u32::MAX);
                let interval = flag(interval, "--interval", duration::parse_some, errors)?;
                let count = flag(count, "--count", often, errors)?;
                Some(Say::Watch { interval: interval.unwrap_or(Duration::from_secs(1)), count })
            }
        }
    }
}

/// What a flag means, if it is there. Nothing: it is, and means nothing.
fn flag<T>(
    given: Option<String>,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
    errors: &mut Errors,
) -> Option<Option<T>> {
    let Some(text) = given else { return Some(None) };
    errors.keep(flags::meaning(Said::new(text, Place::Flag(name)), parse)).map(|said| Some(said.value))
}

/// The balancer knows whether there is one of this name.
fn backend(text: &str) -> Result<String, Wrong> {
    let printable = !text.is_empty() && text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic());
    match printable {
        true => Ok(text.to_string()),
        false => {
            let fix = "write the name of a backend as evenkeel ctl state shows it, or pool/name";
            Err(Wrong::new(format!("bad name {}", quote(text)), fix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Command;
    use super::super::testing::*;
    use super::*;

    fn said(line: &str) -> (Say, Target) {
        match command(&format!("ctl {line}"), &[], "") {
            Ok(Command::Ctl { say, to }) => (say, to),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn each_word_means_something() {
        let name = || "127.0.0.1:80".to_string();
        for (line, say) in [
            ("state", Say::State { json: false }),
            ("state --json", Say::State { json: true }),
            ("drain 127.0.0.1:80", Say::Order(name(), Deed::Drain)),
            ("disable 127.0.0.1:80", Say::Order(name(), Deed::Disable)),
            ("enable 127.0.0.1:80", Say::Order(name(), Deed::Enable)),
            ("weight 127.0.0.1:80 0", Say::Order(name(), Deed::Weight(0))),
            ("weight app/127.0.0.1:80 256", Say::Order("app/127.0.0.1:80".into(), Deed::Weight(256))),
            ("reload", Say::Reload),
            ("watch", Say::Watch { interval: Duration::from_secs(1), count: None }),
            ("watch --interval 5ms --count 3", Say::Watch { interval: Duration::from_millis(5), count: Some(3) }),
        ] {
            assert_eq!(said(line).0, say, "{line}");
        }
    }

    #[test]
    fn who_is_meant_stands_before_or_behind() {
        assert_eq!(said("state").1.addresses, [at("127.0.0.1:5002")]);
        assert_eq!(said("state --admin localhost:7").1.addresses.len(), 2);
        assert_eq!(said("--admin 127.0.0.1:7 state").1.addresses, [at("127.0.0.1:7")]);
        assert_eq!(said("state --admin unix:/run/a.sock").1.shown, "unix:/run/a.sock");
    }

    #[test]
    fn the_token_is_said_by_flag_file_or_environment() {
        let (ours, other) = ("0123456789abcdef", "fedcba9876543210");
        let token = |line: &str, env: &[(&str, &str)]| match command(line, env, ours) {
            Ok(Command::Ctl { to, .. } | Command::Explain { to, .. }) => to.token.map(|it| it.secret().to_string()),
            other => panic!("{line}: {other:?}"),
        };
        let env = [("EVENKEEL_ADMIN_TOKEN", other)];
        assert_eq!(token("ctl state", &[]), None);
        assert_eq!(token("ctl state", &env).as_deref(), Some(other));
        assert_eq!(token(&format!("ctl state --token {ours}"), &env).as_deref(), Some(ours));
        assert_eq!(token("ctl state --token-file f", &env).as_deref(), Some(ours));
        assert_eq!(token("ctl state", &[("EVENKEEL_ADMIN_TOKEN_FILE", "f")]).as_deref(), Some(ours));
        assert_eq!(token("explain 12ab", &env).as_deref(), Some(other));
    }

    #[test]
    fn what_makes_no_sense_names_its_place() {
        for (line, place) in [
            ("weight a 257", "WEIGHT: "),
            ("weight a b", "WEIGHT: "),
            ("drain a\u{7f}b", "NAME: "),
            ("watch --interval 0s", "--interval: "),
            ("watch --count 0", "--count: "),
            ("state --admin x", "--admin: "),
            ("state --token short", "--token: "),
        ] {
            let text = refusal(&format!("ctl {line}"));
            assert!(text.starts_with(place) && text.contains("fix: "), "{line}: {text}");
        }
        for line in ["ctl", "ctl drain", "ctl weight a", "ctl rest", "ctl state --token a --token-file b"] {
            refusal(line);
        }
    }
}
