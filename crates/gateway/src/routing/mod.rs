//! Deciding where requests go, without clock, network or chance of its own.

mod attach;
mod backend;
mod compile;
mod conditions;
mod filters;
mod host;
mod listeners;
mod request;
mod rule;
mod table;
#[cfg(test)]
mod tests;
mod timeouts;
mod unsupported;

pub(crate) use compile::{StatusWrite, compile};

pub use backend::{ServicePort, Target};
pub use filters::{Filters, HeaderChanges, Mirror, PathChange, Redirect, Rewrite};
pub use host::HostPattern;
pub use request::{MAX_PATTERN_BYTES, RequestFacts};
pub use rule::{Backend, RouteName, Rule};
pub use table::{Choice, Forward, RouteTable, choose};
pub use timeouts::{DEFAULT_BACKEND_TIMEOUT_MS, Timeouts};
