//! A tiny, strict reader of HTTP/1.1 messages, written apart from the balancer's own so that both can be compared. It
//! takes what a careful sender writes and nothing else: whatever the balancer sends must pass.

/// The first line in three parts, and the fields with lower-case names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub first: [String; 3],
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The value of a field that may stand there once.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|(it, _)| it == name).count()
    }

    /// Whether a list field has this member.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        let of = |(_, value): &(String, String)| value.split(',').any(|it| it.trim().eq_ignore_ascii_case(member));
        self.fields.iter().filter(|(it, _)| it == name).any(of)
    }

    /// Where the body ends, by what stands in the head. `otherwise`: when nothing does.
    pub fn body(&self, otherwise: Body) -> Result<Body, String> {
        let (lengths, codings) = (self.count("content-length"), self.count("transfer-encoding"));
        match (lengths, codings) {
            (0, 0) => Ok(otherwise),
            (1, 0) => match self.field("content-length").unwrap_or_default().parse() {
                Ok(length) => Ok(Body::Length(length)),
                Err(_) => Err("a content-length that is no number".into()),
            },
            (0, 1) if self.field("transfer-encoding") == Some("chunked") => Ok(Body::Size),
            _ => Err(format!("{lengths} content-lengths and {codings} transfer-encodings")),
        }
    }
}

/// A head, and how many bytes it is; `None`: it is not complete.
pub fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is no text")?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let mut words = first.splitn(3, ' ').map(str::to_owned);
    let (Some(a), Some(b), Some(c)) = (words.next(), words.next(), words.next()) else {
        return Err(format!("a first line of fewer than three words: {first:?}"));
    };
    let fields = lines.map(field).collect::<Result<_, _>>()?;
    Ok(Some((Head { first: [a, b, c], fields }, end + 4)))
}

fn field(line: &str) -> Result<(String, String), String> {
    let wrong = || format!("not a field: {line:?}");
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let odd = |byte: u8| byte < b' ' && byte != b'\t' || byte == 0x7f;
    if name.is_empty() || !name.bytes().all(token) || value.bytes().any(odd) {
        return Err(wrong());
    }
    Ok((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
}

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Done,
    Length(u64),
    UntilClose,
    /// A chunk's size line.
    Size,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The line end behind them.
    Line,
    /// Trailer fields.
    Trailer,
}

impl Body {
    /// Takes what it can from the front of `bytes` and appends the payload. Says how much was taken.
    pub fn feed(&mut self, bytes: &[u8], payload: &mut Vec<u8>) -> Result<usize, String> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let step = match *self {
                Body::Done | Body::Length(0) => None,
                _ if rest.is_empty() => None,
                Body::UntilClose => Some((rest.len(), Body::UntilClose, rest.len())),
                Body::Length(left) => {
                    let count = left.min(rest.len() as u64);
                    Some((count as usize, Body::Length(left - count), count as usize))
                }
                Body::Chunk(left) => {
                    let count = left.min(rest.len() as u64);
                    let next = if count == left { Body::Line } else { Body::Chunk(left - count) };
                    Some((count as usize, next, count as usize))
                }
                Body::Size | Body::Line | Body::Trailer => self.line(rest)?.map(|(count, next)| (count, next, 0)),
            };
            let Some((count, next, payload_count)) = step else { break };
            payload.extend(&rest[..payload_count]);
            taken += count;
            *self = next;
        }
        if *self == Body::Length(0) {
            *self = Body::Done;
        }
        Ok(taken)
    }

    fn line(self, bytes: &[u8]) -> Result<Option<(usize, Body)>, String> {
        let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&bytes[..end]).map_err(|_| "a chunk line that is no text")?;
        let next = match self {
            Body::Line if line.is_empty() => Body::Size,
            Body::Trailer if line.is_empty() => Body::Done,
            Body::Trailer => field(line).map(|_| Body::Trailer)?,
            Body::Size => match u64::from_str_radix(line, 16) {
                Ok(0) => Body::Trailer,
                Ok(size) => Body::Chunk(size),
                Err(_) => return Err(format!("not a chunk size: {line:?}")),
            },
            _ => return Err(format!("bytes behind a chunk: {line:?}")),
        };
        Ok(Some((end + 2, next)))
    }
}

/// A body in chunks of up to `most` bytes.
pub fn chunked(body: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(most.max(1)) {
        out.extend(format!("{:x}\r\n", chunk.len()).bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\n\r\n");
    out
}

#[test]
fn a_chunked_body_comes_back_whole_however_it_is_cut() {
    let body: Vec<u8> = (0..100).collect();
    let sent = chunked(&body, 30);
    for cut in 0..sent.len() {
        let (mut reader, mut got) = (Body::Size, Vec::new());
        let taken = reader.feed(&sent[..cut], &mut got).expect("well formed");
        reader.feed(&sent[taken..], &mut got).expect("well formed");
        assert_eq!((reader, &got), (Body::Done, &body));
    }
}

#[test]
fn what_no_careful_sender_writes_is_refused() {
    for wrong in ["GET /\r\n\r\n", "GET / HTTP/1.1\r\nA B: 1\r\n\r\n", "GET / HTTP/1.1\r\n folded\r\n\r\n"] {
        assert!(head(wrong.as_bytes()).is_err(), "{wrong:?}");
    }
    let both = "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (both, _) = head(both.as_bytes()).expect("a head").expect("complete");
    assert!(both.body(Body::Done).is_err());
}
