//! The process node: a Pod's containers run as processes of this machine.
//!
//! Off unless [`ProcessOptions`] are given. A Pod never says which program is
//! run: its image names one that the node's configuration knows
//! ([`ImageMap`]), and the Pod gives arguments and environment. The machine
//! of one Pod is pure (`machine`): from what the Pod asks, what its processes
//! and probes have told and the time, to commands and a status. The shell
//! (`shell`) runs the commands, each process under a supervisor that does not
//! outlive the node ([`supervise`]).

mod addresses;
mod child;
mod dial;
mod environment;
mod expansion;
mod images;
mod logs;
mod machine;
mod options;
mod probing;
mod shell;
mod supervisor;

pub(crate) use shell::run;

pub use dial::{DIAL_ANNOTATION, LISTEN_VARIABLE, dial_address};
pub use images::{Image, ImageMap, Program, UnmappedImages};
pub use logs::{LogKey, LogText, MAX_LOG_BYTES, ProcessLogs};
pub use options::{MAX_PROCESSES, ProcessOptions, RestartBackoff};
pub use supervisor::supervise;
