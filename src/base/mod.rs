//! Floor 0: plain matter. Time as a number, buffers that are lent, timers, chance with a seed, counters.
//!
//! Nothing here knows a socket, a protocol or a clock. Read [`time`] first, then [`timers`].

pub mod address;
pub mod buffer;
pub mod date;
pub mod digits;
pub mod histogram;
pub mod rng;
pub mod stats;
pub mod tally;
pub mod time;
pub mod timers;

pub use address::{Address, Peer};
pub use buffer::{Buffer, Lender, Shelf};
pub use date::Date;
pub use rng::Rng;
pub use time::Time;
pub use timers::Timers;
