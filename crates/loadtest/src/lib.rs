//! Gates of canaries and a load generator, with the requests and answers of
//! Flagger's load tester.
//!
//! Floor 7. [`generate`] makes load from a value; [`serve`] answers over HTTP,
//! keeps gates in the cluster and plays commands of load generators without a
//! shell.

mod command;
mod gate;
mod gate_store;
mod generate;
mod latency;
mod load;
mod metrics;
mod permission;
mod program;
mod running;
mod server;
mod summary;
mod task;
mod words;

pub use command::{CommandError, GENERATORS, read_command};
pub use gate::{GATES, Gate, GateError, MAX_OPEN_GATES, gates_reference};
pub use gate_store::{GateStore, GateStoreError};
pub use generate::{GenerateError, MAX_LOAD_REDIRECTS, generate};
pub use latency::Latencies;
pub use load::{
    Connections, Load, LoadError, MAX_CONCURRENCY, MAX_DURATION_MS, MAX_REQUEST_BODY_BYTES,
    MAX_REQUEST_TIMEOUT_MS, MAX_REQUESTS, MAX_REQUESTS_PER_SECOND, Protocol, Redirects,
};
pub use permission::{Permissions, Refusal, Shell, Work};
pub use program::MAX_OUTPUT_BYTES;
pub use running::MAX_TASKS_AT_ONCE;
pub use server::{DEFAULT_TASK_TIMEOUT_MS, LoadtestOptions, router, serve};
pub use summary::{Answer, MAX_TOLD_APART, OTHERS, Summary};
pub use words::{MAX_COMMAND_BYTES, MAX_COMMAND_WORDS, WordsError, split_words};
