//! Benchmarks, generated files and fixture updates.

fn main() {}
