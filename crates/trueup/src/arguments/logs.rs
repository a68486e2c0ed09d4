//! `trueup logs`.

use super::Scope;
use super::connection::duration_ms;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `trueup logs`.
#[derive(Debug, Args)]
pub struct LogsArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Lines about objects of all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// Only lines about objects of this kind, such as Kustomization
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only lines about the object of this name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Only lines of this level
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub level: Option<LineLevel>,
    /// Go on and print lines as they come
    #[arg(long, short)]
    pub follow: bool,
    /// How many of the newest lines of each Pod are read [default: all]
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    pub tail: Option<i64>,
    /// Only lines newer than this, such as 5s, 2m or 3h
    #[arg(long, value_name = "DURATION", value_parser = duration_ms, conflicts_with = "since_time")]
    pub since: Option<u64>,
    /// Only lines after this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since_time: Option<String>,
    /// Namespace of the controllers
    #[arg(long, value_name = "NAMESPACE", default_value = "flux-system")]
    pub flux_namespace: String,
    /// Read the lines from this file (- for standard input) instead of Pods
    #[arg(long, value_name = "FILE", conflicts_with_all = ["follow", "tail", "since", "since_time"])]
    pub file: Option<PathBuf>,
}

/// Levels of log lines, by Flux's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LineLevel {
    /// What happens inside
    Debug,
    /// What a person wants to know
    Info,
    /// What went wrong
    Error,
}

impl LineLevel {
    /// The word in a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}
