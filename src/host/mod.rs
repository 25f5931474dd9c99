//! Floor 4, beside [`net`](crate::net): what a process asks of its host besides sockets.

mod aside;
pub mod ask;
pub mod birth;
pub mod errand;
pub mod hand_over;
pub mod limits;
pub mod notify;
mod patience;
pub mod resolve;
pub mod signals;
pub mod spool;
pub mod stderr;
pub mod terminal;
