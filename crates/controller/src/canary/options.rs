//! How Canaries are served.

use std::sync::Arc;
use std::time::Duration;
use trueup_kinds::LocalReference;
use trueup_kinds::canary::{AlertProviderSpec, MIN_ANALYSIS_INTERVAL};
use trueup_kinds::outgoing::Credentials;
use trueup_rollout::machine::References;
use trueup_rollout::routers::RouterSettings;
use trueup_rollout::targets::TargetOptions;
use trueup_source::{HttpSender, SendRequest};

/// The Prometheus of Canaries that name none (Flagger's `-metrics-server`).
pub const DEFAULT_METRICS_SERVER: &str = "http://prometheus:9090";

/// Whether Canaries are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CanaryService {
    /// As soon as the cluster has their definition.
    #[default]
    Served,
    /// Somebody else serves them, or nobody: they are looked at only to leave
    /// alone what they write.
    LeftToOthers,
}

/// Who is told of a run where the `Canary` names nobody.
#[derive(Clone, Debug)]
pub struct DefaultAlerts {
    pub(super) provider: AlertProviderSpec,
    pub(super) credentials: Credentials,
}

impl DefaultAlerts {
    /// The address, and the token if there is one, are kept where nobody
    /// prints them by accident.
    #[must_use]
    pub fn new(mut provider: AlertProviderSpec, token: Option<&str>) -> Self {
        let address = std::mem::take(&mut provider.address);
        let token = token.map(|token| ("token", token));
        let texts = [("address", address.as_str())].into_iter().chain(token);
        let credentials = texts.collect();
        provider.secret_ref = Some(LocalReference::default());
        Self {
            provider,
            credentials,
        }
    }
}

/// How Canaries are served; the defaults are Flagger's.
#[derive(Clone, Debug)]
pub struct CanaryOptions {
    /// Whether they are.
    pub service: CanaryService,
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
    /// Who is told of Canaries without alerts (`-slack-url`, `-msteams-url`).
    pub alerts: Option<DefaultAlerts>,
    /// The name of the cluster in alerts (`-cluster-name`).
    pub cluster_name: Option<String>,
    /// Who sends what goes to hooks, metrics and people.
    pub sender: Arc<dyn SendRequest>,
}

impl Default for CanaryOptions {
    fn default() -> Self {
        Self {
            service: CanaryService::default(),
            targets: TargetOptions::default(),
            router: RouterSettings::default(),
            metrics_server: DEFAULT_METRICS_SERVER.to_owned(),
            least_interval: MIN_ANALYSIS_INTERVAL,
            references: References::AcrossNamespaces,
            event_webhook: None,
            alerts: None,
            cluster_name: None,
            sender: Arc::new(HttpSender::default()),
        }
    }
}
