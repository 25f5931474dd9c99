//! Floor 4: threads that stand by the loop for as long as the process lives.
//!
//! Each has a table of descriptors of its own, with the standard streams in it and what it opens itself. While two threads
//! share one, the kernel takes hold of a file at the begin of each call and lets go of it at the end, since the other
//! thread might close it meanwhile; of four calls for a request that is about a hundredth of all they cost. So the loop
//! has its table for itself. What lives for a moment only shares it: see [`errand`](super::errand).

use crate::net::raw;
use std::io;

/// Begins `work` on a thread of its own. It must bring no descriptor with it: there, its number means nothing. Errors:
/// there can be no further thread.
pub fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let work = move || {
        raw::stand_aside();
        work();
    };
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
}
