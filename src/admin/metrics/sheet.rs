//! A sheet of metrics: what the tables say at one moment, copied, in the order in which it is told.
//!
//! The crate prometheus-client knows both text formats, but wants to own what it encodes. So a sheet is made for each
//! scrape and nothing is registered, locked or shared between two of them: counting stays as cheap as adding one.

use crate::base::histogram::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder, NoLabelSet,
    prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Of what something is said. Names that an operator gave are shared by all that is said of their bearer; the encoder
/// escapes them.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    of: Arc<[(&'static str, String)]>,
    /// Those without a key are none.
    own: [(&'static str, &'static str); 2],
}

impl Labels {
    /// With these keys and values.
    pub(super) fn of(labels: &[(&'static str, &str)]) -> Labels {
        Labels { of: labels.iter().map(|&(key, value)| (key, value.to_string())).collect(), own: [("", ""); 2] }
    }

    /// With a label more; the third and further ones are not kept.
    pub(super) fn with(&self, key: &'static str, value: &'static str) -> Labels {
        let mut more = self.clone();
        if let Some(place) = more.own.iter_mut().find(|(key, _)| key.is_empty()) {
            *place = (key, value);
        }
        more
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        let named = self.of.iter().map(|(key, value)| (*key, value.as_str()));
        let own = self.own.iter().copied().filter(|(key, _)| !key.is_empty());
        named.chain(own).try_for_each(|label| label.encode(encoder.encode_label()))
    }
}

#[derive(Debug)]
enum Value {
    Count(u64),
    Seconds(f64),
    Level(u64),
    Measure(f64),
    Spread {
        sum: f64,
        count: u64,
        buckets: Vec<(f64, u64)>,
    },
    /// All it says is in its labels.
    Told,
}

impl Value {
    fn kind(&self) -> MetricType {
        match self {
            Value::Count(_) | Value::Seconds(_) => MetricType::Counter,
            Value::Level(_) | Value::Measure(_) => MetricType::Gauge,
            Value::Spread { .. } => MetricType::Histogram,
            Value::Told => MetricType::Info,
        }
    }
}

impl EncodeMetric for Value {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        match self {
            Value::Count(count) => encoder.encode_counter::<NoLabelSet, _, u64>(count, None),
            Value::Seconds(seconds) => encoder.encode_counter::<NoLabelSet, _, u64>(seconds, None),
            Value::Level(level) => encoder.encode_gauge(level),
            Value::Measure(measure) => encoder.encode_gauge(measure),
            Value::Spread { sum, count, buckets } => {
                encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
            }
            Value::Told => encoder.encode_info(&Labels::of(&[])),
        }
    }

    fn metric_type(&self) -> MetricType {
        self.kind()
    }
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    rows: Vec<(Labels, Value)>,
}

/// See the [module](self). Names come without what their kind appends: `_total` for what is counted, `_info`.
#[derive(Debug, Default)]
pub(super) struct Sheet(Vec<Family>);

impl Sheet {
    fn family(&mut self, name: &'static str, help: &'static str, rows: impl Iterator<Item = (Labels, Value)>) {
        self.0.push(Family { name, help, rows: rows.collect() });
    }

    /// What only grows, by label.
    pub(super) fn counts(
        &mut self,
        name: &'static str,
        help: &'static str,
        rows: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        self.family(name, help, rows.into_iter().map(|(labels, count)| (labels, Value::Count(count))));
    }

    /// What only grows.
    pub(super) fn count(&mut self, name: &'static str, help: &'static str, count: u64) {
        self.counts(name, help, [(Labels::of(&[]), count)]);
    }

    /// Time spent, by label.
    pub(super) fn spans(
        &mut self,
        name: &'static str,
        help: &'static str,
        rows: impl IntoIterator<Item = (Labels, Duration)>,
    ) {
        let spent = |(labels, span): (Labels, Duration)| (labels, Value::Seconds(span.as_secs_f64()));
        self.family(name, help, rows.into_iter().map(spent));
    }

    /// Time spent.
    pub(super) fn span(&mut self, name: &'static str, help: &'static str, span: Duration) {
        self.spans(name, help, [(Labels::of(&[]), span)]);
    }

    /// How many there are, by label.
    pub(super) fn levels(
        &mut self,
        name: &'static str,
        help: &'static str,
        rows: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        self.family(name, help, rows.into_iter().map(|(labels, level)| (labels, Value::Level(level))));
    }

    /// How many there are.
    pub(super) fn level(&mut self, name: &'static str, help: &'static str, level: u64) {
        self.levels(name, help, [(Labels::of(&[]), level)]);
    }

    /// What is no whole number, by label.
    pub(super) fn measures(
        &mut self,
        name: &'static str,
        help: &'static str,
        rows: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        self.family(name, help, rows.into_iter().map(|(labels, measure)| (labels, Value::Measure(measure))));
    }

    /// How long things took, by label.
    pub(super) fn spreads<'h>(
        &mut self,
        name: &'static str,
        help: &'static str,
        rows: impl IntoIterator<Item = (Labels, &'h Histogram)>,
    ) {
        self.family(name, help, rows.into_iter().map(|(labels, histogram)| (labels, spread(histogram))));
    }

    /// What is what it is.
    pub(super) fn told(&mut self, name: &'static str, help: &'static str, labels: Labels) {
        self.family(name, help, [(labels, Value::Told)].into_iter());
    }

    /// All of it as text: OpenMetrics, or what Prometheus had before.
    pub(super) fn write(self, open_metrics: bool) -> String {
        let rows: usize = self.0.iter().map(|family| family.rows.len()).sum();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut out = String::with_capacity(rows * 128);
        let _ = match open_metrics {
            true => text::encode(&mut out, &registry),
            false => prometheus_text::encode(&mut out, &registry),
        }; // a string takes everything
        out
    }
}

fn spread(histogram: &Histogram) -> Value {
    let bound = |bound: Option<u64>| bound.map_or(f64::INFINITY, |bound| bound as f64 / 1e9);
    let buckets = histogram.buckets().map(|(upper, count)| (bound(upper), count)).collect();
    Value::Spread { sum: histogram.sum().as_secs_f64(), count: histogram.count(), buckets }
}

impl Collector for Sheet {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for Family { name, help, rows } in &self.0 {
            let Some((_, first)) = rows.first() else { continue };
            let mut family = encoder.encode_descriptor(name, help, None, first.kind())?;
            for (labels, value) in rows {
                value.encode(family.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::histogram::TURNS;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::default();
        sheet.count("a", "What is counted.", 3);
        sheet.levels("b", "What there is.", [(Labels::of(&[("name", "un\"ix:\\x\ny")]).with("state", "up"), 7)]);
        sheet.span("c_seconds", "What it took.", Duration::from_millis(1500));
        sheet.told("d", "What it is.", Labels::of(&[("version", "1")]));
        sheet
    }

    #[test]
    fn what_names_hold_is_escaped() {
        let text = sheet().write(false);
        assert!(text.contains("b{name=\"un\\\"ix:\\\\x\\ny\",state=\"up\"} 7\n"), "{text}");
    }

    #[test]
    fn both_formats_say_the_same() {
        let (open, plain) = (sheet().write(true), sheet().write(false));
        let samples =
            |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(String::from).collect::<Vec<_>>();
        assert_eq!(samples(&open), samples(&plain));
        assert!(open.contains("# TYPE a counter\n") && open.ends_with("# EOF\n"), "{open}");
        assert!(plain.contains("# TYPE a_total counter\n") && plain.contains("# TYPE d_info gauge\n"), "{plain}");
    }

    #[test]
    fn buckets_add_up() {
        let mut histogram = Histogram::new(&TURNS);
        [5_000, 20_000, 20_000, u64::MAX / 2].into_iter().for_each(|value| histogram.note(value));
        let mut sheet = Sheet::default();
        sheet.spreads("e_seconds", "Spread.", [(Labels::of(&[]), &histogram)]);
        let text = sheet.write(false);
        for line in ["_bucket{le=\"1e-05\"} 1", "_bucket{le=\"2.5e-05\"} 3", "_bucket{le=\"+Inf\"} 4", "_count 4"] {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }
}
