//! When two readings say the same. Used by `reference.rs` and by the fuzz target `stream`.

use super::reading::{Ending, Message, Reading};

/// Whether both say the same. `statuses`: and refuse with a status that the model knows a reason for.
pub fn agree(ours: &Reading, model: &Reading, statuses: bool) -> Result<(), String> {
    if ours.messages.len() != model.messages.len() {
        return Err("more messages".into());
    }
    for (mine, theirs) in ours.messages.iter().zip(&model.messages) {
        same(mine, theirs)?;
    }
    let fitting = |mine: &[u16], theirs: &[u16]| !statuses || mine.iter().all(|status| theirs.contains(status));
    match (&ours.ending, &model.ending) {
        (Ending::Done(mine), Ending::Done(theirs)) if mine == theirs => Ok(()),
        // What is wrong already need not be said before the head is whole, but may be.
        (Ending::More(_), Ending::More(_) | Ending::Refused(_)) => Ok(()),
        (Ending::Refused(mine), Ending::Refused(theirs)) if fitting(mine, theirs) => Ok(()),
        (Ending::Refused(mine), Ending::More(theirs)) if !theirs.is_empty() && fitting(mine, theirs) => Ok(()),
        _ => Err("different endings".into()),
    }
}

/// How much of an unfinished body was read is nobody's business: it leads to nothing.
fn same(mine: &Message, theirs: &Message) -> Result<(), String> {
    let head = |message: &Message| (message.start.clone(), message.host.clone(), message.framing, message.keep_alive);
    if head(mine) != head(theirs) || mine.complete != theirs.complete {
        return Err("different heads or lengths".into());
    }
    if mine.complete && mine.body != theirs.body {
        return Err("different bodies".into());
    }
    // We let fewer trailers through than there are, but those that mean something to applications alone.
    let (mut sent, applications) = (theirs.trailers.iter(), |field: &&(String, Vec<u8>)| is_applications(&field.0));
    let foreign = mine.trailers.iter().any(|field| !sent.any(|one| one == field));
    let lost = !mine.trailers.iter().filter(applications).eq(theirs.trailers.iter().filter(applications));
    if mine.complete && (foreign || lost) {
        return Err("different trailers".into());
    }
    Ok(())
}

fn is_applications(name: &str) -> bool {
    name.starts_with("x-") && !name.starts_with("x-forwarded") && !["x-real-ip", "x-request-id"].contains(&name)
}
