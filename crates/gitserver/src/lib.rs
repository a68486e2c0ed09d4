//! Git over smart HTTP, served by the user's own git.
