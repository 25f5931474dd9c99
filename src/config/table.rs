//! Floor 1: one table of a TOML file, read key by key, each with its place.
//!
//! [`Table::take`] asks for the keys there are; [`Table::finish`] then refuses what was never asked for, so that the
//! keys it suggests are exactly those the code reads. What the values mean is [`file`](super::file)'s.
//!
//! Not done with serde's derive: it stops at the first mistake and forgets where the right values stood, and
//! `check --print` wants to say that.

use super::duration;
use super::error::{ConfigError, Errors, Place, Said, Source, Spot, Wrong, quote};
use super::{size, word};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A table whose keys are being asked for.
pub struct Table<'a> {
    title: String,
    entries: Vec<(&'a str, Value<'a>)>,
    asked: Vec<&'static str>,
}

/// A value, with its key.
#[derive(Clone)]
pub struct Value<'a> {
    source: &'a Arc<Source>,
    key: &'a str,
    key_spot: Spot,
    spot: Spot,
    value: &'a DeValue<'a>,
}

impl<'a> Table<'a> {
    /// `table`, called `title` in errors.
    pub fn new(source: &'a Arc<Source>, title: impl Into<String>, table: &'a DeTable<'a>) -> Self {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            let name: &str = key.get_ref();
            let value = Value {
                source,
                key: name,
                key_spot: Spot::new(source, key.span()),
                spot: Spot::new(source, value.span()),
                value: value.get_ref(),
            };
            (name, value)
        };
        Table { title: title.into(), entries: entries.into_iter().map(entry).collect(), asked: Vec::new() }
    }

    /// The value of `key`, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.asked.push(key);
        let at = self.entries.iter().position(|(name, _)| *name == key);
        #[cfg(test)]
        super::testing::note(&self.title, key, at.is_some());
        Some(self.entries.remove(at?).1)
    }

    /// Every entry that is left, for a table whose keys are names.
    pub fn into_named(self) -> Vec<Value<'a>> {
        self.entries.into_iter().map(|(_, value)| value).collect()
    }

    /// Refuses what was never asked for.
    pub fn finish(self, errors: &mut Errors) {
        for (key, value) in &self.entries {
            errors.push(self.stray(key).at(Place::File(value.key_spot.clone())));
        }
    }

    fn stray(&self, key: &str) -> Wrong {
        let mut wrong = Wrong::unknown("key", key, &self.asked);
        wrong.what = format!("{} in {}", wrong.what, self.title);
        wrong
    }
}

impl<'a> Value<'a> {
    /// Its key, and where that stands.
    pub fn name(&self) -> Said<String> {
        Said::new(self.key.to_string(), Place::File(self.key_spot.clone()))
    }

    /// A table within.
    pub fn table(&self, title: impl Into<String>, like: &str) -> Result<Table<'a>, ConfigError> {
        match self.value {
            DeValue::Table(table) => Ok(Table::new(self.source, title, table)),
            _ => Err(self.mistyped("a table", like)),
        }
    }

    /// Whether it is a whole number.
    pub fn is_number(&self) -> bool {
        self.value.is_integer()
    }

    /// Whether there is a table within.
    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// Its elements; something that is no array is the only element of one.
    pub fn elements(&self) -> Vec<Value<'a>> {
        let DeValue::Array(array) = self.value else {
            return vec![self.clone()];
        };
        let element = |item: &'a Spanned<DeValue<'a>>| Value {
            spot: Spot::new(self.source, item.span()),
            value: item.get_ref(),
            ..self.clone()
        };
        array.iter().map(element).collect()
    }

    /// A text; `like` is shown to who wrote something else.
    pub fn text(&self, like: &str) -> Result<Said<String>, ConfigError> {
        match self.value {
            DeValue::String(text) => Ok(self.said(text.to_string())),
            _ => Err(self.mistyped("a text", like)),
        }
    }

    /// A text that `parse` understands.
    pub fn parsed<T>(&self, like: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Result<Said<T>, ConfigError> {
        let text = self.text(like)?;
        let value = parse(&text.value).map_err(|wrong| self.wrong(wrong))?;
        Ok(self.said(value))
    }

    /// `true` or `false`.
    pub fn truth(&self) -> Result<Said<bool>, ConfigError> {
        match self.value {
            DeValue::Boolean(truth) => Ok(self.said(*truth)),
            _ => Err(self.wrong(Wrong::new(self.what("true or false"), format!("write {} = true or false", self.key)))),
        }
    }

    /// A duration, not zero.
    pub fn duration(&self) -> Result<Said<Duration>, ConfigError> {
        match self.value {
            DeValue::Integer(number) => Err(self.wrong(duration::unitless(number.as_str()))),
            _ => self.parsed("5s", duration::parse_some),
        }
    }

    /// A whole number within `range`.
    pub fn number(&self, range: RangeInclusive<u64>) -> Result<Said<u64>, ConfigError> {
        let DeValue::Integer(number) = self.value else {
            let fix = format!("write the number alone: {} = {}", self.key, range.start().max(&3));
            return Err(self.wrong(Wrong::new(self.what("a whole number"), fix)));
        };
        let plain = u64::from_str_radix(number.as_str(), number.radix());
        let text = plain.map_or(number.to_string(), |number| number.to_string());
        let value = word::number(&text, range).map_err(|wrong| self.wrong(wrong))?;
        Ok(self.said(value))
    }

    /// An amount of bytes within `range`: a number, or a text with a unit.
    pub fn size(&self, range: RangeInclusive<u64>) -> Result<Said<u64>, ConfigError> {
        let bytes = match self.value {
            DeValue::Integer(_) => self.number(0..=u64::MAX)?,
            _ => self.parsed("16KiB", size::parse)?,
        };
        if range.contains(&bytes.value) {
            return Ok(bytes);
        }
        let (from, to) = (size::show(*range.start()), size::show(*range.end()));
        let what = format!("{:?} cannot be {}", self.key, size::show(bytes.value));
        Err(self.wrong(Wrong::new(what, format!("write a size from {from} to {to}"))))
    }

    /// What it stands for, at its place.
    pub fn said<T>(&self, value: T) -> Said<T> {
        Said::new(value, Place::File(self.spot.clone()))
    }

    /// What is wrong with it, at its place.
    pub fn wrong(&self, wrong: Wrong) -> ConfigError {
        wrong.at(Place::File(self.spot.clone()))
    }

    fn mistyped(&self, wanted: &str, like: &str) -> ConfigError {
        let fix = match wanted {
            "a text" => format!("write it in quotes, as in {} = {like:?}", self.key),
            _ => format!("write {like}"),
        };
        self.wrong(Wrong::new(self.what(wanted), fix))
    }

    fn what(&self, wanted: &str) -> String {
        let kind = self.value.type_str();
        format!("{} must be {wanted}, this is of type {kind}", quote(self.key))
    }
}
