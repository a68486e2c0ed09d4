//! Requests and their durations, under the names that programs give them.

use super::histogram::whole;
use super::{Histogram, PodsSettings, Window};

/// Counters of requests: what most libraries and frameworks call them. The
/// first that has a label with the status is taken.
const REQUEST_COUNTERS: [&str; 12] = [
    "http_requests_total",
    "http_request_duration_seconds_count",
    "http_server_requests_total",
    "http_server_requests_seconds_count",
    "http_server_request_duration_seconds_count",
    "http_request_duration_milliseconds_count",
    "http_server_duration_milliseconds_count",
    "http_requests_duration_seconds_count",
    "istio_requests_total",
    "promhttp_requests_total",
    "requests_total",
    "http_request_total",
];

/// Histograms and summaries of durations, without their endings.
const DURATIONS: [&str; 8] = [
    "http_request_duration_seconds",
    "http_server_request_duration_seconds",
    "http_server_requests_seconds",
    "http_request_duration_milliseconds",
    "http_server_duration_milliseconds",
    "http_requests_duration_seconds",
    "istio_request_duration_milliseconds",
    "request_duration_seconds",
];

/// Labels that hold a request's status.
const STATUS_LABELS: [&str; 6] = [
    "status",
    "code",
    "status_code",
    "response_code",
    "http_status_code",
    "http_response_status_code",
];

/// Whether a metric of this name may be wanted by the builtin checks.
pub(super) fn is_wanted(name: &str, settings: &PodsSettings) -> bool {
    let base = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    match (&settings.requests, &settings.duration) {
        (Some(own), _) if own == name => true,
        (_, Some(own)) if own == base => true,
        (requests, duration) => {
            requests.is_none() && REQUEST_COUNTERS.contains(&name)
                || duration.is_none() && DURATIONS.contains(&base)
        }
    }
}

/// How many requests there were, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RequestCounts {
    /// All.
    pub all: f64,
    /// Those with a status of 500 and more.
    pub failed: f64,
}

impl RequestCounts {
    /// The requests of a window; nothing where no counter of them is known.
    #[must_use]
    pub fn of_window(window: &Window, settings: &PodsSettings) -> Option<Self> {
        match &settings.requests {
            Some(own) => Self::of_counter(window, own),
            None => REQUEST_COUNTERS
                .iter()
                .find_map(|name| Self::of_counter(window, name)),
        }
    }

    fn of_counter(window: &Window, name: &str) -> Option<Self> {
        let mut counts = None;
        for (key, growth) in window.growth_of(name) {
            let Some(status) = STATUS_LABELS.iter().find_map(|label| key.label(label)) else {
                continue;
            };
            let counts = counts.get_or_insert_with(Self::default);
            counts.all += growth;
            if is_failure(status) {
                counts.failed += growth;
            }
        }
        counts
    }

    /// The share without failure, in percent; nothing without requests.
    #[must_use]
    pub fn success_rate(self) -> Option<f64> {
        (self.all > 0.0).then(|| (1.0 - self.failed / self.all) * 100.0)
    }

    /// How many succeeded and failed, as whole numbers.
    pub(super) fn outcomes(self) -> (u64, u64) {
        (whole(self.failed), whole(self.all - self.failed))
    }
}

/// `5xx` of any notation: `503`, `5xx`, `500.0`.
fn is_failure(status: &str) -> bool {
    let mut bytes = status.bytes();
    bytes.next() == Some(b'5') && bytes.next().is_some()
}

/// How long requests took.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestDurations {
    /// By buckets; bounds in milliseconds times `per_millisecond`.
    Histogram {
        /// The observations.
        histogram: Histogram,
        /// How many of its units a millisecond is.
        per_millisecond: f64,
    },
    /// Their sum and number only.
    Average {
        /// All together, in milliseconds.
        sum_ms: f64,
        /// How many.
        count: f64,
    },
}

impl RequestDurations {
    /// The durations of a window; nothing where none are known.
    #[must_use]
    pub fn of_window(window: &Window, settings: &PodsSettings) -> Option<Self> {
        match &settings.duration {
            Some(own) => Self::of_metric(window, own),
            None => DURATIONS
                .iter()
                .find_map(|name| Self::of_metric(window, name)),
        }
    }

    fn of_metric(window: &Window, name: &str) -> Option<Self> {
        let per_millisecond = per_millisecond(name);
        if let Some(histogram) = Histogram::of_window(window, name, |_| true) {
            return Some(Self::Histogram {
                histogram,
                per_millisecond,
            });
        }
        let total = |end: &str| {
            let name = format!("{name}{end}");
            let mut growth = window.growth_of(&name).map(|(_, growth)| growth).peekable();
            growth.peek()?;
            Some(growth.sum::<f64>())
        };
        Some(Self::Average {
            count: total("_count")?,
            sum_ms: total("_sum")? / per_millisecond,
        })
    }

    /// How many requests were measured.
    #[must_use]
    pub fn count(&self) -> f64 {
        match self {
            Self::Histogram { histogram, .. } => histogram.count(),
            Self::Average { count, .. } => *count,
        }
    }

    /// The 99th percentile in milliseconds, or the average where there are no
    /// buckets; nothing without requests.
    #[must_use]
    pub fn milliseconds(&self) -> Option<f64> {
        match self {
            Self::Histogram {
                histogram,
                per_millisecond,
            } => Some(histogram.quantile(0.99)? / per_millisecond),
            Self::Average { sum_ms, count } => (*count > 0.0).then(|| sum_ms / count),
        }
    }
}

fn per_millisecond(name: &str) -> f64 {
    let milliseconds = name.ends_with("_milliseconds") || name.ends_with("_ms");
    if milliseconds { 1.0 } else { 0.001 }
}
