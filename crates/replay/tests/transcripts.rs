//! Every recorded conversation as a test of its own, in process and in
//! virtual time; and our own samples, which are always there.

use libtest_mimic::{Arguments, Failed, Trial};
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use trueup_replay::{
    Agreement, Deviations, Scenario, Verdict, controllers, play_in_process, read_scenarios,
    recordings, samples,
};

/// What has been seen so far, for the lines at the end.
type Seen = Arc<Mutex<Agreement>>;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::from_args();
    let deviations = Arc::new(Deviations::embedded()?);
    let folder = recordings(None);
    let recorded = if folder.is_dir() {
        read_scenarios(&folder)?
    } else {
        println!(
            "skipped: kubernetes transcripts: {} is not there",
            folder.display()
        );
        Vec::new()
    };
    let seen = Seen::default();
    let mut trials = vec![names_of_deviations(&deviations, &recorded)];
    for scenario in recorded {
        trials.push(trial(scenario, &deviations, &seen));
    }
    let own = Seen::default();
    for scenario in read_scenarios(&samples())? {
        trials.push(trial(scenario, &Arc::default(), &own));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        tell("kubernetes transcripts", &seen);
        tell("own conversations", &own);
    }
    Ok(conclusion.exit_code())
}

/// Fails where the list names a scenario that does not exist; without
/// recordings nobody can tell.
fn names_of_deviations(deviations: &Deviations, recorded: &[Scenario]) -> Trial {
    let names: Vec<&str> = recorded.iter().map(|it| it.name.as_str()).collect();
    let unknown: Vec<String> = deviations
        .unknown(&names)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let name = "deviations::every_name_is_that_of_a_scenario";
    Trial::test(name, move || match unknown.is_empty() {
        true => Ok(()),
        false => Err(format!("no scenario is called so: {}", unknown.join(", ")).into()),
    })
    .with_ignored_flag(recorded.is_empty())
}

fn trial(scenario: Scenario, deviations: &Arc<Deviations>, seen: &Seen) -> Trial {
    let there = controllers();
    let lacks = scenario.lacks(&there).join(", ");
    let title = scenario.title();
    if !lacks.is_empty() {
        println!("skipped: {title}: it needs {lacks}");
        let reason = format!("it needs {lacks}");
        count(seen, &scenario.area, &Verdict::Skipped { reason });
    }
    let (deviations, seen) = (deviations.clone(), seen.clone());
    Trial::test(title, move || play(&scenario, &deviations, &seen))
        .with_ignored_flag(!lacks.is_empty())
}

fn play(scenario: &Scenario, deviations: &Deviations, seen: &Seen) -> Result<(), Failed> {
    let differences = play_in_process(scenario).map_err(Failed::from)?;
    let verdict = deviations.judge(&scenario.name, differences);
    count(seen, &scenario.area, &verdict);
    match verdict {
        Verdict::AgreesAgainstTheList => {
            Err("it agrees now: take it off crates/replay/deviations.yaml".into())
        }
        Verdict::Differs(differences) => {
            let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            Err(lines.join("\n").into())
        }
        Verdict::Agrees | Verdict::Accepted { .. } | Verdict::Skipped { .. } => Ok(()),
    }
}

fn count(seen: &Seen, area: &str, verdict: &Verdict) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.count(area, verdict);
}

/// The lines that the gate gathers.
fn tell(what: &str, seen: &Seen) {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let (ran, skipped) = seen.ran_and_skipped();
    if ran + skipped > 0 {
        println!("{seen}");
    }
    println!("recorded cases: {what}: {ran} ran, {skipped} skipped");
}
