//! Recorded conversations with a Kubernetes API server, played against
//! another one.
//!
//! A [`Scenario`] is a short conversation as data. [`play`] sends its requests
//! through a [`Transport`] and compares the answers by the rules of the
//! recordings' README: [`InProcess`] is the embedded server in virtual time,
//! fresh for every scenario, and [`OverHttp`] any server that a kubeconfig
//! names. The comparison tolerates what `compare` lists and nothing else.
//!
//! # Accepted deviations
//!
//! `deviations.yaml` names the scenarios in which the embedded server is known
//! to differ, each with its reason and, where the difference is confined, the
//! places where it may show. The test target `transcripts` fails where a
//! scenario differs that is not in the file, where one that is in it differs
//! elsewhere, **where one that is in it agrees**, and where the file names a
//! scenario that does not exist.
//!
//! So whoever makes a scenario agree removes its entry in the same change:
//!
//! ```text
//! cargo test -p trueup-replay -- NAME         # one scenario, in process
//! cargo xtask transcripts --only NAME         # over HTTPS, with every difference
//! ```
//!
//! Recordings are looked for in `$TRUEUP_SHARED/kubernetes/transcripts`
//! (`../shared` beside the workspace if unset) and skipped by name without it;
//! the scenarios in `samples/` are our own and always run. A scenario that
//! needs a controller which [`controllers`] does not name is left out.

mod causes;
mod compare;
mod deviations;
mod difference;
mod in_process;
mod json_path;
mod kubeconfig;
mod leftovers;
mod over_http;
mod placeholders;
mod player;
mod report;
mod requests;
mod scenario;
mod transport;
mod watching;

pub use deviations::{Deviation, Deviations, DeviationsError};
pub use difference::Difference;
pub use in_process::{InProcess, administrator, controllers, play_in_process, run_controllers};
pub use kubeconfig::{Kubeconfig, KubeconfigError};
pub use leftovers::has_definitions;
pub use over_http::{ConnectError, OverHttp};
pub use player::{Ground, play};
pub use report::{Agreement, Verdict};
pub use scenario::{
    Authorization, Impersonated, Poll, RepeatedBody, RequestStep, Response, Scenario,
    ScenarioError, Step, WatchStep, read_scenarios, recordings, samples,
};
pub use transport::{Caller, Chunks, Transport, TransportError};
