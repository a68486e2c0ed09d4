//! How long builds take, in the same process.
//!
//! `cargo bench -p trueup-kustomize` builds a corpus that it makes itself and
//! prints one table: microseconds a build (median), bytes of input and output,
//! and how much memory a process that builds it once has more at its peak than
//! before, also as a multiple of input and output. `-- --seconds N` is how long
//! each is measured, `--case NAME` measures one case alone.

#![expect(
    clippy::disallowed_methods,
    reason = "a bench looks at clocks, and at its own process"
)]

mod corpus;

use corpus::Case;
use std::process::Command;
use std::time::{Duration, Instant};
use trueup_artifact::{FileTree, MemoryTree, TreePath};
use trueup_kustomize::{BuildOptions, LoadRestrictor, build};

/// The allocator that `trueup` runs with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Options {
    /// The case that this process builds once.
    child: Option<String>,
    /// The one case to measure.
    only: Option<String>,
    seconds: f64,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            child: None,
            only: None,
            seconds: 1.0,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--child" => options.child = words.next(),
                "--case" => options.only = words.next(),
                "--seconds" => {
                    let number = words.next().and_then(|it| it.parse().ok());
                    options.seconds = number.unwrap_or(options.seconds);
                }
                _ => {}
            }
        }
        options
    }
}

/// What one case cost.
struct Measured {
    median_us: f64,
    output_bytes: usize,
}

fn build_once(tree: &dyn FileTree, folder: &TreePath) -> Result<String, String> {
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        ..BuildOptions::default()
    };
    build(tree, folder, None, &options)
        .and_then(|made| made.to_yaml())
        .map_err(|error| error.to_string())
}

fn tree_of(case: &Case) -> MemoryTree {
    let files = case.files.iter();
    let files = files.map(|(path, text)| (path.clone(), text.clone().into_bytes()));
    MemoryTree::from_files(files).expect("the paths of the corpus are plain")
}

fn measure(case: &Case, seconds: f64) -> Result<Measured, String> {
    let (tree, folder) = (&tree_of(case), &case.folder);
    let output_bytes = build_once(tree, folder)?.len();
    let limit = Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || start.elapsed() < limit {
        let began = Instant::now();
        std::hint::black_box(build_once(tree, folder)?);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(Measured {
        median_us: times[times.len() / 2].as_secs_f64() * 1e6,
        output_bytes,
    })
}

/// A number of `/proc/self/status` in bytes.
fn status_bytes(field: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Builds one case once and prints by how much the process grew.
fn child(name: &str) {
    let cases = corpus::generated();
    let Some(case) = cases.iter().find(|case| case.name == name) else {
        return;
    };
    let tree = tree_of(case);
    let before = status_bytes("VmRSS:");
    let built = build_once(&tree, &case.folder);
    let peak = status_bytes("VmHWM:");
    if let (Some(before), Some(peak), Ok(_)) = (before, peak, built) {
        println!("{}", peak.saturating_sub(before));
    }
}

/// What a process of its own needs for a build; `None` where it can't be told.
fn peak_bytes(name: &str) -> Option<usize> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program)
        .args(["--child", name])
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn main() {
    let options = Options::read();
    if let Some(name) = &options.child {
        return child(name);
    }
    println!(
        "{:<24} {:>11} {:>10} {:>10} {:>12} {:>6}",
        "case", "µs", "in", "out", "peak memory", "×"
    );
    let mut cases = corpus::generated();
    cases.retain(|case| options.only.as_ref().is_none_or(|only| *only == case.name));
    for case in &cases {
        match measure(case, options.seconds) {
            Ok(measured) => print_row(case, &measured),
            Err(error) => println!("{:<24} fails: {error}", case.name),
        }
    }
    in_parallel(&cases, options.seconds);
}

fn print_row(case: &Case, measured: &Measured) {
    let input_bytes: usize = case.files.iter().map(|(_, text)| text.len()).sum();
    let whole = (input_bytes + measured.output_bytes).max(1);
    let peak = peak_bytes(&case.name);
    #[expect(clippy::cast_precision_loss, reason = "a ratio to read")]
    let ratio = peak.map(|peak| format!("{:.1}", peak as f64 / whole as f64));
    let unknown = || "?".to_owned();
    println!(
        "{:<24} {:>11.1} {:>10} {:>10} {:>12} {:>6}",
        case.name,
        measured.median_us,
        input_bytes,
        measured.output_bytes,
        peak.map_or_else(unknown, |peak| peak.to_string()),
        ratio.unwrap_or_else(unknown)
    );
}

/// Builds a second on one thread, and on as many as there are cores.
fn in_parallel(cases: &[Case], seconds: f64) {
    let Some(case) = cases.iter().find(|case| case.name == "overlay of ten") else {
        return;
    };
    let tree = tree_of(case);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rate = |threads: usize| {
        let limit = Duration::from_secs_f64(seconds);
        let count: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let (start, mut count) = (Instant::now(), 0);
                        while start.elapsed() < limit {
                            count += usize::from(build_once(&tree, &case.folder).is_ok());
                        }
                        count
                    })
                })
                .collect();
            workers.into_iter().map(|it| it.join().unwrap_or(0)).sum()
        });
        #[expect(clippy::cast_precision_loss, reason = "a rate to read")]
        let rate = count as f64 / seconds;
        rate
    };
    let (one, all) = (rate(1), rate(cores));
    println!(
        "in parallel: {one:.0} builds/s on 1 thread, {all:.0} on {cores} ({:.2} times)",
        all / one
    );
}
