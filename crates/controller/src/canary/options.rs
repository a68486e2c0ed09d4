//! How Canaries are served.

use std::sync::Arc;
use std::time::Duration;
use trueup_kinds::canary::MIN_ANALYSIS_INTERVAL;
use trueup_rollout::machine::References;
use trueup_rollout::routers::RouterSettings;
use trueup_rollout::targets::TargetOptions;
use trueup_source::{HttpSender, SendRequest};

/// The Prometheus of Canaries that name none (Flagger's `-metrics-server`).
pub const DEFAULT_METRICS_SERVER: &str = "http://prometheus:9090";

/// How Canaries are served; the defaults are Flagger's.
#[derive(Clone, Debug)]
pub struct CanaryOptions {
    /// What concerns targets and their copies.
    pub targets: TargetOptions,
    /// What concerns routes; also the provider of Canaries that name none.
    pub router: RouterSettings,
    /// The Prometheus of builtin and inline queries.
    pub metrics_server: String,
    /// The shortest analysis interval.
    pub least_interval: Duration,
    /// Whether templates and providers may be in other namespaces.
    pub references: References,
    /// Where events of Canaries without hooks for them go
    /// (`-event-webhook`).
    pub event_webhook: Option<String>,
    /// The name of the cluster in alerts (`-cluster-name`).
    pub cluster_name: Option<String>,
    /// Who sends what goes to hooks, metrics and people.
    pub sender: Arc<dyn SendRequest>,
}

impl Default for CanaryOptions {
    fn default() -> Self {
        Self {
            targets: TargetOptions::default(),
            router: RouterSettings::default(),
            metrics_server: DEFAULT_METRICS_SERVER.to_owned(),
            least_interval: MIN_ANALYSIS_INTERVAL,
            references: References::AcrossNamespaces,
            event_webhook: None,
            cluster_name: None,
            sender: Arc::new(HttpSender::default()),
        }
    }
}
