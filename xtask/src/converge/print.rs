//! The figures, for people and for programs.

use super::measure::{Converge, Drift, Push, Rest, Restart, object_requests};
use super::{Options, fleet};
use trueup_cluster::{CounterSnapshot, Verb};
use trueup_object::{Value, to_json, value};

/// Everything that was measured.
pub struct Figures {
    pub count: usize,
    pub converge: Converge,
    pub rest: Rest,
    pub push: Push,
    pub drift: Drift,
    pub restart: Restart,
}

const VERBS: [Verb; 9] = [
    Verb::Get,
    Verb::List,
    Verb::Watch,
    Verb::Create,
    Verb::Patch,
    Verb::Apply,
    Verb::DryRun,
    Verb::Delete,
    Verb::Discover,
];

/// Prints the figures as the options say.
pub fn print(figures: &Figures, options: &Options) {
    if options.json {
        println!("{}", String::from_utf8_lossy(&to_json(&json(figures))));
    } else {
        print!("{}", table(figures));
    }
}

fn table(figures: &Figures) -> String {
    let Figures {
        count,
        converge,
        rest,
        push,
        drift,
        restart,
    } = figures;
    let objects = count * fleet::OBJECTS_EACH;
    let rows = [
        ("Kustomizations (objects)", format!("{count} ({objects})")),
        ("all Ready", format!("{:.0} ms", converge.ready_ms)),
        ("  requests", by_verb(&converge.requests)),
        (
            "  processor time, peak memory",
            format!(
                "{:.2} s, {:.0} MiB",
                converge.used.cpu_s, converge.used.peak_mib
            ),
        ),
        ("at rest", format!("{} s", rest.seconds)),
        (
            "  requests for applied objects",
            object_requests(&rest.requests).to_string(),
        ),
        (
            "  other requests",
            (rest.requests.total() - object_requests(&rest.requests)).to_string(),
        ),
        ("  processor time", format!("{:.2} s", rest.cpu_s)),
        (
            "one push: applied",
            format!("{:.0} ms after git push returned", push.applied_ms),
        ),
        (
            "  all at the new revision",
            format!("{:.0} ms", push.all_moved_ms),
        ),
        ("  renders", push.renders.to_string()),
        ("  requests", by_verb(&push.requests)),
        (
            "  status patches",
            status_patches(&push.requests).to_string(),
        ),
        ("changes by hand", drift.count.to_string()),
        (
            "  corrected",
            format!(
                "{:.1} ms median, {:.1} ms worst",
                drift.median_ms, drift.worst_ms
            ),
        ),
        ("  requests", by_verb(&drift.requests)),
        ("restart: at rest", format!("{:.0} ms", restart.rest_ms)),
        ("  requests", by_verb(&restart.requests)),
    ];
    rows.iter()
        .map(|(name, figure)| format!("{name:<32}{figure}\n"))
        .collect()
}

fn by_verb(requests: &CounterSnapshot) -> String {
    let parts: Vec<String> = VERBS
        .into_iter()
        .map(|verb| (verb, requests.of_verb(verb)))
        .filter(|(_, number)| *number > 0)
        .map(|(verb, number)| format!("{number} {verb}"))
        .collect();
    format!("{}: {}", requests.total(), parts.join(", "))
}

fn status_patches(requests: &CounterSnapshot) -> u64 {
    requests.of(
        Verb::Patch,
        "kustomizations.kustomize.toolkit.fluxcd.io/status",
    )
}

fn json(figures: &Figures) -> Value {
    let Figures {
        count,
        converge,
        rest,
        push,
        drift,
        restart,
    } = figures;
    value!({
        "kustomizations": (number(*count as u64)),
        "converge": {
            "readyMs": (Value::Float(converge.ready_ms)),
            "cpuSeconds": (Value::Float(converge.used.cpu_s)),
            "peakMiB": (Value::Float(converge.used.peak_mib)),
            "requests": (requests(&converge.requests)),
        },
        "rest": {
            "seconds": (number(rest.seconds)),
            "cpuSeconds": (Value::Float(rest.cpu_s)),
            "objectRequests": (number(object_requests(&rest.requests))),
            "requests": (requests(&rest.requests)),
        },
        "push": {
            "appliedMs": (Value::Float(push.applied_ms)),
            "allMovedMs": (Value::Float(push.all_moved_ms)),
            "renders": (number(push.renders)),
            "statusPatches": (number(status_patches(&push.requests))),
            "requests": (requests(&push.requests)),
        },
        "drift": {
            "changes": (number(drift.count as u64)),
            "medianMs": (Value::Float(drift.median_ms)),
            "worstMs": (Value::Float(drift.worst_ms)),
            "requests": (requests(&drift.requests)),
        },
        "restart": {
            "restMs": (Value::Float(restart.rest_ms)),
            "requests": (requests(&restart.requests)),
        },
    })
}

fn requests(requests: &CounterSnapshot) -> Value {
    let mut map = value!({"total": (number(requests.total()))});
    for verb in VERBS {
        map.set_at(&[verb.name()], number(requests.of_verb(verb)));
    }
    map
}

fn number(count: u64) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}
