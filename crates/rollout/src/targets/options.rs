//! Settings of the installation.

use trueup_object::Text;

/// Whether copies of ConfigMaps and Secrets are made and their changes watched
/// (Flagger's `-enable-config-tracking`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfigTracking {
    /// They are.
    #[default]
    Enabled,
    /// They are not: primary and canary read the same ones.
    Disabled,
}

/// Settings of the installation that concern targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetOptions {
    /// The labels that may tell a target's Pods, the preferred first
    /// (Flagger's `-selector-labels`).
    pub selector_labels: Vec<Text>,
    /// Which labels and annotations copies get: those that begin with one of
    /// these, and with `*` all (Flagger's `-include-label-prefix`).
    pub include_label_prefixes: Vec<Text>,
    /// Whether ConfigMaps and Secrets are tracked.
    pub config_tracking: ConfigTracking,
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            selector_labels: ["app", "name", "app.kubernetes.io/name"]
                .map(Text::from)
                .to_vec(),
            include_label_prefixes: Vec::new(),
            config_tracking: ConfigTracking::Enabled,
        }
    }
}
