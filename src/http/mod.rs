//! Floor 2: the language. Bytes in, judgement out; no socket, no clock, no chance.
//!
//! # A short lesson on request smuggling
//!
//! A proxy and the server behind it read the same bytes. If they disagree about where one request ends, the rest of it
//! becomes the beginning of the next one, and that may be another client's. Nobody needs to break in anywhere: it is
//! enough to find one byte that two programs read differently. Every one of these was such a byte:
//!
//! ```text
//! Content-Length: 6            Two answers to "where does it end?". One program believes the first,
//! Transfer-Encoding: chunked   the other the second.
//!
//! Content-Length: +6           A number to a lax parser, nonsense to a strict one.
//! Transfer-Encoding : chunked  A field to whoever trims the name, an unknown one to everybody else.
//! X: a\nContent-Length: 6      One field to whoever insists on CRLF, two to whoever takes a lone LF.
//! 0x6\r\n  6 ;x\n  -1\r\n      Chunk sizes, to somebody.
//! Connection: Content-Length   "Please remove this before you pass it on."
//! ```
//!
//! Two defences, both needed. *What is ambiguous is refused*, and the connection closed, for nobody can say where the
//! next request would begin. *What is forwarded is written anew* from what was understood, so that whatever slips
//! through the first net reaches the backend in the one spelling that everybody reads alike.
//!
//! # The life of a head
//!
//! ```text
//! bytes -> Scan ----> head ------> framing ---------> rewrite -> (the flow: chunked, in place)
//!          where      what does    where does the     what goes
//!          does it    it say, and  body end?          on, and
//!          end?       is it clean?                    what not?
//! ```
//!
//! 1. [`Scan`] finds the end of the head, however it is cut into pieces, and refuses bare LF and sizes.
//! 2. [`head::request`] and [`head::response`] judge it: [`Request`] or [`Response`], or [`Malformed`].
//! 3. [`Framing`] says where the body ends; [`Chunked`] takes the difficult kind apart.
//! 4. [`rewrite`] writes the head that goes on; [`answer`] writes those that we give ourselves.
//!
//! A head borrows everything from the bytes it was read from; nothing is allocated on the way.

pub mod answer;
pub mod chunked;
pub mod cookie;
mod fields;
pub mod framing;
pub mod head;
mod malformed;
mod response;
pub mod rewrite;
pub mod route;
pub mod scan;
mod target;
mod trailer;
mod words;

pub use crate::config::Limits;
pub use answer::{Answer, Status};
pub use chunked::{Chunked, Decoded, chunk_head, last_chunk};
pub use cookie::SetCookie;
pub use framing::Framing;
pub use head::{Request, Response, Table, table};
pub use malformed::Malformed;
pub use rewrite::{Onward, Persist};
pub use scan::Scan;
pub use words::{Verb, Version};
