//! Connections of clients: accepted up to a number, served side by side, and
//! let end.
//!
//! Floor 6; knows nothing of what is served.

mod accepting;
mod http1;

pub use accepting::{ListenLimits, Stopping, listen};
pub use http1::serve_http1;
