//! CronJobs.

use super::super::at::{At, Causes};
use super::super::cron;
use super::job_spec;
use trueup_object::Value;

/// Names of CronJobs leave room for the time in the names of their Jobs.
const MAX_CRON_JOB_NAME: usize = 52;

pub(in crate::core::validate) fn cron_job(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let spec = root.get("spec");
    schedule(&mut causes, &spec, live);
    spec.get("startingDeadlineSeconds")
        .not_negative(&mut causes);
    let zone = spec.get("timeZone");
    if live.is_none_or(|live| live.at(&["spec", "timeZone"]) != zone.value()) {
        time_zone(&mut causes, &zone);
    }
    spec.get("concurrencyPolicy")
        .required_one_of(&mut causes, &["Allow", "Forbid", "Replace"]);
    let job = spec.at(&["jobTemplate", "spec"]);
    job_spec(&mut causes, &job);
    if job.get("selector").is_set() {
        job.get("selector")
            .invalid(&mut causes, "`selector` will be auto-generated");
    }
    if job.get("manualSelector").is_true() {
        job.get("manualSelector")
            .unsupported(&mut causes, &["nil", "false"]);
    }
    for key in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        spec.get(key).not_negative(&mut causes);
    }
    let name = root.at(&["metadata", "name"]);
    if live.is_none() && name.text().len() > MAX_CRON_JOB_NAME {
        name.invalid(&mut causes, "must be no more than 52 characters");
    }
    causes
}

fn schedule(causes: &mut Causes, spec: &At<'_>, live: Option<&Value>) {
    let schedule = spec.get("schedule");
    if schedule.text().is_empty() {
        return schedule.required(causes, "");
    }
    if let Err(error) = cron::check(schedule.text()) {
        schedule.invalid(causes, &error);
    }
    let names_zone = schedule.text().contains("TZ");
    let had_zone = live
        .and_then(|live| live.str_at(&["spec", "schedule"]))
        .is_some_and(|schedule| schedule.contains("TZ"));
    if names_zone && !had_zone {
        let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        schedule.invalid(causes, detail);
    } else if names_zone && spec.get("timeZone").is_set() {
        let detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
        schedule.invalid(causes, detail);
    }
}

fn time_zone(causes: &mut Causes, zone: &At<'_>) {
    const MAX_PART: usize = 14;
    if !zone.is_set() {
        return;
    }
    let name = zone.text();
    if name.is_empty() {
        return zone.invalid(causes, "timeZone must be nil or non-empty string");
    }
    let is_part = |part: &str| {
        (1..=MAX_PART).contains(&part.len())
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_+".contains(&b))
    };
    if !name.split('/').all(is_part) {
        return zone.invalid(causes, &format!("unknown time zone {name}"));
    }
    if name.eq_ignore_ascii_case("local") {
        let detail =
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        zone.invalid(causes, detail);
    } else if !is_area(name) {
        zone.invalid(causes, &format!("unknown time zone {name}"));
    }
}

/// Whether a time zone is named as the zones of the time zone database are:
/// the areas are known here, the places within them are not.
fn is_area(name: &str) -> bool {
    const AREAS: [&str; 13] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Brazil",
        "Canada",
        "Etc",
        "Europe",
        "Indian",
        "Pacific",
    ];
    match name.split_once('/') {
        Some((area, _)) => AREAS.contains(&area) || ["Chile", "Mexico", "US"].contains(&area),
        None => name.starts_with(|c: char| c.is_ascii_uppercase()) && name.len() >= 2,
    }
}
