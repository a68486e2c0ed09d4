//! The only client of Kubernetes APIs: clusters, sessions, discovery, watches,
//! applies, leases.
//!
//! Floor 6. A [`Cluster`] is a transport with its discovery and counters; a
//! [`Session`] is a cluster and an identity, and makes every request. Live
//! objects are the server's bytes with a projection ([`LiveObject`]).

mod account;
mod changes;
mod cluster;
mod counters;
mod discovery;
mod error;
mod knowledge;
mod lease;
mod lines;
mod list;
mod live;
mod pace;
mod pod_log;
mod precedence;
mod remote;
mod request;
mod resource;
mod session;
mod tenure;
mod transport;
mod version;
mod watch;

pub use account::AccountToken;
pub use changes::{ChangeCount, Changes};
pub use cluster::{ATTEMPTS, Cluster, ClusterKey, ClusterOptions, REQUEST_TIMEOUT_MS};
pub use counters::{CounterSnapshot, Observer, RequestCount, RequestRecord};
pub use discovery::Catalogue;
pub use error::{ApiError, Cause, ConnectError, ErrorClass, Outcome};
pub use knowledge::MISS_REFRESHES;
pub use kube::client::Body as RequestBody;
pub use lease::{
    Leadership, LeaseDecision, LeaseElection, LeaseRecord, LeaseTimes, LeaseView, Reach,
    decide_lease,
};
pub use lines::MAX_WATCH_LINE_BYTES;
pub use list::{MAX_LIST_OBJECTS, ObjectList, PAGE_OBJECTS};
pub use live::{LiveObject, NotAnObject};
pub use pace::RateLimit;
pub use pod_log::{Follow, PodLog, PodLogOptions};
pub use precedence::Precedence;
pub use remote::{
    BearerToken, Connector, ExecPlugins, KubeconfigError, KubeconfigPolicy, MAX_KUBECONFIG_BYTES,
    Network, REMOTE_ATTEMPTS, REMOTE_REQUEST_TIMEOUT_MS, RemoteConfig, ServerCertificates,
};
pub use request::{
    ApplyOptions, Conflicts, DeleteOptions, Deletion, Form, Patch, Persist, Propagation, Scope,
    UnknownFields, Verb, WriteOptions,
};
pub use resource::{Placement, ResourceInfo};
pub use session::{Identity, Session};
pub use tenure::{Tenure, is_within};
pub use transport::{MAX_ANSWER_BYTES, NotSent};
pub use watch::{DeletedObject, WatchEvent, WatchSpec, WatchStream, keep_discovery_fresh};
