//! Floor 4, beside [`net`](crate::net): what a process asks of its host besides sockets.

pub mod ask;
pub mod errand;
pub mod limits;
pub mod resolve;
pub mod signals;
pub mod spool;
pub mod stderr;
