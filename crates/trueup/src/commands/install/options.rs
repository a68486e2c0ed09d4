//! From what was typed to what is installed.

use crate::arguments::{InstallArguments, LogLevel};
use crate::commands::{Failure, said};
use trueup_kinds::{
    CanarySupport, ControllerRights, INSTALL_NAME, InstallOptions, Isolation, WatchedNamespaces,
};
use trueup_object::names::{is_dns_label, is_dns_subdomain, is_label_value, is_qualified_name};

/// This program's version, as labels and tags have it.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// The options that the flags mean; what can't be a name is refused here,
/// before anything is applied.
pub fn read(arguments: &InstallArguments) -> Result<InstallOptions, Failure> {
    let version = arguments.version.as_deref().unwrap_or(VERSION);
    let options = InstallOptions {
        namespace: arguments.scope.namespace.as_str().into(),
        image: image(arguments, version).into(),
        image_pull_secret: arguments.image_pull_secret.as_deref().map(Into::into),
        rights: if arguments.no_cluster_admin {
            ControllerRights::Tenants
        } else {
            ControllerRights::ClusterAdmin
        },
        watch: if arguments.watch_all_namespaces {
            WatchedNamespaces::All
        } else {
            WatchedNamespaces::Own
        },
        canaries: if arguments.canaries {
            CanarySupport::Included
        } else {
            CanarySupport::LeftOut
        },
        isolation: if arguments.network_policy {
            Isolation::NetworkPolicy
        } else {
            Isolation::None
        },
        log_level: level(arguments.log_level).into(),
        cluster_domain: arguments.cluster_domain.as_str().into(),
        toleration_keys: arguments
            .toleration_keys
            .iter()
            .map(|key| key.as_str().into())
            .collect(),
        ..InstallOptions::new(version)
    };
    check(&options)?;
    Ok(options)
}

fn image(arguments: &InstallArguments, version: &str) -> String {
    match (&arguments.image, &arguments.registry) {
        (Some(image), _) => image.clone(),
        (None, Some(registry)) => {
            format!(
                "{}/{INSTALL_NAME}:{version}",
                registry.trim_end_matches('/')
            )
        }
        (None, None) => format!("{INSTALL_NAME}:{version}"),
    }
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Error => "error",
    }
}

fn check(options: &InstallOptions) -> Result<(), Failure> {
    let refuse =
        |flag: &str, text: &str, wanted: &str| Err(said(format!("--{flag} {text:?}: {wanted}")));
    if !is_dns_label(&options.namespace) {
        return refuse("namespace", &options.namespace, "not a namespace's name");
    }
    if options.version.is_empty() || !is_label_value(&options.version) {
        return refuse(
            "version",
            &options.version,
            "a label's value is wanted, such as v0.1.0",
        );
    }
    if options.image.is_empty() || options.image.contains(|it: char| it.is_whitespace()) {
        return refuse("image", &options.image, "not an image's name");
    }
    if let Some(secret) = options
        .image_pull_secret
        .as_deref()
        .filter(|it| !is_dns_subdomain(it))
    {
        return refuse("image-pull-secret", secret, "not a Secret's name");
    }
    if !is_dns_subdomain(&options.cluster_domain) {
        return refuse("cluster-domain", &options.cluster_domain, "not a domain");
    }
    match options
        .toleration_keys
        .iter()
        .find(|key| !is_qualified_name(key))
    {
        Some(key) => refuse("toleration-keys", key, "not a taint's key"),
        None => Ok(()),
    }
}
