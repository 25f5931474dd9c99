//! Floor 1: what is wrong with a configuration, told so that a human can mend it.
//!
//! A [`ConfigError`] knows its [`Place`] (a flag, a variable, a line of a file), what is wrong there, and a fix. A
//! [`Wrong`] is the same before anybody knows the place: the parsers of single values return it. This file decides
//! nothing about values; see the files named after them, and [`settle`](super::settle) for what they mean together.

use std::fmt::{self, Display, Formatter, Write as _};
use std::ops::Range;
use std::sync::Arc;

/// A configuration file as read.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// As the operator named it.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// Some bytes of a [`Source`], or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    source: Arc<Source>,
    span: Option<Range<usize>>,
}

impl Spot {
    /// The bytes `span` of `source`.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Spot {
        Spot { source: Arc::clone(source), span: Some(span) }
    }

    /// The file as such, for what is missing from it.
    pub fn whole(source: &Arc<Source>) -> Spot {
        Spot { source: Arc::clone(source), span: None }
    }

    /// Line and column, both from 1, the column in characters; none for a whole file.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        let (before, line) = self.lines()?;
        let number = self.source.text.get(..line.start)?.matches('\n').count() + 1;
        Some((number, before.chars().count() + 1))
    }

    /// `evenkeel.toml:7`, without the column.
    pub fn file_and_line(&self) -> String {
        match self.line_and_column() {
            Some((line, _)) => format!("{}:{line}", self.source.name),
            None => self.source.name.clone(),
        }
    }

    /// What stands on the line before the spot, and the line's range.
    fn lines(&self) -> Option<(&str, Range<usize>)> {
        let text = &self.source.text;
        let at = self.span.as_ref()?.start.min(text.len());
        let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let end = text.get(at..)?.find('\n').map_or(text.len(), |end| at + end);
        Some((text.get(start..at)?, start..end))
    }

    /// The line with a pointer under the spot.
    fn excerpt(&self) -> Option<String> {
        let (before, line) = self.lines()?;
        let (number, _) = self.line_and_column()?;
        let span = self.span.as_ref()?;
        let marked = self.source.text.get(span.start..span.end.min(line.end));
        let width = marked.map_or(0, |marked| marked.trim_end().chars().count()).max(1);
        let line = self.source.text.get(line)?;
        let skipped = match line.chars().nth(EXCERPT) {
            Some(_) => before.chars().count().saturating_sub(EXCERPT / 2),
            None => 0,
        };
        if let Some(hidden) = super::guard::hide(line) {
            return Some(format!("  {number} | {}\n", clean(&hidden, 0)));
        }
        let shown = clean(line, skipped);
        let indent = before.chars().count() - skipped;
        let margin = " ".repeat(number.to_string().len());
        let width = width.min(EXCERPT.saturating_sub(indent).max(1));
        let pointer = format!("{}{}", " ".repeat(indent), "^".repeat(width));
        Some(format!("  {number} | {shown}\n  {margin} | {pointer}\n"))
    }
}

/// So many characters of a line are shown at most.
const EXCERPT: usize = 120;

/// Part of a line, each character one column wide and none of them an order to the terminal.
fn clean(line: &str, skipped: usize) -> String {
    let shown = line.trim_end().chars().skip(skipped).take(EXCERPT);
    shown.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Display for Spot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.name)?;
        match self.line_and_column() {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// Who said something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nobody: it is what evenkeel does unless told otherwise.
    Default,
    /// The configuration file.
    File(Spot),
    /// An environment variable, by name.
    Env(String),
    /// A flag, by its long name.
    Flag(&'static str),
}

impl Place {
    /// Flag > environment > file > default.
    pub fn rank(&self) -> u8 {
        match self {
            Place::Default => 0,
            Place::File(_) => 1,
            Place::Env(_) => 2,
            Place::Flag(_) => 3,
        }
    }

    /// Flags first, then the file from top to bottom.
    fn order(&self) -> usize {
        match self {
            Place::File(spot) => spot.span.as_ref().map_or(1, |span| span.start.saturating_add(1)),
            _ => 0,
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Place::Default => f.write_str("evenkeel"),
            Place::File(spot) => spot.fmt(f),
            Place::Env(name) => f.write_str(name),
            Place::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// Who said it.
    pub place: Place,
}

impl<T> Said<T> {
    /// `value`, said at `place`.
    pub fn new(value: T, place: Place) -> Said<T> {
        Said { value, place }
    }
}

/// What is wrong with a value, wherever it stands, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub fix: String,
}

impl Wrong {
    /// See the fields. Whatever of the operator's own words is in them, a terminal may show it.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Wrong {
        Wrong { what: harmless(what.into()), fix: harmless(fix.into()) }
    }

    /// `word` is none of `known`: what is meant is the nearest of them, or any.
    pub fn unknown(kind: &str, word: &str, known: &[&str]) -> Wrong {
        let fix = match nearest(word, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("one of: {}", known.join(", ")),
        };
        Wrong::new(format!("unknown {kind} {}", quote(word)), fix)
    }

    /// Wrong, and there.
    pub fn at(self, place: Place) -> ConfigError {
        ConfigError { place, what: self.what, fix: self.fix }
    }
}

/// Where, what, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it stands.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub fix: String,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.place, self.what)?;
        if let Place::File(spot) = &self.place {
            f.write_str(&spot.excerpt().unwrap_or_default())?;
        }
        write!(f, "  fix: {}", self.fix)
    }
}

impl std::error::Error for ConfigError {}

/// Every mistake of one run: who mends a file wants to see them all.
#[derive(Debug, Default)]
pub struct Errors(Vec<ConfigError>);

impl Errors {
    /// One more.
    pub fn push(&mut self, error: ConfigError) {
        self.0.push(error);
    }

    /// What went well, or nothing and one error more.
    pub fn keep<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Whether nothing was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, as they are shown; only the first few of very many.
    pub fn text(&mut self) -> String {
        const SHOWN: usize = 10;
        self.0.sort_by_key(|error| error.place.order());
        let shown: Vec<String> = self.0.iter().take(SHOWN).map(ToString::to_string).collect();
        let mut text = shown.join("\n");
        if self.0.len() > SHOWN {
            let _ = write!(text, "\nand {} more like these", self.0.len() - SHOWN);
        }
        text
    }
}

/// The one of `known` that was probably meant.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // The distance costs the product of both lengths, and no key is that long.
    if word.len() > 64 {
        return None;
    }
    let distance = |known: &&&str| strsim::damerau_levenshtein(word, known);
    let near = known.iter().min_by_key(distance)?;
    (distance(&near) <= near.len().max(3) / 3).then_some(*near)
}

/// With control characters escaped, but for line ends, which are ours.
fn harmless(text: String) -> String {
    let control = |it: char| it.is_control() && it != '\n';
    if !text.contains(control) {
        return text;
    }
    let escape = |it: char| if control(it) { it.escape_default().to_string() } else { it.to_string() };
    text.chars().map(escape).collect()
}

/// What the operator wrote, in quotes, escaped and not at length.
pub fn quote(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { name: "evenkeel.toml".into(), text: text.into() })
    }

    #[test]
    fn no_control_character_goes_to_the_terminal() {
        let wrong = Wrong::new("bad \u{1b}[31m", "write \"[\u{1b}]\"\n  or not");
        assert_eq!((wrong.what.as_str(), wrong.fix.as_str()), ("bad \\u{1b}[31m", "write \"[\\u{1b}]\"\n  or not"));
    }

    #[test]
    fn an_error_shows_place_line_pointer_and_fix() {
        let source = source("[pool.app]\n\npolcy = \"round-robin\"\n");
        let spot = Spot::new(&source, 12..17);
        let error = Wrong::new("unknown key", "did you mean?").at(Place::File(spot));
        assert_eq!(
            error.to_string(),
            "evenkeel.toml:3:1: unknown key\n  3 | polcy = \"round-robin\"\n    | ^^^^^\n  fix: did you mean?"
        );
    }

    #[test]
    fn columns_count_characters_and_tabs_are_one_wide() {
        let source = source("\té = 5\r\n");
        let spot = Spot::new(&source, 6..7);
        assert_eq!(spot.line_and_column(), Some((1, 6)));
        assert_eq!(spot.excerpt().unwrap(), "  1 |  é = 5\n    |      ^\n");
    }

    #[test]
    fn a_long_line_is_shown_around_its_spot() {
        let text = format!("{}x{}", "a".repeat(500), "b".repeat(500));
        let excerpt = Spot::new(&source(&text), 500..501).excerpt().unwrap();
        assert!(excerpt.lines().all(|line| line.len() < 140), "{excerpt}");
        assert!(excerpt.contains("ax"));
    }

    #[test]
    fn a_spot_past_the_end_or_inside_a_character_is_no_panic() {
        let source = source("é");
        for span in [0..99, 99..100, 1..2, 2..2] {
            let _ = Spot::new(&source, span.clone()).to_string();
            let _ = Spot::new(&source, span).excerpt();
        }
        assert_eq!(Spot::whole(&source).to_string(), "evenkeel.toml");
    }

    #[test]
    fn the_nearest_key_is_found_only_when_near() {
        let known = ["policy", "backends", "health"];
        assert_eq!(nearest("polcy", &known), Some("policy"));
        assert_eq!(nearest("helath", &known), Some("health"));
        assert_eq!(nearest("frobnicate", &known), None);
        assert_eq!(nearest(&"x".repeat(100_000), &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn very_many_errors_are_cut() {
        let mut errors = Errors::default();
        (0..30).for_each(|_| errors.push(Wrong::new("w", "f").at(Place::Default)));
        assert!(errors.text().ends_with("and 20 more like these"));
    }
}
