//! What Go's libraries do to text: durations, semantic versions,
//! patterns of file names, regular expressions.
//!
//! Floor 1: knows nothing of Kubernetes, and reads no clock or file.

mod duration;
pub mod glob;
#[cfg(test)]
mod recorded;
pub mod regexp;
mod semver_range;
mod strconv;

pub use duration::{DurationError, GoDuration, format_duration, parse_duration};
pub use semver::Version;
pub use semver_range::{
    MAX_RANGE_BYTES, MAX_VERSION_BYTES, RangeError, SemverRange, VersionError, compare_versions,
    parse_version,
};
pub use strconv::{format_float, format_json_float, parse_float, parse_integer};
