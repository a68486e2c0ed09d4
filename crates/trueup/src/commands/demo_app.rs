//! `trueup demo-app`.

use super::{Failure, said};
use crate::arguments::DemoAppArguments;
use crate::stop;
use std::process::ExitCode;
use tokio::net::TcpListener;
use trueup_demo::{AppSettings, serve_app};

/// Serves the demo's web application until it is stopped.
pub async fn run(arguments: DemoAppArguments) -> Result<ExitCode, Failure> {
    let settings = AppSettings {
        version: arguments.app_version,
        latency_ms: arguments.latency_ms,
        error_rate: arguments.error_rate,
    };
    let address = arguments.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| said(format!("listen on {address}: {error}")))?;
    serve_app(listener, settings, stop::requested())
        .await
        .map_err(said)?;
    Ok(ExitCode::SUCCESS)
}
