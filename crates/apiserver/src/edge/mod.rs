//! The HTTP side of the API server: who asks, what they may, in which form
//! they want it.
//!
//! `service` takes an HTTP request apart and says who asks; `server` routes
//! it: resources go through authorisation and negotiation to `core`, reviews
//! and tokens are answered here, everything else is discovery, OpenAPI and
//! health. `encode` and `watch` turn what the core answers into bytes.

mod access_review;
pub mod authentication;
pub mod authorization;
mod body;
mod certificates;
mod clock;
mod deadline;
mod discovery;
mod encode;
mod health;
mod kubeconfig;
pub mod negotiation;
mod openapi;
mod other_paths;
mod patience;
mod protobuf;
mod reply;
mod review_body;
mod reviews;
mod server;
mod service;
mod socket;
pub mod tables;
mod token_request;
mod watch;

pub use body::Body;
pub use certificates::{CertificateError, Certificates};
pub use clock::Clock;
pub use kubeconfig::{Kubeconfig, KubeconfigError, write_kubeconfig};
pub use reply::{Layout, Reply, ReplyBody};
pub use server::{ApiServer, OpenError, ServerOptions};
pub use service::{ApiService, Caller};
pub use socket::{Limits, ServeError, ServeOptions};
pub use watch::WatchBody;

/// A time in whole seconds, as metadata and conditions hold it.
pub(crate) fn whole_seconds(time: jiff::Timestamp) -> String {
    reviews::seconds(time)
}
