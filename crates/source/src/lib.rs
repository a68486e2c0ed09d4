//! Fetchers of artifacts and the store that keeps them.
