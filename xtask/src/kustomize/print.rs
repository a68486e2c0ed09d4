//! The tables.

use super::Options;
use super::engine::Built;
use super::memory::Memory;
use super::programs::{Pair, Programs};

/// What was measured of one case.
pub struct Row {
    pub name: String,
    pub is_public: bool,
    /// What the genuine engine took in process, in microseconds.
    pub genuine_us: Option<f64>,
    pub built: Built,
    /// The same from files in memory.
    pub in_memory: Built,
    pub memory: Memory,
    pub programs: Pair,
}

impl Row {
    /// How many times faster than the genuine engine, in process.
    fn times(&self, built: fn(&Row) -> &Built) -> Option<f64> {
        Some(self.genuine_us? / built(self).cpu_us)
    }

    /// How many times faster than the genuine program, by processor time.
    fn program_times(&self) -> Option<f64> {
        Some(self.programs.genuine?.cpu_ms / self.programs.ours.cpu_ms)
    }

    /// The same by elapsed time.
    fn program_wall_times(&self) -> Option<f64> {
        Some(self.programs.genuine?.wall_ms / self.programs.ours.wall_ms)
    }

    fn in_process(&self) -> String {
        let memory = &self.memory;
        let cells = [
            self.name.clone(),
            format!("{:.0}", self.built.cpu_us),
            format!("{:.0}", self.built.wall_us),
            format!("{:.0}", self.in_memory.cpu_us),
            text(self.genuine_us, 0),
            text(self.times(from_disk), 1),
            text(self.times(from_memory), 1),
            memory.input_bytes.to_string(),
            memory.output_bytes.to_string(),
            (memory.peak_bytes >> 10).to_string(),
            (memory.bound_bytes() >> 10).to_string(),
        ];
        format!("| {} |", cells.join(" | "))
    }

    fn as_program(&self) -> String {
        let ours = &self.programs.ours;
        let genuine = self.programs.genuine;
        let cells = [
            self.name.clone(),
            format!("{:.2}", ours.cpu_ms),
            format!("{:.2}", ours.wall_ms),
            text(genuine.map(|it| it.cpu_ms), 1),
            text(genuine.map(|it| it.wall_ms), 1),
            text(self.program_times(), 1),
        ];
        format!("| {} |", cells.join(" | "))
    }
}

/// A figure, or nothing where there is none.
fn text(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(String::new, |figure| format!("{figure:.digits$}"))
}

/// Prints what was measured.
pub fn print(rows: &[Row], options: &Options, programs: &Programs) {
    let shown = || rows.iter().filter(|row| options.all || !row.is_public);
    println!("In process, processor time:\n");
    println!(
        "| | µs | µs elapsed | µs from memory | genuine µs | times | times from memory | bytes in | bytes out | peak KiB | wanted KiB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    shown().for_each(|row| println!("{}", row.in_process()));
    print_engine_totals("from files on disk", rows, from_disk);
    print_engine_totals("from files in memory", rows, from_memory);
    print_memory(rows);
    let Some(version) = programs.genuine_version() else {
        println!("\nskipped: whole processes: no kustomize on PATH");
        return;
    };
    println!("\nAs a process, beside kustomize {version}:\n");
    println!("| | ms | ms elapsed | genuine ms | ms elapsed | times |\n|---|--:|--:|--:|--:|--:|");
    shown().for_each(|row| println!("{}", row.as_program()));
    print_program_totals("made", rows, |row| !row.is_public);
    print_program_totals("public", rows, |row| row.is_public);
}

fn from_disk(row: &Row) -> &Built {
    &row.built
}

fn from_memory(row: &Row) -> &Built {
    &row.in_memory
}

fn print_engine_totals(which: &str, rows: &[Row], built: fn(&Row) -> &Built) {
    let both: Vec<(&Row, f64)> = rows
        .iter()
        .filter_map(|row| Some((row, row.genuine_us?)))
        .collect();
    if both.is_empty() {
        return;
    }
    let times = crate::median(
        both.iter()
            .filter_map(|(row, _)| row.times(built))
            .collect(),
    );
    let genuine_us: f64 = both.iter().map(|(_, us)| us).sum();
    let ours_us: f64 = both.iter().map(|(row, _)| built(row).cpu_us).sum();
    println!(
        "\n{} public roots {which}: {times:.1} times on the median, {:.1} times on the sum ({:.0} ms, genuine {:.0} ms)",
        both.len(),
        genuine_us / ours_us,
        ours_us / 1e3,
        genuine_us / 1e3,
    );
}

fn print_memory(rows: &[Row]) {
    let over: Vec<&Row> = rows.iter().filter(|row| !row.memory.is_within()).collect();
    println!(
        "\nmemory: {} of {} within 12 × (input + output) + 2 MiB",
        rows.len() - over.len(),
        rows.len()
    );
    for row in over {
        println!("- more: {}", row.in_process());
    }
}

fn print_program_totals(which: &str, rows: &[Row], fits: fn(&Row) -> bool) {
    let of = |figure: fn(&Row) -> Option<f64>| -> Vec<f64> {
        let rows = rows.iter().filter(|row| fits(row));
        rows.filter_map(figure).collect()
    };
    let times = of(Row::program_times);
    if times.is_empty() {
        return;
    }
    println!(
        "\n{} {which} roots: {:.1} times on the median, by elapsed time {:.1} times",
        times.len(),
        crate::median(times),
        crate::median(of(Row::program_wall_times)),
    );
}
