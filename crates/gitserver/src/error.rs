use std::path::PathBuf;

/// Why the server or one of its repositories failed.
#[derive(Debug, thiserror::Error)]
pub enum GitServerError {
    /// The name is none that a repository can have.
    #[error(
        "{name:?} is no repository name: expected words of letters, digits, '-', '_' and '.' parted by slashes"
    )]
    Name {
        /// The name as given.
        name: String,
    },
    /// There is already something at the place of a new repository.
    #[error("repository {} exists already", path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// There is no repository.
    #[error("there is no repository at {}", path.display())]
    Missing {
        /// The place.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("{operation} {}: {source}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Git could not be started.
    #[error("cannot run git (is it installed and on PATH?): {source}")]
    Start {
        /// Why it failed.
        source: std::io::Error,
    },
    /// Git ran and failed.
    #[error("git {operation} in {} failed: {message}", path.display())]
    Git {
        /// The command of git.
        operation: String,
        /// The repository.
        path: PathBuf,
        /// What git wrote to its standard error.
        message: String,
    },
    /// A path or text that can't be committed.
    #[error("cannot commit {path:?}: {reason}")]
    Commit {
        /// The path in the tree.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The listener failed.
    #[error("cannot accept connections: {source}")]
    Listen {
        /// Why it failed.
        source: std::io::Error,
    },
}
