//! File trees, ignore rules, the canonical archive, digests and the revision grammar.
