//! `trueup controller`.

mod canaries;
pub(super) mod log;

use super::{Failure, said};
use crate::arguments::{ControllerArguments, LeaderElectionArguments, TenancyArguments, gates};
use crate::{connect, stop};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use trueup_cluster::{ClusterOptions, ExecPlugins, LeaseTimes, ServerCertificates};
use trueup_controller::machine::Kind;
use trueup_controller::{
    Controller, ControllerOptions, CrossNamespace, DependencyCheck, ExternalArtifacts,
    LeaderElection, RemoteBases,
};
use trueup_object::Text;
use trueup_rollout::machine::References;
use trueup_source::{
    ArtifactStore, ArtifactStoreOptions, GitFetcher, GitFetcherOptions, WebFetcher,
};

/// Runs the controllers until Ctrl-C or SIGTERM, then ends in order.
pub async fn run(arguments: ControllerArguments) -> Result<ExitCode, Failure> {
    let log = log::start(arguments.log_level)?;
    let access = ClusterOptions {
        rate_limit: arguments.pace.rate_limit(),
        ..ClusterOptions::default()
    };
    let cluster = connect::cluster(&arguments.connection, access).await?;
    let artifacts = bind(arguments.storage_addr).await?;
    let metrics = bind(arguments.metrics_addr).await?;
    let advertised = advertised(&arguments, &artifacts)?;
    let root = &arguments.storage_path;
    let fetcher = GitFetcher::open(GitFetcherOptions {
        root: root.join("mirrors"),
    });
    let fetcher =
        Arc::new(fetcher.map_err(|error| said(format!("open {}: {error}", root.display())))?);
    let store = ArtifactStore::open(ArtifactStoreOptions {
        trees: Some(fetcher.clone()),
        ..ArtifactStoreOptions::new(root.join("artifacts"), &advertised)
    })
    .map_err(said)?;
    let remote_bases = remote_bases(&arguments, fetcher.clone())?;
    let mut options = ControllerOptions::new(cluster.session(), fetcher, Arc::new(store.clone()));
    options.remote_bases = remote_bases;
    options.log = log;
    options.external_artifacts = external_artifacts(&arguments)?;
    options.substitutions = gates::substitutions(&arguments.feature_gates);
    options.leader_election = leader_election(&arguments.leader_election)?;
    options.namespaces = namespaces(&arguments);
    options.instance = instance().into();
    options.override_managers = arguments
        .override_manager
        .iter()
        .map(|name| name.as_str().into())
        .collect();
    if arguments.additive_cel_dependency_check {
        options.dependency_check = DependencyCheck::Additive;
    }
    options.machine.concurrency = Kind::RECONCILED
        .into_iter()
        .map(|kind| (kind, arguments.concurrent))
        .collect();
    let references = references(&arguments.tenancy);
    options.canaries = canaries::options(&arguments.canaries, references)?;
    bound(&mut options, &arguments.tenancy);
    let handle = Controller::start(options);
    // Everybody may reach the metrics, and only our own namespace the artifacts.
    let files = trueup_web::serve(artifacts, handle.clone(), Some(store), stop::requested());
    let rest = trueup_web::serve(metrics, handle.clone(), None, stop::requested());
    let mut serving = tokio::spawn(async { tokio::try_join!(files, rest) });
    let ended = tokio::select! {
        () = stop::requested() => None,
        ended = &mut serving => Some(ended),
    };
    handle.shutdown().await;
    if let Some(ended) = ended {
        ended.map_err(said)?.map_err(said)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn remote_bases(
    arguments: &ControllerArguments,
    fetcher: Arc<GitFetcher>,
) -> Result<RemoteBases, Failure> {
    if arguments.no_remote_bases {
        let why = "roots and files from outside of the source are forbidden (--no-remote-bases)";
        return Ok(RemoteBases::refused(why));
    }
    let web = WebFetcher::new().map_err(said)?;
    Ok(RemoteBases::new(fetcher).with_web(Arc::new(web)))
}

/// Sources that others serve, where the gate is open.
fn external_artifacts(arguments: &ControllerArguments) -> Result<ExternalArtifacts, Failure> {
    if !gates::allows_external_artifacts(&arguments.feature_gates) {
        return Ok(ExternalArtifacts::Refused);
    }
    let fetcher = WebFetcher::of_artifacts().map_err(said)?;
    Ok(ExternalArtifacts::Allowed(Arc::new(fetcher)))
}

/// Whether Canaries may refer to other namespaces.
fn references(tenancy: &TenancyArguments) -> References {
    if tenancy.no_cross_namespace_refs {
        References::OwnNamespaceOnly
    } else {
        References::AcrossNamespaces
    }
}

/// Sets the bounds of what objects may ask for.
fn bound(options: &mut ControllerOptions, tenancy: &TenancyArguments) {
    if tenancy.no_cross_namespace_refs {
        options.cross_namespace = CrossNamespace::Refused;
    }
    options.default_service_account = tenancy.default_service_account.as_deref().map(Into::into);
    let kubeconfig_account = tenancy.default_kubeconfig_service_account.as_deref();
    options.default_kubeconfig_account = kubeconfig_account.map(Into::into);
    if tenancy.insecure_kubeconfig_exec {
        options.kubeconfig_policy.exec = ExecPlugins::Allowed;
    }
    if tenancy.insecure_kubeconfig_tls {
        options.kubeconfig_policy.tls = ServerCertificates::AsConfigured;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| said(format!("listen on {address}: {error}")))
}

/// Where others reach the artifacts: as told, else the address itself.
fn advertised(arguments: &ControllerArguments, listener: &TcpListener) -> Result<String, Failure> {
    match &arguments.storage_adv_addr {
        Some(host) => Ok(host.clone()),
        None => Ok(listener.local_addr().map_err(said)?.to_string()),
    }
}

/// The election to take part in, where one is asked for.
fn leader_election(arguments: &LeaderElectionArguments) -> Result<Option<LeaderElection>, Failure> {
    if !arguments.enable_leader_election {
        return Ok(None);
    }
    let times = LeaseTimes {
        lease_duration: arguments.leader_election_lease_duration,
        renew_deadline: arguments.leader_election_renew_deadline,
        retry_period: arguments.leader_election_retry_period,
    };
    if !times.are_consistent() {
        return Err(said(
            "leader election: the lease duration must be whole seconds and longer than the renew \
             deadline, and that longer than 1.2 times the retry period",
        ));
    }
    Ok(Some(LeaderElection {
        namespace: arguments.leader_election_namespace.as_str().into(),
        identity: instance().into(),
        times,
    }))
}

/// The namespaces whose objects are served; none stands for all.
fn namespaces(arguments: &ControllerArguments) -> Vec<Text> {
    if arguments.watch_all_namespaces {
        return Vec::new();
    }
    vec![
        arguments
            .leader_election
            .leader_election_namespace
            .as_str()
            .into(),
    ]
}

/// This process by name: the Pod's name where there is one.
fn instance() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "trueup".to_owned());
    format!("{host}-{}", std::process::id())
}
