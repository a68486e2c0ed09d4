//! The embedded API server alone, for trying things and for playing recorded
//! conversations against it.
//!
//! ```text
//! serve [--listen ADDRESS] [--tls ADDRESS] [--data-dir DIR] [--token TOKEN] [--write-kubeconfig FILE]
//! ```
//! `--listen` is plain HTTP and takes loopback addresses only.

use std::path::PathBuf;
use tokio::net::TcpListener;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::authentication::{SigningKey, StaticToken};
use trueup_apiserver::edge::{
    ApiServer, Certificates, Limits, ServeOptions, ServerOptions, write_kubeconfig,
};
use trueup_apiserver::storage::{LogStorage, MemoryStorage, Sync};

type Failure = Box<dyn std::error::Error>;

#[derive(Default)]
struct Arguments {
    listen: Option<String>,
    tls: Option<String>,
    data_dir: Option<PathBuf>,
    token: Option<String>,
    kubeconfig: Option<PathBuf>,
}

impl Arguments {
    fn read() -> Result<Self, Failure> {
        let mut arguments = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{word} wants a value"))?;
            match word.as_str() {
                "--listen" => arguments.listen = Some(value),
                "--tls" => arguments.tls = Some(value),
                "--data-dir" => arguments.data_dir = Some(value.into()),
                "--token" => arguments.token = Some(value),
                "--write-kubeconfig" => arguments.kubeconfig = Some(value.into()),
                _ => return Err(format!("{word} is not known").into()),
            }
        }
        Ok(arguments)
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(arguments))
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let certificates = match &arguments.data_dir {
        Some(folder) => Certificates::kept_in(&folder.join("certificates"), &[])?,
        None => Certificates::make(&[])?,
    };
    let token = arguments
        .token
        .clone()
        .unwrap_or_else(|| "admintoken".to_owned());
    let server = open(&arguments, &certificates, &token)?;
    let keeping = server.clone();
    tokio::spawn(async move { keeping.keep_house().await });
    let plain = listen(arguments.listen.as_deref()).await?;
    let tls = listen(arguments.tls.as_deref()).await?;
    if let (Some(path), Some(listener)) = (&arguments.kubeconfig, &tls) {
        let url = format!("https://{}", listener.local_addr()?);
        write_kubeconfig(path, &url, certificates.authority_pem(), &token)?;
    }
    let over_tls = async {
        let Some(listener) = tls else {
            return std::future::pending().await;
        };
        println!("https://{}", listener.local_addr()?);
        let options = ServeOptions {
            certificates,
            limits: Limits::default(),
        };
        server
            .serve_tls(listener, options, std::future::pending())
            .await
    };
    let over_plain = async {
        let Some(listener) = plain else {
            return std::future::pending().await;
        };
        println!("http://{}", listener.local_addr()?);
        server
            .serve_plain(listener, Limits::default(), std::future::pending())
            .await
    };
    tokio::select! {
        ended = over_tls => ended?,
        ended = over_plain => ended?,
    }
    Ok(())
}

fn open(
    arguments: &Arguments,
    certificates: &Certificates,
    token: &str,
) -> Result<ApiServer, Failure> {
    let identity = Identity {
        user: "admin".into(),
        uid: "admin".into(),
        groups: vec!["system:masters".into(), "system:authenticated".into()],
        ..Identity::default()
    };
    let mut options = ServerOptions {
        tokens: vec![StaticToken {
            token: token.to_owned(),
            identity,
        }],
        certificate_authority_pem: certificates.authority_pem().to_owned(),
        ..ServerOptions::default()
    };
    match &arguments.data_dir {
        None => Ok(ApiServer::open(MemoryStorage, options)?),
        Some(folder) => {
            options.signing_key = Some(SigningKey::kept_in(
                &folder.join("certificates").join("tokens.key"),
            )?);
            Ok(ApiServer::open(
                LogStorage::open(&folder.join("objects.log"), Sync::Disk)?,
                options,
            )?)
        }
    }
}

async fn listen(address: Option<&str>) -> Result<Option<TcpListener>, Failure> {
    Ok(match address {
        Some(address) => Some(TcpListener::bind(address).await?),
        None => None,
    })
}
