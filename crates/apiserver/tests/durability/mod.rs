//! What was acknowledged is there after the process was killed, and nothing
//! is there by halves.

mod child;
mod follower;
mod full_disk;
mod kills;
mod model;
mod requests;
mod writer;
