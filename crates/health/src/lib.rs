//! Whether an object is what it should be yet.
