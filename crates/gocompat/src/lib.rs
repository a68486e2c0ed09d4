//! What Go's libraries do to text: durations, semantic versions,
//! patterns of file names, regular expressions, literals, printing.
//!
//! Floor 1: knows nothing of Kubernetes, and reads no clock or file.

mod duration;
pub mod fmt;
pub mod glob;
mod literal;
pub mod quote;
#[cfg(test)]
mod recorded;
pub mod regexp;
mod semver_range;
mod strconv;
pub mod utf8;

pub use duration::{DurationError, GoDuration, format_duration, parse_duration};
pub use literal::{parse_float_literal, parse_signed_literal, parse_unsigned_literal};
pub use semver::Version;
pub use semver_range::{
    MAX_RANGE_BYTES, MAX_VERSION_BYTES, RangeError, SemverRange, VersionError, compare_versions,
    parse_version,
};
pub use strconv::{format_float, format_json_float, parse_float, parse_integer};
