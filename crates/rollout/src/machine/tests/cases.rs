//! Runs from beginning to end, as data: `cases/NAME.txt` is a script of what is
//! asked for and what happens, and the trace of what comes of it. The traces
//! are Flagger's, less the time that it spends waiting for its next tick.
//!
//! `UPDATE_GENERATED=1 cargo test -p trueup-rollout` writes the traces anew.

use super::script::Script;
use super::shell::Diary;

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// The scripts of all cases, by name.
        pub(super) const CASES: &[(&str, &str)] = &[
            $((stringify!($name), include_str!(concat!("cases/", stringify!($name), ".txt")))),+
        ];

        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )+
    };
}

cases![
    ab_testing,
    ab_testing_threshold,
    abort_by_request,
    blue_green,
    blue_green_mirror,
    blue_green_one_iteration,
    blue_green_threshold,
    both_lost,
    canary,
    canary_crash,
    canary_mirror,
    canary_overshoot,
    canary_promotion_steps,
    canary_step_weights,
    canary_step_weights_promotion,
    config_change,
    confirm_promotion,
    confirm_promotion_iterations,
    confirm_promotion_kubernetes,
    confirm_rollout,
    confirm_rollout_hook_says_no,
    confirm_rollout_reverted,
    confirm_traffic_increase,
    confirm_traffic_increase_mirror,
    deletion,
    deletion_during_run,
    failed_promotion,
    failed_promotion_fixed,
    failed_promotion_kubernetes,
    failed_promotion_kubernetes_reverted,
    failed_then_reverted,
    hand_changed_routes,
    hand_changed_routes_while_finalising,
    kubernetes,
    kubernetes_default_iterations,
    max_duration,
    metric_notes,
    new_revision,
    new_revision_while_promoting,
    no_data_limit,
    pre_rollout,
    primary_crash,
    primary_lost,
    primary_lost_ab_testing,
    primary_lost_abort,
    primary_lost_and_back_again,
    primary_lost_hand_changed,
    primary_lost_new_revision,
    primary_lost_while_mirrored,
    primary_lost_while_waiting,
    primary_unlisted,
    progress_deadline,
    promotion_endpoints_late,
    promotion_endpoints_missing,
    promotion_of_a_long_run,
    promotion_primary_comes_and_goes,
    promotion_primary_lost,
    promotion_primary_lost_before_its_first_step,
    promotion_primary_lost_for_good,
    reverted_during_run,
    reverted_while_promoting,
    rollback_hook,
    rollback_of_skip_analysis,
    session_affinity,
    session_affinity_restart,
    skip_analysis,
    skip_analysis_nobody_serves,
    skip_analysis_spec,
    suspended,
    suspended_while_promoting,
    takeover_at_rest,
    takeover_failed,
    takeover_progressing,
    takeover_promoting,
    takeover_pushed_meanwhile,
    takeover_waiting_promotion,
    threshold,
];

const SEPARATOR: &str = "---\n";

/// The script of a case.
pub(super) fn script_of(file: &str) -> Script {
    let (script, _) = file.split_once(SEPARATOR).expect("a script and a trace");
    Script::parse(script)
}

fn check(name: &str) {
    let (_, file) = CASES.iter().find(|it| it.0 == name).expect("a case");
    let (script, expected) = file.split_once(SEPARATOR).expect("a script and a trace");
    let mut diary = Diary::default();
    Script::parse(script).play(&mut diary);
    let trace = diary.lines.join("\n") + "\n";
    if trace != expected && is_update() {
        return write(name, &format!("{script}{SEPARATOR}{trace}"));
    }
    assert_eq!(trace, expected, "\n{trace}");
}

#[expect(clippy::disallowed_methods, reason = "a test that writes its own data")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_GENERATED").is_some()
}

#[expect(clippy::disallowed_methods, reason = "a test that writes its own data")]
fn write(name: &str, text: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/machine/tests/cases");
    std::fs::write(format!("{folder}/{name}.txt"), text).expect("a file");
}
