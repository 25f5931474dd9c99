//! Rude neighbours, slow ones and very large bodies, against the built binary on real sockets.
//!
//! After each of them the process must serve as before: memory near where it was, no descriptor left behind, every refusal
//! named in a counter and in the log, nothing forwarded that a strict backend cannot read. Loads are bounded: all of it
//! takes seconds. [`house`] is what a test begins with; which head is refused for which flaw is in `language.rs`.

mod support;

#[path = "abuse/cuts.rs"]
mod cuts;
#[cfg(target_os = "linux")]
#[path = "abuse/early.rs"]
mod early;
#[path = "abuse/floods.rs"]
mod floods;
#[path = "abuse/house.rs"]
mod house;
#[path = "abuse/noise.rs"]
mod noise;
#[path = "abuse/oversize.rs"]
mod oversize;
#[path = "abuse/slow.rs"]
mod slow;
#[path = "abuse/streaming.rs"]
mod streaming;
#[path = "abuse/weight.rs"]
mod weight;
