//! An embedded server behind TLS on loopback, with its controllers.

use super::Failure;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trueup_apiserver::edge::{
    ApiServer, Certificates, Limits, ServeError, ServeOptions, ServerOptions,
};
use trueup_apiserver::storage::MemoryStorage;
use trueup_replay::{Kubeconfig, administrator, run_controllers};

const TOKEN: &str = "admintoken";

/// A running server.
pub struct OwnServer {
    kubeconfig: Kubeconfig,
    end: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
    beside: Vec<JoinHandle<()>>,
}

impl OwnServer {
    /// Starts one on a free port.
    pub async fn start() -> Result<Self, Failure> {
        let certificates = Certificates::make(&[])?;
        let authority = certificates.authority_pem().to_owned();
        let options = ServerOptions {
            tokens: vec![administrator(TOKEN)],
            certificate_authority_pem: authority.clone(),
            ..ServerOptions::default()
        };
        let server = ApiServer::open(MemoryStorage, options)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let kubeconfig = Kubeconfig {
            server: format!("https://{}", listener.local_addr()?),
            certificate_authority_pem: Some(authority.into_bytes()),
            token: Some(TOKEN.to_owned()),
            ..Kubeconfig::default()
        };
        let house = server.clone();
        let beside = vec![
            tokio::spawn(async move { house.keep_house().await }),
            tokio::spawn(run_controllers(&server, Arc::new(Timestamp::now))),
        ];
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let options = ServeOptions {
                certificates,
                limits: Limits::default(),
            };
            let shutdown = async move { drop(ended.await) };
            server.serve_tls(listener, options, shutdown).await
        });
        Ok(Self {
            kubeconfig,
            end,
            serving,
            beside,
        })
    }

    /// How to reach it.
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// Ends it.
    pub async fn stop(self) -> Result<(), Failure> {
        self.beside.iter().for_each(JoinHandle::abort);
        // It may have ended by itself, and then says why.
        let _ = self.end.send(());
        Ok(self.serving.await??)
    }
}
