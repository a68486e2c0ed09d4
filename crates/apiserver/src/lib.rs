//! An embedded Kubernetes API server.
//!
//! `core` is the API without HTTP, `storage` where objects survive, `edge`
//! the HTTP side (negotiation, discovery, Tables, authentication,
//! authorisation, TLS), `background` what goes on without a request (garbage
//! collection, namespaces).

pub mod background;
pub mod core;
pub mod edge;
pub mod storage;
