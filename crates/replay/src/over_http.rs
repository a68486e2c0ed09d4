//! Any server that a kubeconfig names.

use crate::kubeconfig::Kubeconfig;
use crate::transport::{Caller, Chunks, Transport, TransportError};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use std::error::Error;

/// A server behind HTTP or HTTPS.
#[derive(Clone, Debug)]
pub struct OverHttp {
    server: String,
    administrator: Client,
    anybody: Client,
    authorization: Option<HeaderValue>,
}

/// A kubeconfig from which no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Certificates can't be read.
    #[error("cannot make a client for {server}: {cause}")]
    Client {
        /// The server.
        server: String,
        /// The cause.
        cause: reqwest::Error,
    },
    /// The token can't stand in a header.
    #[error("the token for {0} can't be sent")]
    Token(String),
}

impl OverHttp {
    /// Makes clients for a server; sends nothing yet. A TLS provider must have
    /// been installed.
    pub fn new(kubeconfig: &Kubeconfig) -> Result<Self, ConnectError> {
        let failed = |cause| ConnectError::Client {
            server: kubeconfig.server.clone(),
            cause,
        };
        let mut administrator = builder(kubeconfig).map_err(failed)?;
        if let Some(pem) = &kubeconfig.client_identity_pem {
            administrator = administrator.identity(Identity::from_pem(pem).map_err(failed)?);
        }
        let authorization = kubeconfig.token.as_ref().map(|token| {
            HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| ConnectError::Token(kubeconfig.server.clone()))
        });
        Ok(Self {
            server: kubeconfig.server.trim_end_matches('/').to_owned(),
            administrator: administrator.build().map_err(failed)?,
            anybody: builder(kubeconfig)
                .and_then(ClientBuilder::build)
                .map_err(failed)?,
            authorization: authorization.transpose()?,
        })
    }
}

fn builder(kubeconfig: &Kubeconfig) -> reqwest::Result<ClientBuilder> {
    let mut builder = Client::builder().redirect(Policy::none()).no_proxy();
    if let Some(pem) = &kubeconfig.certificate_authority_pem {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem)?);
    }
    if kubeconfig.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    Ok(builder)
}

impl Transport for OverHttp {
    async fn call(
        &self,
        caller: Caller,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Chunks>, TransportError> {
        let (parts, body) = request.into_parts();
        let (client, authorization) = match caller {
            Caller::Administrator => (&self.administrator, self.authorization.as_ref()),
            Caller::Other => (&self.anybody, None),
        };
        let mut headers = parts.headers;
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let answer = client
            .request(parts.method, format!("{}{}", self.server, parts.uri))
            .headers(headers)
            .body(body)
            .send()
            .await
            .map_err(|error| failure(&error))?;
        let response: http::Response<reqwest::Body> = answer.into();
        Ok(response.map(|body| {
            let chunks = body.into_data_stream();
            chunks.map_err(|error| failure(&error)).boxed()
        }))
    }
}

/// An error with its causes: the outermost alone says little.
fn failure(error: &reqwest::Error) -> TransportError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    TransportError(text)
}
