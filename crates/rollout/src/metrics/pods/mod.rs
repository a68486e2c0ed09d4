//! The provider `pods`: what the Pods of canary and primary tell of
//! themselves at `/metrics`, so that no Prometheus is needed.
//!
//! Each look scrapes the Pods of both sides. What happened between two looks
//! is a [`Window`]: how much each counter grew, resets counted from zero. From
//! it come the builtin checks, [queries](PodsQuery) of templates, and the
//! comparison of canary and primary.

mod exposition;
mod histogram;
mod query;
mod requests;
mod scrape;
mod settings;
mod verdict;
mod window;

#[cfg(test)]
mod tests;

/// Whether the builtin checks of a Canary may want a metric of this name: what
/// [`scraped`] is to keep.
#[must_use]
pub fn builtin_checks_want(name: &str, settings: &PodsSettings) -> bool {
    requests::is_wanted(name, settings)
}

pub use exposition::{
    Exposition, ExpositionError, MAX_EXPOSITION_BYTES, MAX_LABELS, MAX_SERIES, SeriesKey,
};
pub use histogram::{Histogram, MAX_BUCKETS};
pub use query::{MAX_PODS_QUERY_BYTES, PodsQuery, PodsQueryError};
pub use requests::{RequestCounts, RequestDurations};
pub use scrape::{
    MAX_SCRAPED_PODS, SCRAPE_TIMEOUT_MS, ScrapeTarget, scrape_request, scrape_target, scraped,
};
pub use settings::{
    BuiltinSource, COMPARE, COMPARE_EFFECT, COMPARE_SAMPLES, COMPARE_SIGNIFICANCE,
    DEFAULT_DURATION_EFFECT, DEFAULT_SUCCESS_EFFECT, LEAST_REQUESTS, METRICS_DURATION,
    METRICS_PATH, METRICS_PORT, METRICS_PROVIDER, METRICS_REQUESTS, PODS, PodsSettings,
    PodsSettingsError,
};
pub use verdict::{PodsContext, asks_pods, judge_pods, pods_query};
pub use window::{PodScrape, Window};
