//! The chunked coding: the decoder against a literal reading of the grammar, however the bytes are cut; and what is put
//! together from it is read back as the same.

use super::strict::{self, Read};
use super::{cuts, text};
use evenkeel::http::{Chunked, Limits, Malformed, chunk_head, last_chunk};

/// All that decoding came to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Came {
    data: Vec<u8>,
    trailers: Vec<u8>,
    /// Bytes used up.
    used: usize,
    done: bool,
}

/// Decodes bytes that arrive in pieces ending at `ends`.
fn decode(input: &[u8], ends: &mut dyn Iterator<Item = usize>, limits: &Limits) -> Result<Came, Malformed> {
    let mut came = Came { data: Vec::new(), trailers: Vec::new(), used: 0, done: false };
    let (mut chunked, mut held, mut from) = (Chunked::new(), Vec::new(), 0);
    for end in ends {
        held.extend_from_slice(&input[from..end]);
        from = end;
        let before = held.clone();
        let step = chunked.decode(&mut held, limits, &mut came.trailers)?;
        assert!(step.produced <= step.consumed && step.consumed <= held.len(), "{step:?} of {}", held.len());
        assert_eq!(held[step.consumed..], before[step.consumed..], "what was not eaten was changed");
        came.data.extend_from_slice(&held[..step.produced]);
        came.used += step.consumed;
        came.done = step.done;
        held.drain(..step.consumed);
    }
    Ok(came)
}

fn whole(input: &[u8], limits: &Limits) -> Result<Came, Malformed> {
    decode(input, &mut std::iter::once(input.len()), limits)
}

/// See the [module](self).
pub fn check(input: &[u8]) {
    for limits in [Limits::default(), Limits { head: 64, fields: 3, ..Limits::default() }] {
        let once = whole(input, &limits);
        same_however_cut(input, &once, &limits);
        if let Ok(came) = &once {
            rewritten(came, &limits);
        }
        if limits == Limits::default() {
            agrees(input, &once);
        }
    }
}

/// A refusal may come later when bytes come later, but it is the same one; and so is everything else.
fn same_however_cut(input: &[u8], once: &Result<Came, Malformed>, limits: &Limits) {
    assert_eq!(decode(input, &mut (1..=input.len()), limits), *once, "byte by byte: {}", text(input));
    for cut in cuts(input) {
        assert_eq!(decode(input, &mut [cut, input.len()].into_iter(), limits), *once, "at {cut}: {}", text(input));
    }
}

fn agrees(input: &[u8], once: &Result<Came, Malformed>) {
    match (strict::chunked(input), once) {
        (Read::Whole(payload, size), Ok(came)) => {
            assert_eq!((came.done, came.used), (true, size), "{}", text(input));
            assert_eq!(came.data, payload.data);
            let sent = lines(&came.trailers);
            let mut all = payload.trailers.iter();
            assert!(sent.iter().all(|field| all.any(|one| one == field)), "a trailer that nobody sent: {sent:?}");
        }
        // As many trailers as a head may have fields, and as large: a limit that the model does not know.
        (Read::Whole(payload, _), Err(Malformed::TooManyFields)) => assert!(payload.trailers.len() > 100),
        (Read::Whole(..) | Read::More, Err(Malformed::HeadTooLarge)) => assert!(input.len() > 16 * 1024),
        (Read::More, Ok(came)) => {
            assert!(!came.done, "{}", text(input));
            let mut data = Vec::new();
            strict::chunks(input, &mut data);
            assert_eq!(came.data, data, "{}", text(input));
        }
        (Read::Wrong(_), Err(_)) => {}
        (model, once) => panic!("{model:?}, but {once:?}: {}", text(input)),
    }
}

/// Trailer lines as name and value.
fn lines(trailers: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    match strict::head(&[b"T\r\n", trailers, b"\r\n"].concat()) {
        Read::Whole(head, _) => head.fields,
        other => panic!("{other:?}: {}", text(trailers)),
    }
}

/// What we send on is what was understood, to us and to the model.
fn rewritten(came: &Came, limits: &Limits) {
    if !came.done {
        return;
    }
    let size = 1 + came.used % 13;
    let mut sent = Vec::new();
    for piece in came.data.chunks(size) {
        chunk_head(piece.len(), &mut sent);
        sent.extend_from_slice(piece);
        sent.extend_from_slice(b"\r\n");
    }
    last_chunk(&came.trailers, &mut sent);
    let again = whole(&sent, limits);
    // A field written anew may have a space more than it had: near the limit it may not fit again.
    if again != Err(Malformed::HeadTooLarge) || came.trailers.len() + 2 < limits.head {
        assert_eq!(again, Ok(Came { used: sent.len(), ..came.clone() }), "{}", text(&sent));
    }
    match strict::chunked(&sent) {
        Read::Whole(payload, size) => {
            assert_eq!((payload.data, size), (came.data.clone(), sent.len()));
            assert_eq!(payload.trailers, lines(&came.trailers));
        }
        other => panic!("{other:?}: {}", text(&sent)),
    }
}
