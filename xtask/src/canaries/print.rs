//! What was measured, as a table in Markdown.

use super::figures::{Figures, Part};
use crate::median;

/// A row: its name, the figure for one number of Canaries, and what is wanted.
type Row = (&'static str, fn(&Figures) -> String, &'static str);

const ROWS: [Row; 17] = [
    (
        "all initialized, requests each",
        |it| each(it.simulated.begin.requests.total(), it.count),
        "flat",
    ),
    (
        "– processor time each, API inside",
        |it| ms_each(&it.simulated.begin, it.count),
        "flat",
    ),
    (
        "at rest, writes",
        |it| it.simulated.rest.requests.writes().to_string(),
        "0",
    ),
    (
        "– reads",
        |it| it.simulated.rest.requests.reads().to_string(),
        "0",
    ),
    (
        "– watches opened again",
        |it| it.simulated.rest.requests.watches().to_string(),
        "",
    ),
    (
        "– processor time for each tick, API inside",
        |it| us_each(&it.simulated.rest, it.simulated.rest_ticks),
        "",
    ),
    (
        "all analysed, requests for each tick",
        |it| by_verb(&it.simulated.analysis, it.simulated.steps),
        "",
    ),
    (
        "– questions to Prometheus",
        |it| each(it.simulated.analysis.questions, it.simulated.steps),
        "1.0",
    ),
    (
        "– processor time, API inside",
        |it| ms_each(&it.simulated.analysis, it.simulated.steps),
        "flat",
    ),
    (
        "– processor time, controllers alone",
        |it| milliseconds(it.alone.analysis_cpu_s, it.alone.steps),
        "flat",
    ),
    (
        "a run, requests each",
        |it| each(it.simulated.run.requests.total(), it.count),
        "flat",
    ),
    (
        "– from the push to the promotion",
        |it| format!("{:.0} s", it.simulated.run.took_s),
        "",
    ),
    (
        "a revision noticed, median",
        |it| format!("{:.0} ms", median(it.alone.noticed_ms.clone())),
        "",
    ),
    (
        "– worst",
        |it| format!("{:.0} ms", worst(&it.alone.noticed_ms)),
        "< 1,000 ms",
    ),
    (
        "controllers alone, no Canary",
        |it| mib(it.alone.idle_mib),
        "",
    ),
    ("– all initialized", |it| mib(it.alone.rest_mib), ""),
    (
        "– peak, all analysed",
        |it| mib(it.alone.peak_mib),
        "< 100 MiB",
    ),
];

/// The table.
pub fn table(all: &[Figures]) -> String {
    let counts: Vec<String> = all.iter().map(|it| it.count.to_string()).collect();
    let mut lines = vec![
        line("Canaries", &counts, "wanted"),
        line("---", &vec!["--:".to_owned(); all.len()], "---"),
    ];
    for (name, figure, wanted) in ROWS {
        let cells: Vec<String> = all.iter().map(figure).collect();
        lines.push(line(name, &cells, wanted));
    }
    lines.concat()
}

fn line(name: &str, cells: &[String], wanted: &str) -> String {
    format!("| {name} | {} | {wanted} |\n", cells.join(" | "))
}

fn by_verb(part: &Part, of: u64) -> String {
    let parts = part.requests.0.iter();
    let parts: Vec<String> = parts
        .map(|(verb, count)| format!("{} {}", each(*count, of), verb.name()))
        .collect();
    let total = each(part.requests.total(), of);
    format!("{total}: {}", parts.join(", "))
}

fn each(number: u64, of: u64) -> String {
    format!("{:.2}", ratio(float(number), of))
}

fn ms_each(part: &Part, of: u64) -> String {
    milliseconds(part.cpu_s, of)
}

fn milliseconds(seconds: f64, of: u64) -> String {
    format!("{:.2} ms", ratio(seconds * 1e3, of))
}

fn us_each(part: &Part, of: u64) -> String {
    format!("{:.2} µs", ratio(part.cpu_s * 1e6, of))
}

fn mib(mib: f64) -> String {
    format!("{mib:.0} MiB")
}

fn worst(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}

/// How much there is of the one for each of the other; of none, all.
fn ratio(number: f64, of: u64) -> f64 {
    number / float(of.max(1))
}

fn float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Alone, Requests, Simulated};
    use super::*;
    use trueup_cluster::Verb;

    fn part(requests: &[(Verb, u64)], cpu_s: f64) -> Part {
        Part {
            requests: Requests(requests.iter().copied().collect()),
            questions: 5,
            cpu_s,
            took_s: 660.0,
        }
    }

    fn figures() -> Figures {
        let simulated = Simulated {
            begin: part(&[(Verb::Create, 50), (Verb::List, 10)], 0.02),
            rest: part(&[(Verb::Watch, 12)], 0.003),
            rest_ticks: 600,
            analysis: part(&[(Verb::Update, 10), (Verb::Patch, 15)], 0.005),
            steps: 10,
            run: part(&[(Verb::Patch, 400)], 0.1),
        };
        let alone = Alone {
            idle_mib: 22.4,
            rest_mib: 30.0,
            peak_mib: 40.6,
            noticed_ms: vec![9.0, 30.0, 10.0],
            analysis_cpu_s: 0.03,
            steps: 10,
        };
        Figures {
            count: 10,
            simulated,
            alone,
        }
    }

    #[test]
    fn each_number_of_canaries_has_a_column() {
        let table = table(&[figures(), figures()]);
        let has = |line: &str| assert!(table.contains(line), "{line}\n{table}");
        has("| Canaries | 10 | 10 | wanted |\n| --- | --: | --: | --- |\n");
        has("| all initialized, requests each | 6.00 | 6.00 | flat |");
        has("| at rest, writes | 0 | 0 | 0 |");
        has("| – watches opened again | 12 | 12 |  |");
        has("| – processor time for each tick, API inside | 5.00 µs | 5.00 µs |  |");
        has("| 2.50: 1.00 update, 1.50 patch |");
        has("| – processor time, controllers alone | 3.00 ms | 3.00 ms | flat |");
        has("| a revision noticed, median | 10 ms | 10 ms |  |");
        has("| – worst | 30 ms | 30 ms | < 1,000 ms |");
        has("| – peak, all analysed | 41 MiB | 41 MiB | < 100 MiB |");
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert!((ratio(3.0, 2) - 1.5).abs() < f64::EPSILON);
        assert!((ratio(3.0, 0) - 3.0).abs() < f64::EPSILON);
    }
}
