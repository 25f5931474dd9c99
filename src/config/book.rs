//! Floor 1: every effective value and who said it, for `check --print`.
//!
//! What is written is itself a configuration file that means the same: the origins stand in comments.

use super::error::Place;
use std::fmt::{self, Display, Formatter};

/// The values in the order in which they were settled.
#[derive(Debug, Default)]
pub struct Book(Vec<Entry>);

#[derive(Debug)]
enum Entry {
    Title(String),
    Value { text: String, origin: String },
}

impl Book {
    /// What follows belongs to the table `name`.
    pub fn title(&mut self, name: &str) {
        self.0.push(Entry::Title(name.to_string()));
    }

    /// `key` has `value`, written as TOML has it, because `place` said so.
    pub fn value(&mut self, key: &str, value: &str, place: &Place) {
        self.line(format!("{key} = {value}"), place);
    }

    /// A comment, on what `place` said.
    pub fn note(&mut self, comment: &str, place: &Place) {
        self.line(comment.to_string(), place);
    }

    /// Like [`Book::value`], for a list with an origin for each element.
    pub fn list<'a>(&mut self, key: &str, elements: impl Iterator<Item = (String, &'a Place)>) {
        self.0.push(Entry::Title(format!("{key} = [")));
        elements.for_each(|(text, place)| self.line(format!("  {text},"), place));
        self.0.push(Entry::Title("]".to_string()));
    }

    fn line(&mut self, text: String, place: &Place) {
        let origin = origin(place);
        self.0.push(Entry::Value { text, origin });
    }
}

/// A place, short: a line suffices where nothing is wrong.
pub fn origin(place: &Place) -> String {
    match place {
        Place::Default => "default".to_string(),
        Place::File(spot) => spot.file_and_line(),
        other => other.to_string(),
    }
}

/// Origins stand below each other, except after very long values.
const MARGIN: usize = 48;

impl Display for Book {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for entry in &self.0 {
            match entry {
                Entry::Title(title) if title.starts_with('[') => writeln!(f, "\n{title}")?,
                Entry::Title(title) => writeln!(f, "{title}")?,
                Entry::Value { text, origin } => writeln!(f, "{text:<MARGIN$} # {origin}")?,
            }
        }
        Ok(())
    }
}
