//! The table.

use super::Options;
use super::load::Kind;

/// What issue 3 wants: four times what the genuine server with etcd did on
/// two processors, and a bound for memory.
const WANTED_GETS: f64 = 16_800.0;
const WANTED_APPLIES: f64 = 6600.0;
const WANTED_CREATES: f64 = 8800.0;

/// One line: a figure of each server.
pub struct Row {
    name: &'static str,
    unit: &'static str,
    figures: Vec<f64>,
    wanted: String,
}

impl Row {
    /// Requests a second.
    pub fn rate(kind: Kind, figures: Vec<f64>) -> Self {
        let (name, wanted) = match kind {
            Kind::Get => ("gets of a small ConfigMap", WANTED_GETS),
            Kind::Apply => ("no-op applies", WANTED_APPLIES),
            Kind::Create => ("creates", WANTED_CREATES),
        };
        let wanted = format!("≥ {wanted:.0} /s");
        Self {
            name,
            unit: "/s",
            figures,
            wanted,
        }
    }

    /// Memory of the processes.
    pub fn memory(name: &'static str, figures: Vec<f64>) -> Self {
        let wanted = match name.contains("1,000") {
            true => "< 60 MiB".to_owned(),
            false => String::new(),
        };
        Self {
            name,
            unit: "MiB",
            figures,
            wanted,
        }
    }

    fn line(&self) -> String {
        let mut cells = vec![self.name.to_owned()];
        cells.extend(
            self.figures
                .iter()
                .map(|figure| format!("{figure:.0} {}", self.unit)),
        );
        cells.push(self.wanted.clone());
        if let [ours, other] = self.figures[..] {
            cells.push(format!("{:.2}", ours / other));
        }
        format!("| {} |", cells.join(" | "))
    }
}

/// Prints the table.
pub fn print(rows: &[Row], options: &Options) {
    println!(
        "`wrk -t1 -c16` over TLS, {} runs of {} s of each, medians; objects on disk, not synced",
        options.runs, options.seconds
    );
    if options.against.is_some() {
        println!("\n| | Trueup | the other | wanted | ratio |\n|---|--:|--:|--:|--:|");
    } else {
        println!("\n| | Trueup | wanted |\n|---|--:|--:|");
    }
    for row in rows {
        println!("{}", row.line());
    }
}
