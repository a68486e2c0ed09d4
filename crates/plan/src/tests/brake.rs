use crate::*;
use jiff::Timestamp;
use trueup_object::{GroupVersionKind, ObjectRef};

fn drift(field: &str, manager: &str) -> Drift {
    Drift {
        object: ObjectRef {
            kind: GroupVersionKind::new("apps/v1", "Deployment"),
            namespace: "prod".into(),
            name: "web".into(),
        },
        field: field.into(),
        from: Some("2".into()),
        to: Some("5".into()),
        manager: manager.into(),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

use BrakeVerdict::{BrakeNow, Braked, Correct};

#[test]
fn the_fourth_correction_in_five_minutes_waits_for_the_interval() {
    let mut brake = Brake::new();
    let scaled = drift(".spec.replicas", "autoscaler");
    let verdicts: Vec<BrakeVerdict> = [0, 10, 20, 30, 40]
        .map(|s| brake.on_drift(&scaled, at(s)))
        .into();
    assert_eq!(verdicts, [Correct, Correct, Correct, BrakeNow, Braked]);
    assert_eq!(
        brake.on_drift(&drift(".spec.replicas", "somebody"), at(41)),
        Correct
    );
    assert_eq!(
        brake.on_drift(&drift(".spec.paused", "autoscaler"), at(41)),
        Correct
    );
}

#[test]
fn slow_corrections_are_no_fight() {
    let mut brake = Brake::new();
    let scaled = drift(".spec.replicas", "autoscaler");
    for minute in 0..20 {
        assert_eq!(brake.on_drift(&scaled, at(minute * 150)), Correct);
    }
}

#[test]
fn a_brake_holds_while_the_fight_goes_on_and_ends_when_it_is_quiet() {
    let mut brake = Brake::new();
    let scaled = drift(".spec.replicas", "autoscaler");
    for second in 0..4 {
        brake.on_drift(&scaled, at(second));
    }
    // The same uncorrected drift seen again, long after, is not quiet.
    assert_eq!(brake.on_drift(&scaled, at(1000)), Braked);
    brake.on_interval(&scaled, at(1200));
    assert_eq!(brake.on_drift(&scaled, at(1210)), Braked);
    brake.on_interval(&scaled, at(1800));
    assert_eq!(brake.on_drift(&scaled, at(2100)), Correct);
}

#[test]
fn one_braked_field_brakes_the_whole_object() {
    let mut brake = Brake::new();
    let (scaled, paused) = (
        drift(".spec.replicas", "autoscaler"),
        drift(".spec.paused", "admin"),
    );
    for second in 0..3 {
        brake.on_drift(&scaled, at(second));
    }
    let both = [paused, scaled.clone()];
    let (verdict, newly) = brake.on_drifts(&both, at(10));
    assert_eq!((verdict, newly), (BrakeNow, vec![&scaled]));
    assert_eq!(brake.on_drifts(&both, at(11)).0, Braked);
}

#[test]
fn a_revision_forgets_the_fights_over_what_it_changes_and_corrects_all_else_once() {
    let mut brake = Brake::new();
    let changed = drift(".spec.replicas", "autoscaler");
    let mut same = changed.clone();
    same.object.name = "other".into();
    for second in 0..5 {
        brake.on_drift(&changed, at(second));
        brake.on_drift(&same, at(second));
    }
    let id = trueup_kinds::object_id(&changed.object);
    brake.on_revision(|object| object == id.as_str());
    let verdicts = |brake: &mut Brake, drift: &Drift| {
        [10, 11, 12, 13].map(|second| brake.on_drift(drift, at(second)))
    };
    assert_eq!(
        verdicts(&mut brake, &changed),
        [Correct, Correct, Correct, BrakeNow]
    );
    assert_eq!(
        verdicts(&mut brake, &same),
        [Correct, Braked, Braked, Braked]
    );
}

#[test]
fn what_a_revision_has_corrected_in_a_run_of_its_own_is_not_due_again() {
    let mut brake = Brake::new();
    let scaled = drift(".spec.replicas", "autoscaler");
    for second in 0..5 {
        brake.on_drift(&scaled, at(second));
    }
    brake.on_revision(|_| false);
    brake.on_interval(&scaled, at(10));
    assert_eq!(brake.on_drift(&scaled, at(11)), Braked);
}

#[test]
fn only_so_many_fights_are_remembered() {
    let mut brake = Brake::new();
    for number in 0..MAX_BRAKE_ENTRIES + 10 {
        brake.on_drift(&drift(&format!(".data.k{number}"), "x"), at(0));
    }
    assert_eq!(brake.on_drift(&drift(".data.new", "x"), at(1)), Correct);
}

#[test]
fn corrections_at_the_interval_are_forgotten_in_time() {
    let mut brake = Brake::new();
    let scaled = drift(".spec.replicas", "autoscaler");
    for minute in 0..10_000 {
        brake.on_interval(&scaled, at(minute * 60));
    }
    assert!(format!("{brake:?}").len() < 2_000);
    for number in 0..MAX_BRAKE_ENTRIES + 10 {
        brake.on_interval(&drift(&format!(".data.k{number}"), "x"), at(0));
    }
    let remembered = format!("{brake:?}").matches(".data.k").count();
    assert!(remembered <= MAX_BRAKE_ENTRIES, "{remembered}");
}
