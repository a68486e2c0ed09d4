//! The machine of one Pod on the process node. Pure: what the Pod asks
//! ([`PodSpec`]), what is known of its containers ([`PodState`]), one
//! observation and the time go in; commands, the next state and the next time
//! that matters come out ([`step`]), and the status ([`status_of`]).
//!
//! Periods, thresholds, pauses, reasons and messages are the kubelet's.

mod backoff;
mod probe;
mod spec;
mod state;
mod status;
mod step;

pub(super) use probe::{Outcome, ProbeKind};
pub(super) use spec::{Check, Hook, HttpGet, Invocation, PodSpec};
pub(super) use state::{Observation, PodState, What};
pub(super) use status::status_of;
pub(super) use step::{Command, Telling, step};

#[cfg(test)]
mod tests;
