//! Tests of the whole: the walls between the rooms, and the program as a
//! person runs it: real `git`, real `kubectl`, on the embedded API or on the
//! cluster that `TRUEUP_TEST_KUBECONFIG` names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on fails there"
)]

mod apiserver;
mod bad_builds;
mod bad_objects;
mod bad_sources;
mod building;
mod canaries;
mod canary_install;
mod commands;
mod creating;
mod deploying;
mod drift;
mod external;
mod flux;
mod install;
mod kills;
mod kubectl;
mod leases;
mod loadtest;
mod lockdown;
mod looking;
mod pod_logs;
mod remote_bases;
mod restarts;
mod rights;
mod rights_canary;
mod safety;
mod terminals;
mod usage;
mod walls;
mod world;
