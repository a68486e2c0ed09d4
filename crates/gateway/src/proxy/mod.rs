//! Passing requests on: the only part that touches the network.

mod attempt;
mod body;
mod forward;
mod headers;
mod listen;
mod outgoing;
mod pool;

pub use attempt::{MAX_ATTEMPTS, RETRY_PAUSE_MS};
pub use body::STALL_TIMEOUT_MS;
pub use forward::MAX_MIRRORS_IN_FLIGHT;
pub use listen::{
    HEAD_TIMEOUT_MS, MAX_CONNECTIONS, MAX_HEAD_BYTES, MAX_HEADERS, SHUTDOWN_GRACE_MS,
};
pub use outgoing::MAX_HELD_BODY_BYTES;
pub use pool::{CONNECT_TIMEOUT_MS, MAX_ANSWER_HEAD_BYTES, MAX_IDLE_CONNECTIONS, MAX_IDLE_MS};

pub(crate) use body::Passing;
pub(crate) use forward::Proxy;
pub(crate) use listen::{Answer, listen};

use crate::endpoints::EndpointTable;
use crate::routing::RouteTable;
use std::sync::Arc;

/// Where requests go, as it is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routing {
    pub table: Arc<RouteTable>,
    pub endpoints: Arc<EndpointTable>,
}
