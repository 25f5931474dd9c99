//! Whole streams of requests, and of responses to one: read by the balancer's calls and by the strict model of
//! `tests/reference`, which says the same about every message, every body, every refusal and what is left over.

#[path = "../../reference/agree.rs"]
mod agree;
#[path = "../../reference/grammar.rs"]
mod grammar;
#[path = "../../reference/model.rs"]
mod model;
#[path = "../../reference/ours.rs"]
mod ours;
#[path = "../../reference/reading.rs"]
mod reading;

use super::text;

/// See the [module](self). The first byte says whose stream it is: `<` answers to GET, `-` to HEAD, else requests.
pub fn check(input: &[u8]) {
    let (mine, theirs, statuses) = match input {
        [b'<', bytes @ ..] => (ours::responses(bytes, "GET").0, model::responses(bytes, "GET"), false),
        [b'-', bytes @ ..] => (ours::responses(bytes, "HEAD").0, model::responses(bytes, "HEAD"), false),
        bytes => (ours::requests(bytes).0, model::requests(bytes), true),
    };
    if let Err(why) = agree::agree(&mine, &theirs, statuses) {
        panic!("{why}: {}\nours  {mine:?}\nmodel {theirs:?}", text(input));
    }
}
