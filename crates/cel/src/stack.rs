//! The stack that recursion needs.

use crate::nesting::Extent;

/// What the parser takes for a level of nesting: up to 170 KiB were measured,
/// in a build without optimisation.
const BYTES_OF_A_NESTING: usize = 256 * 1024;
/// What it takes for one operator of a chain: up to 3 KiB, likewise.
const BYTES_OF_AN_OPERATOR: usize = 8 * 1024;
/// What an evaluator takes for a level of a tree: up to 39 KiB, likewise.
const BYTES_OF_A_LEVEL: usize = 64 * 1024;

/// Parses a text of this extent.
pub(crate) fn parse<T>(extent: &Extent, work: impl FnOnce() -> T) -> T {
    let levels = extent.depth + 2;
    with(
        levels * BYTES_OF_A_NESTING + extent.operators * BYTES_OF_AN_OPERATOR,
        work,
    )
}

/// Walks a tree of this depth by recursion: on the stack of the caller or,
/// where that is short, on another that is there for as long.
pub fn walk<T>(depth: usize, work: impl FnOnce() -> T) -> T {
    with((depth + 2) * BYTES_OF_A_LEVEL, work)
}

fn with<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(bytes, bytes, work)
}
