//! For tests: faults between a client and an API server, virtual time, a
//! cluster to test against.
//!
//! [`Faults`] wraps any service that speaks the Kubernetes API; [`virtual_time`]
//! runs a test on one thread whose clock jumps; [`TestCluster`] is the embedded
//! API server, or an outside cluster when the environment names one.

mod cluster;
mod faults;
mod record;
mod service;
mod time;

pub use cluster::{KUBECONFIG_VARIABLE, TestCluster};
pub use faults::{Denial, Fault, FaultRates, Faults, Interjection, Kill};
pub use record::{WriteFate, WriteRecord};
pub use service::{Faulty, FaultyBody};
pub use time::{VirtualClock, virtual_time};
