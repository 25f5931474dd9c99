//! The strict model: HTTP/1.1 read one byte after the other, from the grammar of RFC 9112 and the rules of this project.
//!
//! Written to be compared with and to be nothing else: it is slow, it holds everything, it shares no code with
//! `src/http`. Where a message breaks several rules, any of their statuses will do, so all that were seen are kept;
//! where the RFC leaves a choice, the comment says which one was made. Next: [`super::corpus`], what it is fed.

use super::grammar::{all_known, is_authority, is_tchar, is_text, number, onward, text, trim};
use super::reading::{Ending, Framing, Message, Reading};

const HEAD: usize = 16 * 1024;
const TARGET: usize = 8 * 1024;
const FIELDS: usize = 100;
const METHOD: usize = 64;
const EMPTY_LINES: usize = 8;
const EXTENSION: usize = 1024;
const MOST: u64 = i64::MAX as u64; // the largest length that no arithmetic of anybody's turns negative

/// Why reading stopped.
enum Stop {
    /// The bytes are used up.
    More,
    /// A byte that may not be there; which rule it breaks is in `flaws`.
    Bad,
}

type Got<T> = Result<T, Stop>;

struct Eyes<'b> {
    bytes: &'b [u8],
    at: usize,
    begun: usize, // where the message begins
    limit: usize, // no head or trailer section goes beyond
    mends: bool,  // equal lengths, of a response
    flaws: Vec<u16>,
}

/// The fields of one head, names in lower case, values without white space around them.
struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    fn all(&self, name: &str) -> Vec<&[u8]> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_slice()).collect()
    }

    /// How many fields `Connection` may name: the project's limit holds for them as for fields.
    fn options(&self) -> usize {
        let all = self.all("connection");
        let options = all.iter().flat_map(|value| value.split(|&b| b == b',')).map(trim);
        let own = |one: &[u8]| [&b"close"[..], b"keep-alive", b"upgrade"].iter().any(|o| one.eq_ignore_ascii_case(o));
        options.filter(|one| !one.is_empty() && !own(one)).count()
    }

    /// Whether a list field has this member (RFC 9110 5.6.1).
    fn lists(&self, name: &str, member: &str) -> bool {
        let is = |one: &[u8]| trim(one).eq_ignore_ascii_case(member.as_bytes());
        self.all(name).iter().any(|value| value.split(|&b| b == b',').any(is))
    }
}

/// Reads requests until one ends the connection, is refused, or is not whole.
pub fn requests(bytes: &[u8]) -> Reading {
    let mut eyes = Eyes { bytes, at: 0, begun: 0, limit: HEAD, mends: false, flaws: Vec::new() };
    let mut messages = Vec::new();
    while eyes.at < bytes.len() {
        eyes.begin();
        let read = eyes.request().and_then(|head| {
            messages.push(head);
            messages.last_mut().map_or(Ok(()), |message| eyes.body(message))
        });
        if let Err(stop) = read {
            return Reading { messages, ending: eyes.ending(&stop) };
        }
        if messages.last().is_some_and(|last| !last.keep_alive) {
            break;
        }
    }
    Reading { messages, ending: Ending::Done(bytes.len() - eyes.at) }
}

/// Reads the responses to one request: interim ones, and one that is not. `bytes` are all there will be.
pub fn responses(bytes: &[u8], asked: &str) -> Reading {
    let mut eyes = Eyes { bytes, at: 0, begun: 0, limit: HEAD, mends: true, flaws: Vec::new() };
    let mut messages = Vec::new();
    loop {
        eyes.begin();
        let read = eyes.response(asked).and_then(|head| {
            messages.push(head);
            messages.last_mut().map_or(Ok(()), |message| eyes.body(message))
        });
        match (read, messages.last()) {
            (Err(stop), _) => return Reading { messages, ending: eyes.ending(&stop) },
            (Ok(()), Some(last)) if last.start.starts_with('1') && last.start != "101" => {}
            _ => return Reading { messages, ending: Ending::Done(bytes.len() - eyes.at) },
        }
    }
}

impl Eyes<'_> {
    fn begin(&mut self) {
        (self.begun, self.limit) = (self.at, self.at + HEAD);
        self.flaws.clear();
    }

    fn ending(&mut self, stop: &Stop) -> Ending {
        let bytes = &self.bytes[self.begun..];
        if !self.flaws.is_empty() {
            // Broken and too long: whoever counts first may say so.
            let endless = bytes.len() > METHOD && !bytes[..=METHOD].contains(&b' ');
            self.flaws.extend(endless.then_some(501));
            self.flaws.extend((bytes.len() > TARGET).then_some(414));
            self.flaws.extend((bytes.len() > HEAD).then_some(431));
        }
        match stop {
            Stop::More => Ending::More(self.flaws.clone()),
            Stop::Bad => Ending::Refused(self.flaws.clone()),
        }
    }

    fn bad<T>(&mut self, status: u16) -> Got<T> {
        self.flaws.push(status);
        Err(Stop::Bad)
    }

    fn peek(&mut self) -> Got<u8> {
        if self.at >= self.limit {
            return self.bad(431);
        }
        self.bytes.get(self.at).copied().ok_or(Stop::More)
    }

    fn next(&mut self) -> Got<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, wanted: &[u8]) -> Got<()> {
        for &byte in wanted {
            if self.next()? != byte {
                return self.bad(400);
            }
        }
        Ok(())
    }

    /// RFC 9112 3.
    fn request(&mut self) -> Got<Message> {
        let mut empty = 0;
        while self.peek()? == b'\r' {
            self.expect(b"\r\n")?;
            empty += 1;
            if empty > EMPTY_LINES {
                return self.bad(400);
            }
        }
        let method = self.word(is_tchar, METHOD, 501)?;
        self.expect(b" ")?;
        let target = self.word(|byte| byte.is_ascii_graphic() && byte != b'#', TARGET, 414)?;
        if self.peek()? == b'\r' {
            self.flaws.push(505); // two words were a request once: HTTP/0.9
        }
        self.expect(b" ")?;
        let minor = self.version(505)?;
        self.expect(b"\r\n")?;
        let fields = self.fields()?;
        self.judge_request(text(&method), &target, minor > b'0', &fields)
    }

    /// RFC 9112 4, and as the RFC's own advice to clients has it, the space before an absent reason may be absent too.
    fn response(&mut self, asked: &str) -> Got<Message> {
        let minor = self.version(502)?;
        self.expect(b" ")?;
        let status = text(&[self.digit()?, self.digit()?, self.digit()?]);
        self.note(status.starts_with('0'), 502);
        if self.peek()? != b'\r' {
            self.expect(b" ")?;
            while is_text(self.peek()?) {
                self.at += 1;
            }
        }
        self.expect(b"\r\n")?;
        let fields = self.fields()?;
        self.judge_response(status, asked, minor > b'0', &fields)
    }

    fn note(&mut self, broken: bool, status: u16) {
        self.flaws.extend(broken.then_some(status));
    }

    /// One byte or more of a kind; beyond `most` with that status, which is known before its end is.
    fn word(&mut self, may: impl Fn(u8) -> bool, most: usize, status: u16) -> Got<Vec<u8>> {
        let from = self.at;
        while may(self.peek()?) {
            self.at += 1;
            self.note(self.at - from == most + 1, status);
        }
        if self.at == from {
            return self.bad(400);
        }
        Ok(self.bytes[from..self.at].to_vec())
    }

    fn digit(&mut self) -> Got<u8> {
        match self.next()? {
            digit @ b'0'..=b'9' => Ok(digit),
            _ => self.bad(400),
        }
    }

    /// RFC 9112 2.3: one digit, a dot, one digit. The minor one.
    fn version(&mut self, unknown: u16) -> Got<u8> {
        self.expect(b"HTTP/")?;
        let major = self.digit()?;
        self.note(major != b'1', unknown);
        self.expect(b".")?;
        self.digit()
    }

    /// RFC 9112 5, up to and with the empty line: names at once followed by a colon, no folding, no control bytes.
    fn fields(&mut self) -> Got<Fields> {
        let mut fields = Vec::new();
        while self.peek()? != b'\r' {
            let name = text(&self.word(is_tchar, HEAD, 431)?).to_ascii_lowercase();
            self.expect(b":")?;
            let from = self.at;
            while is_text(self.peek()?) {
                self.at += 1;
            }
            fields.push((name, trim(&self.bytes[from..self.at]).to_vec()));
            self.expect(b"\r\n")?;
            self.note(fields.len() > FIELDS, 431);
        }
        self.expect(b"\r\n")?;
        Ok(Fields(fields))
    }

    fn judge_request(&mut self, method: String, target: &[u8], modern: bool, fields: &Fields) -> Got<Message> {
        let hosts = fields.all("host");
        self.note(hosts.len() > 1 || (modern && hosts.is_empty()), 400);
        self.note(!hosts.iter().all(|host| is_authority(host)), 400);
        let onward = onward(&method, target);
        self.note(onward.is_none(), 400);
        if method == "CONNECT" {
            self.flaws.extend([405, 501]);
        }
        // Said twice is not what anybody says. In HTTP/1.0 it is ignored later (RFC 9110 10.1.1).
        let expects = fields.all("expect");
        let understood = expects.len() < 2 && expects.iter().all(|value| value.eq_ignore_ascii_case(b"100-continue"));
        self.note(!understood, 417);
        let counts = method == "OPTIONS" || method == "TRACE";
        let forwards = fields.all("max-forwards");
        let digits = |value: &&[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit); // as many as one likes
        self.note(counts && (!forwards.iter().all(digits) || forwards.len() > 1), 400);
        self.note(fields.options() > FIELDS, 431);
        let framing = self.framing(modern, fields).unwrap_or(Framing::None);
        if !self.flaws.is_empty() {
            return Err(Stop::Bad);
        }
        let (target, authority) = onward.unwrap_or_default();
        let host = authority.or_else(|| hosts.first().map(|host| host.to_vec()));
        let start = format!("{method} {}", text(&target));
        Ok(Message { start, host, framing, keep_alive: keeps(modern, fields), ..Message::default() })
    }

    fn judge_response(&mut self, status: String, asked: &str, modern: bool, fields: &Fields) -> Got<Message> {
        // RFC 9112 6.3: these have no body and may not even speak of one, so what they say of it is not heard.
        let silent = status.starts_with('1') || status == "204";
        self.note(fields.options() > FIELDS, 431);
        let said = if silent { None } else { self.framing(modern, fields) };
        if !self.flaws.is_empty() {
            return Err(Stop::Bad);
        }
        let bodiless = silent || asked == "HEAD" || status == "304";
        let framing = if bodiless { Framing::None } else { said.unwrap_or(Framing::UntilClose) };
        let keep_alive = keeps(modern, fields) && framing != Framing::UntilClose;
        Ok(Message { start: status, framing, keep_alive, ..Message::default() })
    }

    /// RFC 9112 6: what the fields say. Where the RFC lets a recipient repair, the project refuses.
    fn framing(&mut self, modern: bool, fields: &Fields) -> Option<Framing> {
        let (codings, mut lengths) = (fields.all("transfer-encoding"), fields.all("content-length"));
        if self.mends {
            // RFC 9110 8.6: a length that a backend says twice is one; the project refuses that of clients alone.
            lengths = lengths.iter().flat_map(|value| value.split(|&b| b == b',')).map(trim).collect();
            lengths.dedup_by_key(|value| number(value));
        }
        self.note(!codings.is_empty() && (!lengths.is_empty() || !modern), 400);
        self.note(codings.len() > 1 || lengths.len() > 1, 400);
        for coding in &codings {
            if !coding.eq_ignore_ascii_case(b"chunked") {
                self.flaws.push(if all_known(coding) { 501 } else { 400 });
            }
        }
        let length = lengths.first().map(|value| number(value).filter(|&length| length <= MOST));
        self.note(length == Some(None), 400);
        match (codings.is_empty(), length.flatten()) {
            (false, _) => Some(Framing::Chunked),
            (true, Some(length)) => Some(Framing::Length(length)),
            (true, None) => None,
        }
    }

    fn body(&mut self, message: &mut Message) -> Got<()> {
        self.limit = usize::MAX;
        match message.framing {
            Framing::None => {}
            Framing::UntilClose => self.data((self.bytes.len() - self.at) as u64, &mut message.body)?,
            Framing::Length(length) => self.data(length, &mut message.body)?,
            Framing::Chunked => self.chunks(message)?,
        }
        message.complete = true;
        Ok(())
    }

    fn data(&mut self, count: u64, into: &mut Vec<u8>) -> Got<()> {
        for _ in 0..count {
            into.push(self.next()?);
        }
        Ok(())
    }

    /// RFC 9112 7.1.
    fn chunks(&mut self, message: &mut Message) -> Got<()> {
        loop {
            let size = self.chunk_size()?;
            if self.peek()? == b';' {
                self.extension()?;
            }
            self.expect(b"\r\n")?;
            if size == 0 {
                break;
            }
            self.data(size, &mut message.body)?;
            self.expect(b"\r\n")?;
        }
        self.limit = self.at + HEAD; // a trailer section may be as large as a head
        message.trailers = self.fields()?.0;
        if self.flaws.is_empty() { Ok(()) } else { Err(Stop::Bad) }
    }

    /// Sixteen digits are enough for anybody, and what does not fit is refused before its data come.
    fn chunk_size(&mut self) -> Got<u64> {
        let mut digits = String::new();
        while self.peek()?.is_ascii_hexdigit() {
            digits.push(char::from(self.next()?));
            if digits.len() > 16 || u64::from_str_radix(&digits, 16).is_ok_and(|size| size > MOST) {
                return self.bad(400); // whatever else may come
            }
        }
        match u64::from_str_radix(&digits, 16) {
            Ok(size) => Ok(size),
            _ => self.bad(400),
        }
    }

    /// Names and values are not looked at, since nobody is told them; but quotes must match, so that all agree where
    /// it ends.
    fn extension(&mut self) -> Got<()> {
        let (from, mut quoted) = (self.at, false);
        loop {
            let byte = self.peek()?;
            if byte == b'\r' && !quoted {
                return Ok(());
            }
            if !is_text(byte) {
                return self.bad(400);
            }
            self.at += 1;
            match byte {
                b'"' => quoted = !quoted,
                b'\\' if quoted && is_text(self.peek()?) => self.at += 1,
                _ => {}
            }
            if self.at - from > EXTENSION {
                return self.bad(400);
            }
        }
    }
}

/// RFC 9112 9.3.
fn keeps(modern: bool, fields: &Fields) -> bool {
    !fields.lists("connection", "close") && (modern || fields.lists("connection", "keep-alive"))
}
