//! Git over smart HTTP, served by the user's own git.
//!
//! The server runs `git upload-pack` and `git receive-pack` and streams
//! between them and the client. Neither the user's Git configuration nor any
//! hook takes part.

mod access;
mod command;
mod error;
mod feed;
mod http_service;
mod listen;
mod names;
mod push;
mod repository;
mod server;
mod session;

pub use access::Credentials;
pub use error::GitServerError;
pub use names::{MAX_REPOSITORY_NAME_BYTES, is_repository_name};
pub use push::{Push, RefUpdate};
pub use repository::{Author, Commit, FileChange, Repository};
pub use server::{GitServer, MAX_CONNECTIONS, MAX_PROCESSES, Options};
pub use session::{IDLE_TIMEOUT, MAX_FETCH_REQUEST_BYTES, MAX_PUSH_BYTES, REQUEST_TIMEOUT};
