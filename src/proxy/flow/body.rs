//! What is still to come of a message's body.

use crate::http::{Chunked, Framing};

/// What is still to come from the source.
#[derive(Debug, Clone, Copy, Default)]
pub enum Body {
    /// Nothing: the last message is made.
    #[default]
    Done,
    /// So many bytes.
    Length(u64),
    /// Chunks, decoded so far as this.
    Chunked(Chunked),
    /// Everything until the source ends.
    UntilClose,
}

impl From<Framing> for Body {
    fn from(framing: Framing) -> Body {
        match framing {
            Framing::None | Framing::Length(0) => Body::Done,
            Framing::Length(count) => Body::Length(count),
            Framing::Chunked => Body::Chunked(Chunked::default()),
            Framing::UntilClose => Body::UntilClose,
        }
    }
}

impl Body {
    /// So many bytes from here on are payload for certain, whatever they are: nobody need look at them.
    pub fn blind(&self) -> u64 {
        match self {
            Body::Done => 0,
            Body::Length(left) => *left,
            Body::Chunked(decoder) => decoder.data_to_come(),
            Body::UntilClose => u64::MAX,
        }
    }

    /// So many of those will come, or the message is cut. Nobody promises anything who may end at any byte.
    pub fn promised(&self) -> u64 {
        match self {
            Body::UntilClose => 0,
            others => others.blind(),
        }
    }

    /// `count` bytes of payload came, no more than [`Body::blind`].
    pub fn came(&mut self, count: usize) {
        match self {
            Body::Done | Body::UntilClose => {}
            Body::Length(left) if *left == count as u64 => *self = Body::Done,
            Body::Length(left) => *left -= count as u64,
            Body::Chunked(decoder) => decoder.skip(count),
        }
    }

    /// Whether nothing more is to come.
    pub fn is_done(&self) -> bool {
        matches!(self, Body::Done)
    }
}
