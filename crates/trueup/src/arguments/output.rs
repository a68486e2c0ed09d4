//! Forms of output.

use clap::ValueEnum;

/// How objects are printed, by kubectl's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// The table with more columns
    Wide,
    /// The objects as JSON: one as it is, several as a List
    Json,
    /// The objects as YAML: one as it is, several as a List
    Yaml,
    /// `resource/name`, one a line
    Name,
}

/// How a document is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// As JSON
    Json,
    /// As YAML
    Yaml,
}
