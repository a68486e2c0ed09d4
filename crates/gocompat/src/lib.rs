//! What Go's libraries do to text: durations, semantic versions.
