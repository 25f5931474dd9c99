//! The balancer's metrics, read now and then as Prometheus would: what only grows never shrinks, and a histogram is one.

use super::House;
use std::collections::BTreeMap;

/// Turns from one reading to the next: each costs as much as some turns.
const EVERY: u32 = 64;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Meters {
    turns: u32,
    /// What it said of reloads.
    reloads: String,
    last: BTreeMap<String, f64>,
}

impl Meters {
    /// A turn is over.
    pub fn look(&mut self, house: &impl House) -> Result<(), String> {
        self.turns += 1;
        if !self.turns.is_multiple_of(EVERY) {
            return Ok(());
        }
        let page = house.metrics();
        let reloads = page.lines().filter(|line| line.starts_with("evenkeel_reloads_total")).collect();
        if std::mem::replace(&mut self.reloads, reloads) != self.reloads {
            self.last.retain(|series, _| !series.contains("backend=")); // one that left and is back is another one
        }
        self.compare(&page)
    }

    fn compare(&mut self, page: &str) -> Result<(), String> {
        let (mut kind, mut below) = ("", 0.0);
        for line in page.lines() {
            if let Some(of) = line.strip_prefix("# TYPE ") {
                (kind, below) = (of.rsplit(' ').next().unwrap_or(""), 0.0);
            }
            let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else { continue };
            let value: f64 = value.parse().map_err(|_| format!("{line}: no number"))?;
            if kind != "gauge" && self.last.insert(series.into(), value).is_some_and(|last| last > value) {
                return Err(format!("{series} went down to {value}"));
            }
            if kind != "histogram" {
                continue;
            }
            let name = series.split('{').next().unwrap_or("");
            if name.ends_with("_bucket") && value < below {
                return Err(format!("{series}: fewer than in the bucket before"));
            }
            if name.ends_with("_count") && value != below {
                return Err(format!("{series} is {value}, and {below} are in its buckets"));
            }
            match name {
                _ if name.ends_with("_bucket") => below = value,
                _ if name.ends_with("_count") => below = 0.0,
                _ => {}
            }
        }
        Ok(())
    }
}
