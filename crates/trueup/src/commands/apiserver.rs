//! `trueup apiserver`.

use super::{Failure, said};
use crate::arguments::ApiserverArguments;
use crate::progress;
use std::path::Path;
use std::process::ExitCode;
use tokio::net::TcpListener;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::authentication::{SigningKey, StaticToken};
use trueup_apiserver::edge::{
    ApiServer, Certificates, Limits, ServeOptions, ServerOptions, write_kubeconfig,
};
use trueup_apiserver::storage::{LogStorage, MemoryStorage, Sync};
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions};
use trueup_demo::random_token;
use trueup_workloads::WorkloadsOptions;

/// Serves the embedded API until Ctrl-C or SIGTERM.
pub async fn run(arguments: ApiserverArguments) -> Result<ExitCode, Failure> {
    if arguments.write_kubeconfig.is_none() && arguments.admin_token.is_none() {
        let problem = "nobody could log in: give --write-kubeconfig FILE or --admin-token TOKEN";
        return Err(said(problem));
    }
    let certificates = certificates(&arguments)?;
    let token = arguments
        .admin_token
        .clone()
        .map_or_else(random_token, Ok)
        .map_err(said)?;
    let server = open(&arguments, &certificates, &token)?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| said(cannot_listen(&arguments, &error)))?;
    let url = format!("https://{}", listener.local_addr().map_err(said)?);
    if let Some(path) = &arguments.write_kubeconfig {
        write_kubeconfig(path, &url, certificates.authority_pem(), &token).map_err(said)?;
    }
    tell(&arguments, &url);
    if arguments.workloads {
        let service = server.service(Identity::admin());
        let cluster =
            Cluster::from_service(ClusterKey::local(), service, ClusterOptions::in_process());
        tokio::spawn(trueup_workloads::run(
            cluster.session(),
            WorkloadsOptions::default(),
        ));
    }
    let house = server.clone();
    tokio::spawn(async move { house.keep_house().await });
    let options = ServeOptions {
        certificates,
        limits: Limits::default(),
    };
    server
        .serve_tls(listener, options, crate::stop::requested())
        .await
        .map_err(said)?;
    Ok(ExitCode::SUCCESS)
}

/// Why there is no listener, and what to do about it.
fn cannot_listen(arguments: &ApiserverArguments, error: &std::io::Error) -> String {
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => "; --listen 127.0.0.1:0 takes a free port",
        _ => "",
    };
    format!("listen on {}: {error}{hint}", arguments.listen)
}

/// Certificates last as long as the objects.
fn certificates(arguments: &ApiserverArguments) -> Result<Certificates, Failure> {
    let names = [arguments.listen.ip().to_string()];
    match &arguments.data_dir {
        Some(folder) => Certificates::kept_in(folder, &names),
        None => Certificates::make(&names),
    }
    .map_err(said)
}

fn open(
    arguments: &ApiserverArguments,
    certificates: &Certificates,
    token: &str,
) -> Result<ApiServer, Failure> {
    let mut options = ServerOptions {
        tokens: vec![StaticToken {
            token: token.to_owned(),
            identity: Identity::admin(),
        }],
        certificate_authority_pem: certificates.authority_pem().to_owned(),
        ..ServerOptions::default()
    };
    match &arguments.data_dir {
        Some(folder) => {
            // Tokens of service accounts outlive the process, as their accounts do.
            options.signing_key = Some(signing_key(folder)?);
            let sync = if arguments.no_sync {
                Sync::System
            } else {
                Sync::Disk
            };
            let storage = LogStorage::open(&folder.join("objects.log"), sync).map_err(said)?;
            ApiServer::open(storage, options).map_err(said)
        }
        None => ApiServer::open(MemoryStorage, options).map_err(said),
    }
}

fn signing_key(folder: &Path) -> Result<SigningKey, Failure> {
    let path = folder.join("tokens.key");
    SigningKey::kept_in(&path).map_err(|error| said(format!("{}: {error}", path.display())))
}

fn tell(arguments: &ApiserverArguments, url: &str) {
    progress::success(&format!("Kubernetes API on {url}"));
    if let Some(path) = &arguments.write_kubeconfig {
        progress::success(&format!(
            "try it: kubectl --kubeconfig {} get namespaces",
            path.display()
        ));
    }
    match &arguments.data_dir {
        Some(folder) => progress::success(&format!("objects are kept in {}", folder.display())),
        None => progress::success("objects live in memory only: --data-dir DIR keeps them"),
    }
}
