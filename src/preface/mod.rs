//! Floor 2: what may stand before the traffic of a connection. Bytes in, judgement out; no socket, no clock.
//!
//! Two things do, and both are read before a single byte goes on:
//!
//! - [`proxy_protocol`]: a proxy in front of us says whose connection this is. The header is eaten; we can write one
//!   for the backend behind us.
//! - [`client_hello`]: a TLS client says whom it wants to reach. Nothing is eaten: the bytes go on untouched.
//!
//! Both have the same shape. `read` is given all bytes of the connection so far and says `Ok(None)` for *not yet*,
//! `Ok(Some(..))`, or a [`Refusal`]; it keeps no state, so asking again with more bytes is all there is to do. More
//! bytes never change an answer once given, and one that can be known to be wrong is refused when it comes.
//!
//! What is not here: who may send such a header ([`config::network`](crate::config::network) tells whether an address
//! is trusted), how long to wait for it, and what becomes of the connection; that is the session's.

pub mod client_hello;
mod cursor;
pub mod proxy_protocol;
mod refusal;
#[cfg(test)]
mod testing;

pub use client_hello::Hello;
pub use proxy_protocol::{Header, Version};
pub use refusal::Refusal;
