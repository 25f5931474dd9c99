//! The script of a session: records that a human can write, made of whatever bytes a fuzzer has.

/// More of anything teaches nothing and costs time.
const MOST_RECORDS: usize = 40;
const MOST_CLIENTS: usize = 6;

/// The last client calls the admin address.
pub const OPERATOR: usize = 9;

/// What somebody does.
#[derive(Debug, Clone)]
pub enum Act<'a> {
    /// `>n`: client n says this; it is dialled by its first act.
    Ask(usize, &'a [u8]),
    /// `<n`: on connection n of those that reached a backend, this is said, as soon as there is one.
    Answer(usize, &'a [u8]),
    /// `e` `E`: client or backend connection n has said everything.
    Finish(Side, usize),
    /// `x` `X`: ... breaks.
    Reset(Side, usize),
    /// `c` `C`: ... closes.
    Close(Side, usize),
    /// `z` `Z`: ... stops reading, or reads on.
    Doze(Side, usize),
    /// `w`: backend n welcomes in another way: `a`ccepts, `r`efuses, `d`elays, `s`wallows, goes `u`nserved.
    Welcome(usize, u8),
    /// `.n`: so many times 10 ms pass.
    Pass(u64),
    /// `,n`: so many seconds pass.
    Wait(u64),
    /// `s`: the operator says stop.
    Stop,
    /// `d`: the operator wants the state.
    Dump,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Backend,
}

#[derive(Debug, Default)]
pub struct Script<'a> {
    pub mood: u8,
    pub seed: u64,
    /// `m`: bytes, not HTTP.
    pub tcp: bool,
    /// `p`: backends are probed.
    pub probes: bool,
    /// `b`: there are two backends, not one.
    pub two: bool,
    pub acts: Vec<Act<'a>>,
}

impl<'a> Script<'a> {
    pub fn read(input: &'a [u8]) -> Script<'a> {
        let mut script = Script::default();
        for record in records(input).into_iter().take(MOST_RECORDS) {
            let (&letter, rest) = record.split_first().unwrap_or((&0, b""));
            let (number, payload) = match rest {
                [digit @ b'0'..=b'9', payload @ ..] => (usize::from(digit - b'0'), payload),
                payload => (0, payload),
            };
            let client = if number == OPERATOR { OPERATOR } else { number % MOST_CLIENTS };
            script.acts.push(match letter {
                b'k' => {
                    script.mood = number as u8;
                    script.seed = payload.iter().fold(0, |seed, &byte| seed << 8 ^ u64::from(byte));
                    continue;
                }
                b'm' => {
                    script.tcp = true;
                    continue;
                }
                b'p' => {
                    script.probes = true;
                    continue;
                }
                b'b' => {
                    script.two = true;
                    continue;
                }
                b'>' => Act::Ask(client, payload),
                b'<' => Act::Answer(number, payload),
                b'e' => Act::Finish(Side::Client, client),
                b'E' => Act::Finish(Side::Backend, number),
                b'x' => Act::Reset(Side::Client, client),
                b'X' => Act::Reset(Side::Backend, number),
                b'c' => Act::Close(Side::Client, client),
                b'C' => Act::Close(Side::Backend, number),
                b'z' => Act::Doze(Side::Client, client),
                b'Z' => Act::Doze(Side::Backend, number),
                b'w' => Act::Welcome(number % 2, payload.first().copied().unwrap_or(b'a')),
                b'.' => Act::Pass(number as u64 + 1),
                b',' => Act::Wait(number as u64 + 1),
                b's' => Act::Stop,
                b'd' => Act::Dump,
                _ => continue,
            });
        }
        script
    }
}

/// Splits at each `@` that begins a line; the LF before it belongs to nobody.
fn records(input: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let mut rest = input.strip_prefix(b"@").unwrap_or(input);
    while let Some(at) = rest.windows(2).position(|two| two == b"\n@") {
        records.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    records.push(rest);
    records
}
