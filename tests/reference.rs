//! Our HTTP layer against two readers that know nothing of it: a strict model and Python's h11.
//!
//! The same bytes, the same verdict, framing, body and rest. With the model every difference is a failure. h11 is laxer
//! than we are in places: each is named in [`h11::LAX`], with the reason, and nothing else may differ.

#[path = "reference/agree.rs"]
mod agree;
#[path = "reference/corpus.rs"]
mod corpus;
#[path = "reference/grammar.rs"]
mod grammar;
#[path = "reference/h11.rs"]
mod h11;
#[path = "reference/model.rs"]
mod model;
#[path = "reference/ours.rs"]
mod ours;
#[path = "reference/reading.rs"]
mod reading;
#[path = "reference/shapes.rs"]
mod shapes;

use agree::agree;
use corpus::Case;
use evenkeel::base::Rng;
use evenkeel::http::Malformed;
use reading::{Ending, Message, Reading};
use std::collections::BTreeMap;

/// Cases of each kind for the model; about a second without optimisation.
const CASES: usize = 20_000;

/// Cases of each kind for h11, which is slower.
const H11_CASES: usize = 5_000;

#[test]
fn requests_are_read_as_the_model_reads_them() {
    let census =
        compare(1, corpus::request, |case| ours::requests(&case.bytes).0, |case| model::requests(&case.bytes), true);
    census.expect_variety(&[]);
}

#[test]
fn responses_are_read_as_the_model_reads_them() {
    let read = |case: &Case| ours::responses(&case.bytes, case.asked).0;
    let census = compare(2, corpus::response, read, |case| model::responses(&case.bytes, case.asked), false);
    census.expect_variety(&["an empty line"]);
}

#[test]
fn requests_are_read_as_h11_reads_them_but_for_the_known_differences() {
    compare_with_h11(3, corpus::request, |_| None, |case| ours::requests(&case.bytes));
}

#[test]
fn responses_are_read_as_h11_reads_them_but_for_the_known_differences() {
    compare_with_h11(4, corpus::response, |case| Some(case.asked), |case| ours::responses(&case.bytes, case.asked));
}

/// Each difference must have a name; what the names were good for is printed.
fn compare_with_h11(
    seed: u64,
    next: fn(&mut Rng) -> Case,
    role: fn(&Case) -> Option<&str>,
    ours: impl Fn(&Case) -> ours::Judged,
) {
    let mut rng = Rng::new(seed);
    let cases: Vec<Case> = (0..H11_CASES).map(|_| next(&mut rng)).collect();
    let Some(theirs) = h11::read(&cases, role) else {
        return println!("skipped: no python3 with h11");
    };
    assert_eq!(theirs.len(), cases.len());
    let mut differences = BTreeMap::new();
    for (number, (case, (theirs, words))) in cases.iter().zip(&theirs).enumerate() {
        let (mine, why) = ours(case);
        match differ(&mine, why, theirs, words) {
            Ok(None) => {}
            Ok(Some(name)) => *differences.entry(name).or_insert(0) += 1,
            Err(what) => {
                let text = String::from_utf8_lossy(&case.bytes[..case.bytes.len().min(3000)]).into_owned();
                let shapes = &case.shapes;
                panic!(
                    "case {number}, {shapes:?}, {}: {what}\n{text:?}\nours {why:?} {mine:?}\nh11  {words} {theirs:?}",
                    case.asked
                );
            }
        }
    }
    println!("{differences:#?}");
}

/// The name of the difference, if there is one. Error: it has none.
fn differ(ours: &Reading, why: Option<Malformed>, h11: &Reading, words: &str) -> Result<Option<&'static str>, String> {
    let lax = h11::LAX.iter().find(|(rule, _)| Some(*rule) == why).map(|(_, reason)| *reason);
    let strict = h11::STRICT.iter().find(|(said, _)| words.contains(said)).map(|(_, reason)| *reason);
    for number in 0..ours.messages.len().max(h11.messages.len()) {
        match (ours.messages.get(number), h11.messages.get(number)) {
            (Some(mine), Some(theirs)) if mine.complete && theirs.complete => alike(mine, theirs, true)?,
            (Some(mine), Some(theirs)) if !mine.complete && !theirs.complete => {
                return alike(mine, theirs, false).map(|()| None);
            }
            (Some(mine), Some(theirs)) if !mine.complete && why.is_some() => {
                return alike(mine, theirs, false).and(named(lax, "a body"));
            }
            (Some(mine), Some(theirs)) if !theirs.complete && !words.is_empty() => {
                return alike(mine, theirs, false).and(named(strict, "a body"));
            }
            (None, Some(_)) => return named(lax, "a head that we do not take"),
            (Some(_), None) => return named(strict, "a head that it does not take"),
            _ => return Err("a body is whole for one alone".into()),
        }
    }
    match (&ours.ending, &h11.ending) {
        (Ending::Done(mine), Ending::Done(theirs)) if mine == theirs => Ok(None),
        (Ending::Done(_), _) | (_, Ending::Done(_)) => named(strict, "the connection's end"),
        _ => Ok(None), // neither reads any further
    }
}

fn named(name: Option<&'static str>, what: &str) -> Result<Option<&'static str>, String> {
    name.map(Some).ok_or_else(|| format!("a difference without a name: {what}"))
}

fn alike(mine: &Message, theirs: &Message, whole: bool) -> Result<(), String> {
    let method = |message: &Message| message.start.split(' ').next().map(str::to_string);
    if method(mine) != method(theirs) || mine.framing != theirs.framing || (whole && mine.body != theirs.body) {
        return Err("read differently by both".into());
    }
    Ok(())
}

/// How the cases came out, by shape: accepted, refused, not whole.
#[derive(Default)]
struct Census(BTreeMap<&'static str, [usize; 3]>);

impl Census {
    fn count(&mut self, case: &Case, reading: &Reading) {
        let column = match reading.ending {
            Ending::Done(_) => 0,
            Ending::Refused(_) => 1,
            Ending::More(_) => 2,
        };
        for shape in case.shapes.iter().chain(["all"].iter()) {
            self.0.entry(shape).or_default()[column] += 1;
        }
    }

    /// A comparison of nothing but refusals would prove little, and one of nothing but acceptance less.
    fn expect_variety(&self, hopeless: &[&str]) {
        assert!(self.0.len() > 20, "shapes that were used: {}", self.0.len());
        for (shape, [accepted, refused, cut]) in &self.0 {
            let all = accepted + refused + cut;
            assert!(hopeless.contains(shape) != (accepted * 200 > all), "{shape}: {accepted} of {all} accepted");
            assert!(all > 100 && refused * 20 > all, "{shape}: {accepted} {refused} {cut}");
        }
    }
}

fn compare(
    seed: u64,
    next: impl Fn(&mut Rng) -> Case,
    ours: impl Fn(&Case) -> Reading,
    theirs: impl Fn(&Case) -> Reading,
    statuses: bool,
) -> Census {
    let (mut rng, mut census) = (Rng::new(seed), Census::default());
    for number in 0..CASES {
        let case = next(&mut rng);
        let (mine, model) = (ours(&case), theirs(&case));
        if let Err(why) = agree(&mine, &model, statuses) {
            let text = String::from_utf8_lossy(&case.bytes[..case.bytes.len().min(3000)]).into_owned();
            panic!(
                "case {number}, {:?}, asked {}: {why}\n{text:?}\nours  {mine:?}\nmodel {model:?}",
                case.shapes, case.asked
            );
        }
        census.count(&case, &model);
    }
    census
}
