//! Floor 1: what a shell completes of a command line, written by clap from [`flags`](super::flags).
//!
//! Which words may follow a flag is only offered here; whether a word is right is said by the functions that the
//! file's values go through, too.

use super::PolicyName;
use super::flags::Line;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use std::ffi::OsStr;

/// Takes any text, and offers those words.
#[derive(Clone, Copy)]
pub struct Offer(fn() -> Vec<&'static str>);

/// Words for `--mode`.
pub const MODES: Offer = Offer(|| vec!["http", "tcp"]);
/// Words for `--policy`.
pub const POLICIES: Offer = Offer(|| PolicyName::ALL.map(|(name, _)| name).into());
/// Words for `--health`.
pub const PROBES: Offer = Offer(|| vec!["http", "tcp", "off"]);
/// Words for `--access-log-format`.
pub const FORMATS: Offer = Offer(|| vec!["text", "json", "combined"]);
/// Words for `--log-level`.
pub const LEVELS: Offer = Offer(|| vec!["off", "error", "warn", "info", "debug", "trace"]);

impl TypedValueParser for Offer {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// The script that teaches `shell`.
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Line::command(), "evenkeel", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn every_word_that_is_offered_is_taken() {
        let flags = [
            ("--mode", MODES),
            ("--policy", POLICIES),
            ("--health", PROBES),
            ("--access-log - --access-log-format", FORMATS),
            ("--log-level", LEVELS),
        ];
        for (flag, Offer(words)) in flags {
            assert!(words().len() > 1);
            for word in words() {
                command(&format!("-b 127.0.0.1:1 {flag} {word}"), &[], "").expect(word);
            }
            let text = refusal(&format!("-b 127.0.0.1:1 {flag} wrong"));
            assert!(text.contains("fix: "), "the same error as in a file: {text}");
        }
    }

    #[test]
    fn every_shell_learns_every_task_and_word() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = script(shell);
            for task in Line::command().get_subcommands() {
                assert!(script.contains(task.get_name()), "{shell}: {}", task.get_name());
            }
            assert!(script.contains("--health-interval") || script.contains("health-interval"), "{shell}");
        }
        assert!(script(Shell::Bash).contains("round-robin least-connections"));
    }
}
