//! What somebody made of a stream of bytes: the common tongue in which readers are compared.

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    #[default]
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Method and target as they go on, or the status.
    pub start: String,
    /// Whom a request is for.
    pub host: Option<Vec<u8>>,
    pub framing: Framing,
    /// As far as it came.
    pub body: Vec<u8>,
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Whether the connection goes on after it.
    pub keep_alive: bool,
    /// Whether it was read to its end.
    pub complete: bool,
}

/// How reading ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// After the last message, with so many bytes left.
    Done(usize),
    /// The last message is not whole; the statuses of what is wrong with it already.
    More(Vec<u16>),
    /// Refused, with one of these statuses.
    Refused(Vec<u16>),
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub messages: Vec<Message>,
    pub ending: Ending,
}
