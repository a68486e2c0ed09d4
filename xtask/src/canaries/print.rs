//! What was measured, as a table in Markdown.

use super::measure::{Measured, Part};
use std::fmt::Write as _;

/// The table.
pub fn table(measured: &Measured) -> String {
    let mut text = format!("| {} Canaries | |\n|---|--:|\n", measured.count);
    let mut row = |name: &str, value: String| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "| {name} | {value} |");
    };
    let each = |number: u64, of: u64| format!("{:.2}", ratio(number, of));
    let (begin, rest, run) = (&measured.begin, &measured.rest, &measured.run);
    row("all initialized, virtual time", seconds(begin));
    row(
        "– requests each",
        each(begin.requests.total(), measured.count),
    );
    row(
        "– processor time each",
        milliseconds_each(begin, measured.count),
    );
    let minutes = measured.rest_min;
    row(
        &format!("{minutes} minutes at rest: writes"),
        rest.writes().to_string(),
    );
    row(
        "– reads, watches opened again",
        format!("{}, {}", rest.reads(), rest.watches()),
    );
    row("– processor time", format!("{:.2} s", rest.cpu_s));
    let pair = |(middle, worst): (f64, f64)| format!("{middle:.1}, {worst:.1} ms");
    row(
        "a revision noticed, virtual time",
        pair(measured.noticed_virtual_ms),
    );
    row("– real time", pair(measured.noticed_real_ms));
    row("all others promoted at once, virtual time", seconds(run));
    row(
        "– writes for each step of a run",
        each(run.writes(), measured.steps),
    );
    row("– reads for each", each(run.reads(), measured.steps));
    row(
        "– questions to metrics for each",
        each(measured.questions, measured.steps),
    );
    row(
        "– processor time for each",
        milliseconds_each(run, measured.steps),
    );
    row(
        "peak memory, API inside",
        format!("{:.0} MiB", measured.peak_mib),
    );
    text
}

fn seconds(part: &Part) -> String {
    format!("{:.1} s", part.took.as_secs_f64())
}

fn milliseconds_each(part: &Part, of: u64) -> String {
    let of = u32::try_from(of.max(1)).unwrap_or(u32::MAX);
    format!("{:.2} ms", part.cpu_s * 1e3 / f64::from(of))
}

/// How many of the one there are for each of the other.
fn ratio(number: u64, of: u64) -> f64 {
    let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    float(number) / float(of.max(1))
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_divided_by_nothing() {
        assert!((super::ratio(3, 2) - 1.5).abs() < f64::EPSILON);
        assert!((super::ratio(3, 0) - 3.0).abs() < f64::EPSILON);
    }
}
