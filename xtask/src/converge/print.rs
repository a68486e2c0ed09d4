//! The figures, for people and for programs.

use super::alone::{Alone, Memory};
use super::chain::Chain;
use super::fleet;
use super::measure::{Converge, Drift, Push, Rest, Restart, Spread, object_requests};
use trueup_cluster::{CounterSnapshot, Verb};
use trueup_object::{Value, to_json, value};

/// Everything that was measured with one number of Kustomizations.
pub struct Figures {
    pub count: usize,
    pub converge: Converge,
    pub rest: Rest,
    pub push: Push,
    pub drift: Drift,
    pub restart: Restart,
    pub chain: Option<Chain>,
    pub alone: Option<Alone>,
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

/// Prints what [`json`] made: as it is, or as one table with a column each.
pub fn print(figures: &[Value], as_json: bool) {
    if as_json {
        for figures in figures {
            println!("{}", String::from_utf8_lossy(&to_json(figures)));
        }
    } else {
        print!("{}", table(figures));
    }
}

/// A row: its name, and the figure for one number of Kustomizations; `None`
/// where it was not measured.
type Row = (&'static str, fn(&Value) -> Option<String>);

const ROWS: [Row; 30] = [
    ("Kustomizations (objects)", |it| {
        let count = whole(it, &["kustomizations"])?;
        let each = i64::try_from(fleet::OBJECTS_EACH).ok()?;
        Some(format!("{count} ({})", count * each))
    }),
    ("all Ready", |it| ms(it, &["converge", "readyMs"])),
    ("– requests", |it| by_verb(it, "converge")),
    ("– requests each", |it| {
        each(it, float(it, &["converge", "requests", "total"])?)
    }),
    ("– processor time", |it| {
        seconds(it, &["converge", "cpuSeconds"])
    }),
    ("– processor time each", |it| {
        let cpu_ms = float(it, &["converge", "cpuSeconds"])? * 1e3;
        Some(format!("{} ms", each(it, cpu_ms)?))
    }),
    ("– peak memory", |it| mib(it, &["converge", "peakMiB"])),
    ("at rest", |it| {
        Some(format!("{} s", whole(it, &["rest", "seconds"])?))
    }),
    ("– requests for applied objects", |it| {
        text(it, &["rest", "objectRequests"])
    }),
    ("– other requests", |it| {
        let all = whole(it, &["rest", "requests", "total"])?;
        Some((all - whole(it, &["rest", "objectRequests"])?).to_string())
    }),
    ("– processor time", |it| {
        seconds(it, &["rest", "cpuSeconds"])
    }),
    ("pushes", |it| text(it, &["push", "pushes"])),
    ("– applied after git push returned", |it| {
        spread(it, &["push", "applied"])
    }),
    ("– all at the new revision", |it| {
        spread(it, &["push", "allMoved"])
    }),
    ("– renders of the first", |it| {
        text(it, &["push", "renders"])
    }),
    ("– its requests", |it| by_verb(it, "push")),
    ("– its status patches", |it| {
        text(it, &["push", "statusPatches"])
    }),
    ("changes by hand", |it| text(it, &["drift", "changes"])),
    ("– corrected", |it| spread(it, &["drift", "corrected"])),
    ("– requests", |it| by_verb(it, "drift")),
    ("restart: at rest", |it| ms(it, &["restart", "restMs"])),
    ("– requests", |it| by_verb(it, "restart")),
    ("chain of dependents", |it| {
        text(it, &["chain", "kustomizations"])
    }),
    ("– first to last Ready", |it| {
        ms(it, &["chain", "firstToLastMs"])
    }),
    ("– requests", |it| by_verb(it, "chain")),
    ("controller alone, no Kustomization", |it| {
        memory(it, "idle")
    }),
    ("– all Ready", |it| memory(it, "full")),
    ("– after", |it| ms(it, &["alone", "readyMs"])),
    ("– processor time", |it| {
        seconds(it, &["alone", "cpuSeconds"])
    }),
    ("– memory each", |it| {
        let grown = float(it, &["alone", "full", "residentMiB"])?
            - float(it, &["alone", "idle", "residentMiB"])?;
        Some(format!("{} KiB", each(it, grown * 1024.0)?))
    }),
];

/// A table in Markdown. Rows that nobody measured are left out.
pub fn table(figures: &[Value]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (name, figure) in ROWS {
        let cells: Vec<Option<String>> = figures.iter().map(figure).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let cells = cells.into_iter().map(Option::unwrap_or_default);
        let cells: Vec<String> = cells.collect();
        lines.push(format!("| {name} | {} |\n", cells.join(" | ")));
        if lines.len() == 1 {
            lines.push(format!("|{}\n", "---|".repeat(figures.len() + 1)));
        }
    }
    lines.concat()
}

fn whole(figures: &Value, path: &[&str]) -> Option<i64> {
    figures.i64_at(path)
}

fn float(figures: &Value, path: &[&str]) -> Option<f64> {
    match figures.at(path)? {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(i32::try_from(*number).ok()?.into()),
        _ => None,
    }
}

fn text(figures: &Value, path: &[&str]) -> Option<String> {
    Some(whole(figures, path)?.to_string())
}

fn ms(figures: &Value, path: &[&str]) -> Option<String> {
    Some(format!("{:.0} ms", float(figures, path)?))
}

fn spread(figures: &Value, path: &[&str]) -> Option<String> {
    let of = |figure: &str| float(figures.at(path)?, &[figure]);
    let (median, worst) = (of("medianMs")?, of("worstMs")?);
    Some(format!("{median:.1} ms median, {worst:.1} ms worst"))
}

fn seconds(figures: &Value, path: &[&str]) -> Option<String> {
    Some(format!("{:.2} s", float(figures, path)?))
}

fn mib(figures: &Value, path: &[&str]) -> Option<String> {
    Some(format!("{:.0} MiB", float(figures, path)?))
}

/// The share of one Kustomization.
fn each(figures: &Value, sum: f64) -> Option<String> {
    let count = float(figures, &["kustomizations"])?;
    Some(format!("{:.1}", sum / count))
}

fn memory(figures: &Value, state: &str) -> Option<String> {
    let resident = mib(figures, &["alone", state, "residentMiB"])?;
    let peak = mib(figures, &["alone", state, "peakMiB"])?;
    Some(format!("{resident}, peak {peak}"))
}

fn by_verb(figures: &Value, phase: &str) -> Option<String> {
    let requests = figures.at(&[phase, "requests"])?;
    let of = |name: &str| requests.i64_at(&[name]).filter(|number| *number > 0);
    let verbs = VERBS.into_iter().map(Verb::name);
    let parts: Vec<String> = verbs
        .filter_map(|verb| Some(format!("{} {verb}", of(verb)?)))
        .collect();
    Some(format!(
        "{}: {}",
        requests.i64_at(&["total"])?,
        parts.join(", ")
    ))
}

fn spread_json(times: &Spread) -> Value {
    value!({"medianMs": (Value::Float(times.median)), "worstMs": (Value::Float(times.worst))})
}

/// The figures as JSON has them.
pub fn json(figures: &Figures) -> Value {
    let Figures {
        count,
        converge,
        rest,
        push,
        drift,
        restart,
        chain,
        alone,
    } = figures;
    let mut all = value!({
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
            "pushes": (number(push.count as u64)),
            "applied": (spread_json(&push.applied_ms)),
            "allMoved": (spread_json(&push.all_moved_ms)),
            "renders": (number(push.renders)),
            "statusPatches": (number(status_patches(&push.requests))),
            "requests": (requests(&push.requests)),
        },
        "drift": {
            "changes": (number(drift.count as u64)),
            "corrected": (spread_json(&drift.corrected_ms)),
            "requests": (requests(&drift.requests)),
        },
        "restart": {
            "restMs": (Value::Float(restart.rest_ms)),
            "requests": (requests(&restart.requests)),
        },
    });
    if let Some(chain) = chain {
        all.set_at(&["chain"], chain_json(chain));
    }
    if let Some(alone) = alone {
        all.set_at(&["alone"], alone_json(alone));
    }
    all
}

fn chain_json(chain: &Chain) -> Value {
    value!({
        "kustomizations": (number(chain.count as u64)),
        "firstToLastMs": (Value::Float(chain.first_to_last_ms)),
        "requests": (requests(&chain.requests)),
    })
}

fn alone_json(alone: &Alone) -> Value {
    value!({
        "idle": (memory_json(alone.idle)),
        "full": (memory_json(alone.full)),
        "readyMs": (Value::Float(alone.ready_ms)),
        "cpuSeconds": (Value::Float(alone.cpu_s)),
    })
}

fn memory_json(memory: Memory) -> Value {
    value!({
        "residentMiB": (Value::Float(memory.resident_mib)),
        "peakMiB": (Value::Float(memory.peak_mib)),
    })
}

fn status_patches(requests: &CounterSnapshot) -> u64 {
    requests.of(
        Verb::Patch,
        "kustomizations.kustomize.toolkit.fluxcd.io/status",
    )
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
