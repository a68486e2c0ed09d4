//! Flags of `trueup controller` about Canaries, by Flagger's names.

use super::connection::duration_ms;
use clap::{ArgAction, Args};
use std::time::Duration;
use trueup_controller::DEFAULT_METRICS_SERVER;
use trueup_rollout::routers::{
    DEFAULT_INGRESS_ANNOTATIONS_PREFIX, DEFAULT_PROVIDER, DEFAULT_SELECTOR_LABELS,
    check_provider_name,
};

/// How Canaries are served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Canaries")]
pub struct ServeCanariesArguments {
    /// Serve Canaries as soon as the cluster has their definition, or (false) leave them to others
    #[arg(long, num_args = 0..=1, default_value_t = true, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    pub canaries: bool,
    /// What routes the traffic of Canaries that name no provider
    #[arg(long, value_name = "PROVIDER", default_value = DEFAULT_PROVIDER, value_parser = provider)]
    pub mesh_provider: String,
    /// Prometheus of Canaries that name none
    #[arg(long, value_name = "URL", default_value = DEFAULT_METRICS_SERVER)]
    pub metrics_server: String,
    /// Labels that may tell the Pods of a target, the preferred first
    #[arg(long, value_name = "LABEL", value_delimiter = ',', default_values = DEFAULT_SELECTOR_LABELS)]
    pub selector_labels: Vec<String>,
    /// Copies keep labels and annotations that begin so; * is all
    #[arg(long, value_name = "PREFIX", value_delimiter = ',')]
    pub include_label_prefix: Vec<String>,
    /// Copy and watch the ConfigMaps and Secrets of targets
    #[arg(long, num_args = 0..=1, default_value_t = true, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    pub enable_config_tracking: bool,
    /// Prefix of the annotations of NGINX's Ingresses
    #[arg(long, value_name = "PREFIX", default_value = DEFAULT_INGRESS_ANNOTATIONS_PREFIX)]
    pub ingress_annotations_prefix: String,
    /// Class of HTTPProxy objects [default: the cluster's]
    #[arg(long, value_name = "CLASS")]
    pub ingress_class: Option<String>,
    /// Where the events of Canaries without hooks for them go
    #[arg(
        long,
        value_name = "URL",
        env = "EVENT_WEBHOOK_URL",
        hide_env_values = true
    )]
    pub event_webhook: Option<String>,
    /// Name of the cluster in alerts
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,
    #[command(flatten)]
    pub alerts: AlertArguments,
    /// The shortest interval of an analysis, for tests
    #[arg(long, hide = true, default_value = "10s", value_parser = interval)]
    pub min_analysis_interval: Duration,
}

/// Who is told of Canaries that name nobody: Slack or Microsoft Teams.
#[derive(Debug, Args)]
pub struct AlertArguments {
    /// Incoming webhook of Slack, for alerts of Canaries that name nobody
    #[arg(long, value_name = "URL", env = "SLACK_URL", hide_env_values = true)]
    pub slack_url: Option<String>,
    /// Token of Slack's bot
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SLACK_TOKEN",
        hide_env_values = true
    )]
    pub slack_token: Option<String>,
    /// Proxy to Slack
    #[arg(
        long,
        value_name = "URL",
        env = "SLACK_PROXY_URL",
        hide_env_values = true
    )]
    pub slack_proxy_url: Option<String>,
    /// Name that is shown in Slack
    #[arg(long, value_name = "NAME", default_value = "flagger")]
    pub slack_user: String,
    /// Slack's channel [default: general]
    #[arg(long, value_name = "CHANNEL")]
    pub slack_channel: Option<String>,
    /// Incoming webhook of Microsoft Teams, instead of Slack
    #[arg(long, value_name = "URL", env = "MSTEAMS_URL", hide_env_values = true)]
    pub msteams_url: Option<String>,
    /// Proxy to Microsoft Teams
    #[arg(
        long,
        value_name = "URL",
        env = "MSTEAMS_PROXY_URL",
        hide_env_values = true
    )]
    pub msteams_proxy_url: Option<String>,
}

/// Accepts providers that are served, and names the others in Flagger's list.
fn provider(name: &str) -> Result<String, String> {
    match check_provider_name(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    duration_ms(text).map(Duration::from_millis)
}
