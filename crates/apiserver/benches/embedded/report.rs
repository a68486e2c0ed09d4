//! Options, timing, and the table.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    only: String,
    seconds: f64,
    operations: Option<u64>,
    /// How many objects the memory case makes.
    pub objects: usize,
    /// Set in processes that measure one thing for another process.
    pub child: Option<String>,
}

impl Options {
    /// Reads the arguments; what cargo itself adds is passed over.
    pub fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            only: String::new(),
            seconds: 1.0,
            operations: None,
            objects: 100_000,
            child: None,
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let mut number = || arguments.next().and_then(|text| text.parse::<f64>().ok());
            match name.as_str() {
                "--seconds" => options.seconds = number().unwrap_or(options.seconds),
                "--operations" => options.operations = number().map(|count| count as u64),
                "--objects" => {
                    options.objects = number().map_or(options.objects, |count| count as usize);
                }
                "--only" => options.only = arguments.next().unwrap_or_default(),
                "--child" => options.child = arguments.next(),
                _ => {}
            }
        }
        options
    }
}

/// The rows so far.
#[derive(Debug)]
pub struct Report {
    /// What was asked for.
    pub options: Options,
    rows: Vec<[String; 5]>,
}

impl Report {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            rows: Vec::new(),
        }
    }

    /// Whether a case is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        let only = self.options.only.as_str();
        name.starts_with(only) || only.starts_with(name)
    }

    /// Adds a row of any unit.
    pub fn row(&mut self, name: &str, count: u64, figure: String, wanted: &str, ratio: &str) {
        eprintln!("{name}: {figure}");
        self.rows.push([
            name.to_owned(),
            count.to_string(),
            figure,
            wanted.to_owned(),
            ratio.to_owned(),
        ]);
    }

    /// Measures an operation on one thread and on two; `operation` gets a
    /// number that no other call gets.
    pub fn rate(&mut self, name: &str, wanted: Option<f64>, operation: impl Fn(u64) + Sync) {
        if !self.wants(name) {
            return;
        }
        let next = AtomicU64::new(0);
        for threads in [1, 2] {
            if threads == 2 && self.options.operations.is_some() {
                return;
            }
            let (count, elapsed, cpu) = self.run(threads, &next, &operation);
            let rate = count as f64 / elapsed.as_secs_f64();
            let each = cpu.as_secs_f64() * 1e6 / count as f64;
            let (goal, ratio) =
                wanted
                    .filter(|_| threads == 2)
                    .map_or_else(Default::default, |goal| {
                        (
                            format!("≥ {}", grouped(goal)),
                            format!("{:.2}", rate / goal),
                        )
                    });
            self.row(
                &format!(
                    "{name}, {threads} thread{}",
                    if threads == 1 { "" } else { "s" }
                ),
                count,
                format!("{} /s ({each:.1} µs of a processor each)", grouped(rate)),
                &goal,
                &ratio,
            );
        }
    }

    fn run(
        &self,
        threads: u32,
        next: &AtomicU64,
        operation: &(impl Fn(u64) + Sync),
    ) -> (u64, Duration, Duration) {
        let begin = Instant::now();
        let limit = Duration::from_secs_f64(self.options.seconds);
        let (done, cpu_nanos) = (AtomicU64::new(0), AtomicU64::new(0));
        let work = || {
            let before = thread_nanos();
            while self.options.operations.map_or_else(
                || begin.elapsed() < limit,
                |most| done.load(Ordering::Relaxed) < most,
            ) {
                operation(next.fetch_add(1, Ordering::Relaxed));
                done.fetch_add(1, Ordering::Relaxed);
            }
            cpu_nanos.fetch_add(thread_nanos() - before, Ordering::Relaxed);
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let cpu = Duration::from_nanos(cpu_nanos.into_inner());
        (done.into_inner(), begin.elapsed(), cpu)
    }

    /// Prints the table.
    pub fn finish(self) {
        println!("\n| Case | Count | Measured | Wanted | Ratio |\n|---|--:|--:|--:|--:|");
        for row in self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

/// How long this thread has had a processor, so that a busy machine does not
/// count; 0 where it can't be told.
pub fn thread_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
    nanos.unwrap_or(0)
}

/// A number with its thousands apart.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Runs this program again for one measurement; what it prints.
pub fn child(name: &str, objects: usize) -> Vec<f64> {
    let Ok(program) = std::env::current_exe() else {
        return Vec::new();
    };
    let output = std::process::Command::new(program)
        .args(["--child", name, "--objects", &objects.to_string()])
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}
