//! Progressive delivery as values: what a `Canary` asks for, what was seen of it,
//! and what is to be done next. Nothing here reads a clock, a cluster or a network.

pub mod machine;
pub mod metrics;
pub mod routers;
pub mod targets;
pub mod webhooks;
