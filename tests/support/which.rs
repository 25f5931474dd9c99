//! Where a program is. No part of [`super`]: benchmarks and tests that need nothing else have it, too.

use std::path::PathBuf;

/// A program in the path, or where servers hide.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|file| file.is_file())
}
