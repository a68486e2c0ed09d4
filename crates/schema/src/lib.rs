//! Types of built-in and custom resources: structured merge, strategic merge, JSON patches, defaulting, pruning, validation.
