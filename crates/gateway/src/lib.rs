//! A small HTTP/1.1 gateway that follows the routes of Gateway API
//! (`GatewayClass`, `Gateway` and `HTTPRoute` of
//! `gateway.networking.k8s.io/v1`), for laptops and tests.
//!
//! Floor 7; a plain client of the API. Where requests go is decided by a pure
//! function of the table of routes, the request and a drawn number
//! ([`routing::choose`]). The shell watches, makes the table, passes requests
//! on and writes what became of the routes into their status.

mod api;
mod definitions;
mod endpoints;
mod gateway;
mod identity;
mod metrics;
mod objects;
mod proxy;
pub mod routing;
mod watching;

pub use definitions::definitions;
pub use endpoints::{DIAL_ANNOTATION, MAX_ENDPOINTS};
pub use gateway::{GatewayOptions, serve};
pub use identity::CONTROLLER_NAME;
pub use metrics::{KEPT_MS, METRICS_CONTENT_TYPE};
pub use proxy::{
    CONNECT_TIMEOUT_MS, HEAD_TIMEOUT_MS, MAX_ANSWER_HEAD_BYTES, MAX_ATTEMPTS, MAX_CONNECTIONS,
    MAX_HEAD_BYTES, MAX_HEADERS, MAX_HELD_BODY_BYTES, MAX_IDLE_CONNECTIONS, MAX_IDLE_MS,
    MAX_MIRRORS_IN_FLIGHT, RETRY_PAUSE_MS, SHUTDOWN_GRACE_MS, STALL_TIMEOUT_MS,
};
pub use watching::WallClock;
