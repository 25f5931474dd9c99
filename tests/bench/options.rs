//! What is asked of a run.

use crate::scenario::{ALL, Scenario};
use std::time::Duration;

/// The command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often each contender has its turn.
    pub rounds: usize,
    /// How long it is measured each time.
    pub time: Duration,
    /// No more connections than these.
    pub most: usize,
    /// What is measured.
    pub scenarios: Vec<Scenario>,
    /// Only builds of ours are measured.
    pub alone: bool,
    /// As typed.
    pub line: String,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub fn read(args: &[String]) -> Result<Options, String> {
        let mut options = Options {
            rounds: 5,
            time: Duration::from_millis(750),
            most: usize::MAX,
            scenarios: Vec::new(),
            alone: false,
            line: args.join(" "),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-r" => options.rounds = number(args.next())? as usize,
                "-d" => options.time = Duration::from_secs_f64(number(args.next())?),
                "--alone" => options.alone = true,
                "--quick" => (options.rounds, options.time, options.most) = (1, Duration::from_millis(100), 500),
                name => options.scenarios.extend(named(name)?),
            }
        }
        if options.rounds == 0 {
            return Err("at least one round".into());
        }
        if options.scenarios.is_empty() {
            options.scenarios = ALL.to_vec();
        }
        Ok(options)
    }

    /// The scenarios as these descriptors allow them; two that thereby become the same are one.
    pub fn within(&self, descriptors: usize) -> Vec<Scenario> {
        let mut all: Vec<Scenario> = self.scenarios.iter().map(|one| one.within(descriptors, self.most)).collect();
        let like = |one: &Scenario| (one.says, one.connections);
        all.dedup_by(|later, earlier| like(later) == like(earlier));
        all
    }
}

fn number(word: Option<&String>) -> Result<f64, String> {
    let number = word.and_then(|word| word.parse().ok());
    number.filter(|number| (0.01..1e6).contains(number)).ok_or_else(|| "a number must follow -r and -d".into())
}

/// The scenario of this name, else all whose names begin so.
fn named(name: &str) -> Result<Vec<Scenario>, String> {
    let those = |wanted: &dyn Fn(&str) -> bool| ALL.into_iter().filter(|one| wanted(one.name)).collect::<Vec<_>>();
    let exactly = those(&|one| one == name);
    let found = if exactly.is_empty() { those(&|one| one.starts_with(name)) } else { exactly };
    let known = ALL.map(|scenario| scenario.name).join(" ");
    if found.is_empty() { Err(format!("no scenario {name:?}; there are: {known}")) } else { Ok(found) }
}
