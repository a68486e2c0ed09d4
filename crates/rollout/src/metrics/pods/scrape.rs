//! Which Pods are asked, and where.

use super::settings::path;
use super::{Exposition, MAX_EXPOSITION_BYTES, PodScrape, PodsSettings};
use trueup_kinds::outgoing::{HttpAddress, OutgoingRequest, ReceivedAnswer};
use trueup_object::{Text, Value};

/// How long a Pod may take to answer.
pub const SCRAPE_TIMEOUT_MS: u64 = 3_000;
/// The most Pods of one side that are asked at one look; the first by name.
pub const MAX_SCRAPED_PODS: usize = 50;

/// Where a Pod can be reached from outside of its network, as nodes that run
/// Pods as processes say it.
const DIAL: &str = "trueup.dev/dial";
const SCRAPE_PORT: &str = "prometheus.io/port";
const SCRAPE_PATH: &str = "prometheus.io/path";
/// Names that ports of metrics are given.
const PORT_NAMES: [&str; 2] = ["http-metrics", "metrics"];
const DEFAULT_PATH: &str = "/metrics";

/// A Pod that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeTarget {
    /// Its name.
    pub name: Text,
    /// Its uid.
    pub uid: Text,
    /// When it was started, in milliseconds since 1970.
    pub started_ms: i64,
    address: HttpAddress,
}

/// How a Pod is asked; nothing of a Pod that doesn't run, is being deleted,
/// or says nowhere at which port.
///
/// The port is that of the settings, of the Pod's `prometheus.io/port`, of a
/// port named `http-metrics` or `metrics`, or else its first.
#[must_use]
pub fn scrape_target(pod: &Value, settings: &PodsSettings) -> Option<ScrapeTarget> {
    let running = pod.str_at(&["status", "phase"]) == Some("Running");
    if !running || pod.at(&["metadata", "deletionTimestamp"]).is_some() {
        return None;
    }
    let annotation = |name| pod.str_at(&["metadata", "annotations", name]);
    let place = settings
        .path
        .clone()
        .or_else(|| annotation(SCRAPE_PATH).and_then(path))
        .unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let authority = match annotation(DIAL) {
        Some(dial) => dial.to_owned(),
        None => {
            let port = settings
                .port
                .or_else(|| annotation(SCRAPE_PORT).and_then(|port| port.parse().ok()))
                .or_else(|| container_port(pod))?;
            host_and_port(pod.str_at(&["status", "podIP"])?, port)
        }
    };
    let started = pod.str_at(&["status", "startTime"]).unwrap_or_default();
    let started_ms = trueup_kinds::parse_time(started).map_or(0, |at| at.as_millisecond());
    Some(ScrapeTarget {
        name: pod.str_at(&["metadata", "name"])?.into(),
        uid: pod.str_at(&["metadata", "uid"])?.into(),
        started_ms,
        address: HttpAddress::parse(&format!("http://{authority}{place}")).ok()?,
    })
}

fn host_and_port(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

fn container_port(pod: &Value) -> Option<u16> {
    let containers = pod.at(&["spec", "containers"])?.as_list()?;
    let ports: Vec<&Value> = containers
        .iter()
        .filter_map(|container| container.at(&["ports"])?.as_list())
        .flatten()
        .collect();
    let named = |name: &str| {
        ports
            .iter()
            .find(|port| port.str_at(&["name"]) == Some(name))
    };
    let port = PORT_NAMES
        .iter()
        .find_map(|name| named(name))
        .or(ports.first())?;
    u16::try_from(port.i64_at(&["containerPort"])?).ok()
}

/// The request that asks a Pod.
#[must_use]
pub fn scrape_request(target: &ScrapeTarget) -> OutgoingRequest {
    let mut request = OutgoingRequest::get(target.address.clone(), SCRAPE_TIMEOUT_MS);
    request.set_header("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1");
    request.max_answer_bytes = MAX_EXPOSITION_BYTES;
    request
}

/// What a Pod told, of the metrics that are kept by name.
///
/// # Errors
/// In words, what was answered instead.
pub fn scraped(
    target: &ScrapeTarget,
    answer: &ReceivedAnswer,
    at_ms: i64,
    keep: impl Fn(&str) -> bool,
) -> Result<PodScrape, String> {
    let name = &target.name;
    if answer.status != 200 {
        return Err(format!("Pod {name} answers with status {}", answer.status));
    }
    let metrics = Exposition::parse_kept(&answer.body, keep)
        .map_err(|error| format!("Pod {name}: {error}"))?;
    Ok(PodScrape {
        uid: target.uid.clone(),
        started_ms: target.started_ms,
        at_ms,
        metrics,
    })
}
