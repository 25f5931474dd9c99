//! A strict reader of heads and chunks, which shares no code with the balancer.

use std::fmt;

/// A head: its first line and its fields, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub line: String,
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Where the head ends, if it has come.
    pub fn end(bytes: &[u8]) -> Option<usize> {
        bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
    }

    /// Takes a head from the front.
    pub fn take(bytes: &mut Vec<u8>) -> Option<Head> {
        let end = Head::end(bytes)?;
        let text: Vec<u8> = bytes.drain(..end).collect();
        let text: String = text[..end - 4].iter().map(|&byte| char::from(byte)).collect(); // Latin-1
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default().to_string();
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_string(), value.to_string()));
        let fields = lines.map(|line| field(line).unwrap_or_else(|| panic!("no field: {line:?}"))).collect();
        Some(Head { line, fields })
    }

    /// The values of all fields of this name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The value of the only field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.all(name).collect();
        assert!(values.len() < 2, "{name} is there twice: {self}");
        values.first().copied()
    }

    /// Whether a field of this name lists this word.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|member| member.trim().eq_ignore_ascii_case(word))
    }

    /// These lines are among the fields, written just so.
    pub fn has(&self, lines: &[&str]) -> &Head {
        for line in lines {
            let there = self.fields.iter().any(|(name, value)| format!("{name}: {value}") == **line);
            assert!(there, "no {line:?} in {self}");
        }
        self
    }

    /// No field has one of these names.
    pub fn lacks(&self, names: &[&str]) -> &Head {
        for name in names {
            assert!(self.all(name).next().is_none(), "{name} in {self}");
        }
        self
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.line)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " | {name}: {value}"))
    }
}

/// The beginning of a chunked body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    pub payload: Vec<u8>,
    pub complete: bool,
    pub trailers: String,
    /// Bytes of whole chunks, of the last one with the trailers behind it.
    pub size: usize,
}

/// Reads chunks as we write them: a bare size, no extension.
pub fn chunks(bytes: &[u8]) -> Result<Chunks, String> {
    let mut chunks = Chunks::default();
    while let Some(line) = line(&bytes[chunks.size..]) {
        let text = String::from_utf8_lossy(line);
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let count = usize::from_str_radix(&text, 16).ok().filter(|_| plain).ok_or(format!("size {text:?}"))?;
        let rest = &bytes[chunks.size + line.len() + 2..];
        if count == 0 {
            return Ok(trailers(rest, chunks, line.len() + 2));
        }
        if rest.len() < count + 2 {
            break;
        }
        if &rest[count..count + 2] != b"\r\n" {
            return Err("no line end after a chunk".into());
        }
        chunks.payload.extend_from_slice(&rest[..count]);
        chunks.size += line.len() + 2 + count + 2;
    }
    Ok(chunks)
}

fn trailers(rest: &[u8], mut chunks: Chunks, line: usize) -> Chunks {
    let end = if rest.starts_with(b"\r\n") { Some(2) } else { Head::end(rest) };
    if let Some(end) = end {
        chunks.complete = true;
        chunks.trailers = String::from_utf8_lossy(&rest[..end - 2]).into_owned();
        chunks.size += line + end;
    }
    chunks
}

fn line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.windows(2).position(|two| two == b"\r\n").map(|at| &bytes[..at])
}
