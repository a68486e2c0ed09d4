//! From the flags about Canaries to how they are served.

use crate::arguments::{AlertArguments, ServeCanariesArguments};
use crate::commands::{Failure, said};
use trueup_controller::{CanaryOptions, CanaryService, DefaultAlerts};
use trueup_kinds::canary::AlertProviderSpec;
use trueup_kinds::outgoing::HttpAddress;
use trueup_object::Text;
use trueup_rollout::machine::References;
use trueup_rollout::routers::RouterSettings;
use trueup_rollout::targets::{ConfigTracking, TargetOptions};

/// What the flags say; `references` is the flag for all kinds. An address that
/// is none is refused without being printed: most of them are secrets.
pub fn options(
    arguments: &ServeCanariesArguments,
    references: References,
) -> Result<CanaryOptions, Failure> {
    check_addresses(arguments)?;
    let selector_labels = texts(&arguments.selector_labels);
    let include_label_prefixes = texts(&arguments.include_label_prefix);
    Ok(CanaryOptions {
        service: if arguments.canaries {
            CanaryService::Served
        } else {
            CanaryService::LeftToOthers
        },
        targets: TargetOptions {
            selector_labels: selector_labels.clone(),
            include_label_prefixes: include_label_prefixes.clone(),
            config_tracking: if arguments.enable_config_tracking {
                ConfigTracking::Enabled
            } else {
                ConfigTracking::Disabled
            },
        },
        router: RouterSettings {
            default_provider: arguments.mesh_provider.as_str().into(),
            ingress_annotations_prefix: arguments.ingress_annotations_prefix.as_str().into(),
            ingress_class: arguments.ingress_class.as_deref().map(Into::into),
            include_label_prefixes,
            selector_labels,
            ..RouterSettings::default()
        },
        metrics_server: arguments.metrics_server.clone(),
        least_interval: arguments.min_analysis_interval,
        references,
        event_webhook: arguments.event_webhook.clone().filter(|it| !it.is_empty()),
        alerts: alerts(&arguments.alerts),
        cluster_name: arguments.cluster_name.clone(),
        ..CanaryOptions::default()
    })
}

fn check_addresses(arguments: &ServeCanariesArguments) -> Result<(), Failure> {
    let alerts = &arguments.alerts;
    let given = [
        ("--metrics-server", Some(&arguments.metrics_server)),
        ("--event-webhook", arguments.event_webhook.as_ref()),
        ("--slack-url", alerts.slack_url.as_ref()),
        ("--slack-proxy-url", alerts.slack_proxy_url.as_ref()),
        ("--msteams-url", alerts.msteams_url.as_ref()),
        ("--msteams-proxy-url", alerts.msteams_proxy_url.as_ref()),
    ];
    for (flag, address) in given {
        let given = address.filter(|address| !address.is_empty());
        if given.is_some_and(|address| HttpAddress::parse(address).is_err()) {
            return Err(said(format!("{flag} is no address"))
                .hinted("an address is such as https://example.com/hook"));
        }
    }
    Ok(())
}

/// Microsoft Teams where both are given, as in Flagger.
fn alerts(arguments: &AlertArguments) -> Option<DefaultAlerts> {
    let text = |given: &Option<String>| given.as_deref().unwrap_or_default().into();
    let set = |given: &Option<String>| given.clone().filter(|it| !it.is_empty());
    if let Some(address) = set(&arguments.msteams_url) {
        let provider = AlertProviderSpec {
            kind: "msteams".into(),
            address: address.into(),
            proxy: text(&arguments.msteams_proxy_url),
            ..AlertProviderSpec::default()
        };
        return Some(DefaultAlerts::new(provider, None));
    }
    let provider = AlertProviderSpec {
        kind: "slack".into(),
        address: set(&arguments.slack_url)?.into(),
        proxy: text(&arguments.slack_proxy_url),
        channel: text(&arguments.slack_channel),
        username: arguments.slack_user.as_str().into(),
        ..AlertProviderSpec::default()
    };
    let token = arguments.slack_token.as_deref();
    Some(DefaultAlerts::new(provider, token))
}

fn texts(given: &[String]) -> Vec<Text> {
    let texts = given.iter().map(|text| Text::from(text.trim()));
    texts.filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser;
    use std::time::Duration;

    fn read(flags: &str) -> Result<CanaryOptions, String> {
        let line = format!("trueup controller {flags}");
        let arguments = Arguments::try_parse_from(line.split_whitespace());
        let arguments = arguments.map_err(|error| error.to_string())?;
        let Command::Controller(arguments) = arguments.command else {
            panic!("{line}")
        };
        let options = options(&arguments.canaries, References::AcrossNamespaces);
        options.map_err(|failure| failure.to_string())
    }

    #[test]
    fn without_flags_the_defaults_are_flaggers() {
        let (given, default) = (read("").unwrap(), CanaryOptions::default());
        assert_eq!(given.service, default.service);
        assert_eq!(given.targets, default.targets);
        assert_eq!(given.router, default.router);
        assert_eq!(given.metrics_server, default.metrics_server);
        assert_eq!(given.least_interval, default.least_interval);
        assert!(given.alerts.is_none());
    }

    #[test]
    fn flags_of_flagger_reach_what_they_are_about() {
        let given = read(
            "--mesh-provider=smi:v1alpha1:istio --metrics-server=http://thanos:9090 \
             --selector-labels=app,run --include-label-prefix=team,*, \
             --enable-config-tracking=false --ingress-annotations-prefix=n.example \
             --ingress-class=inner --cluster-name=blue --canaries=false",
        )
        .unwrap();
        assert_eq!(given.service, CanaryService::LeftToOthers);
        assert_eq!(given.router.default_provider, "smi:v1alpha1:istio");
        assert_eq!(given.router.ingress_annotations_prefix, "n.example");
        assert_eq!(given.router.ingress_class.as_deref(), Some("inner"));
        assert_eq!(given.metrics_server, "http://thanos:9090");
        assert_eq!(given.targets.selector_labels, ["app", "run"]);
        assert_eq!(given.router.selector_labels, ["app", "run"]);
        assert_eq!(given.targets.include_label_prefixes, ["team", "*"]);
        assert_eq!(given.targets.config_tracking, ConfigTracking::Disabled);
        assert_eq!(given.cluster_name.as_deref(), Some("blue"));
    }

    #[test]
    fn addresses_and_tokens_of_alerts_are_not_printed() {
        let slack = "--slack-url=https://slack.example/T0/hidden --slack-token=hidden-too";
        for flags in [
            slack.to_owned(),
            format!("{slack} --msteams-url=https://teams.example/hidden"),
        ] {
            let given = read(&flags).unwrap().alerts.unwrap();
            assert!(!format!("{given:?}").contains("hidden"), "{given:?}");
        }
        let refused = read("--slack-url=ftp://slack.example/hidden").unwrap_err();
        assert_eq!(refused, "--slack-url is no address");
    }

    #[test]
    fn providers_that_are_not_served_are_refused_by_name() {
        for name in ["kuma", "gatewayapi", "istio:v2"] {
            let refused = read(&format!("--mesh-provider={name}")).unwrap_err();
            assert!(refused.contains("traffic can be routed by"), "{refused}");
        }
        let given = read("--min-analysis-interval=250ms").unwrap();
        assert_eq!(given.least_interval, Duration::from_millis(250));
    }
}
