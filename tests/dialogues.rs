//! The behaviour of the loop, statement by statement, as scripted dialogues. Each is played unchanged on both kernels:
//! the simulated one, calm and cruel, by several seeds and with what is said cut into pieces; and the real one.
//!
//! The harness: [`play`] (on which stages), [`stage`] (who is there), [`actor`] (what they do: the verbs), [`kernel`] and
//! its two kinds, [`text`] (a strict reader of its own). The dialogues are grouped by topic. What a head or a chunk
//! may look like is proven in `language.rs`, on the pure rules; here is what the loop makes of it.

#[path = "dialogues/actor.rs"]
mod actor;
#[path = "dialogues/crowding.rs"]
mod crowding;
#[path = "dialogues/kernel.rs"]
mod kernel;
#[path = "dialogues/play.rs"]
mod play;
#[path = "dialogues/real.rs"]
mod real;
#[path = "dialogues/simulated.rs"]
mod simulated;
#[path = "dialogues/stage.rs"]
mod stage;
#[path = "dialogues/text.rs"]
mod text;

#[path = "dialogues/admin.rs"]
mod admin;
#[path = "dialogues/chunks.rs"]
mod chunks;
#[path = "dialogues/elsewhere.rs"]
mod elsewhere;
#[path = "dialogues/errors.rs"]
mod errors;
#[path = "dialogues/expect.rs"]
mod expect;
#[path = "dialogues/hops.rs"]
mod hops;
#[path = "dialogues/keeping.rs"]
mod keeping;
#[path = "dialogues/limits.rs"]
mod limits;
#[path = "dialogues/pages.rs"]
mod pages;
#[path = "dialogues/paths.rs"]
mod paths;
#[path = "dialogues/preface.rs"]
mod preface;
#[path = "dialogues/refusals.rs"]
mod refusals;
#[path = "dialogues/reload.rs"]
mod reload;
#[path = "dialogues/responses.rs"]
mod responses;
#[path = "dialogues/retry.rs"]
mod retry;
#[path = "dialogues/routes.rs"]
mod routes;
#[path = "dialogues/states.rs"]
mod states;
#[path = "dialogues/sticky.rs"]
mod sticky;
#[path = "dialogues/streaming.rs"]
mod streaming;
#[path = "dialogues/surplus.rs"]
mod surplus;
#[path = "dialogues/targets.rs"]
mod targets;
#[path = "dialogues/timeouts.rs"]
mod timeouts;
#[path = "dialogues/truncation.rs"]
mod truncation;
#[path = "dialogues/watch.rs"]
mod watch;
