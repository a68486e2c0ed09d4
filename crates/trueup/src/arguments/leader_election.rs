//! Flags of the election of a leader, by Flux's names.

use super::connection::duration_ms;
use clap::Args;
use std::time::Duration;
use trueup_kinds::DEFAULT_NAMESPACE;

/// How to take part in the elections of Flux's controllers.
#[derive(Clone, Debug, Args)]
pub struct LeaderElectionArguments {
    /// Act only while holding the leases of Flux's controllers
    #[arg(long)]
    pub enable_leader_election: bool,
    /// Namespace of the leases: that of this Pod
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "RUNTIME_NAMESPACE",
        default_value = DEFAULT_NAMESPACE
    )]
    pub leader_election_namespace: String,
    /// How long others must see a lease unchanged before they take it
    #[arg(long, value_name = "DURATION", default_value = "35s", value_parser = time)]
    pub leader_election_lease_duration: Duration,
    /// How long a leader goes on without a successful renewal
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = time)]
    pub leader_election_renew_deadline: Duration,
    /// How often a lease is renewed, or tried for
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = time)]
    pub leader_election_retry_period: Duration,
}

fn time(text: &str) -> Result<Duration, String> {
    duration_ms(text).map(Duration::from_millis)
}
