use super::normal::upper_tail;
use super::*;
use proptest::prelude::*;

fn close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance
}

#[track_caller]
fn assert_close(one: f64, other: f64) {
    assert!(close(one, other, 1e-12), "{one} is not {other}");
}

/// The example that textbooks and SciPy's manual have: ages at a diagnosis.
fn ages() -> OrderedCounts {
    let men = [19.0, 22.0, 16.0, 29.0, 24.0];
    let women = [20.0, 11.0, 17.0, 12.0];
    OrderedCounts::of_samples(&men, &women).unwrap()
}

#[test]
fn known_values_come_out_exactly_and_by_approximation() {
    let exact = tested(&ages(), Method::Exact);
    assert_close(exact.u, 17.0);
    assert_close(exact.p_two_sided(), 14.0 / 126.0);
    assert_close(exact.effect, 0.7);
    let normal = tested(&ages(), Method::Normal);
    assert!(close(normal.p_two_sided(), 0.111_346_886_533_140_41, 1e-12));
}

#[test]
fn without_overlap_only_one_of_all_ways_is_as_extreme() {
    let counts = OrderedCounts::of_samples(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]).unwrap();
    let test = mann_whitney(&counts).unwrap();
    assert_close(test.u, 9.0);
    assert_close(test.effect, 1.0);
    assert_close(test.p_higher, 1.0 / 20.0);
    assert_close(test.p_lower, 1.0);
}

/// Three of four and one of four: C(4,3)·C(4,1) + C(4,4)·C(4,0) of C(8,4).
#[test]
fn two_values_are_fishers_exact_test() {
    let counts = OrderedCounts::new([(1, 3), (3, 1)]).unwrap();
    let test = mann_whitney(&counts).unwrap();
    assert_close(test.p_higher, 17.0 / 70.0);
    assert_close(test.effect, 0.5);
}

#[test]
fn equal_samples_prove_nothing() {
    for method in [Method::Exact, Method::Normal] {
        let counts = OrderedCounts::of_samples(&[1.0; 5], &[1.0; 7]).unwrap();
        let test = tested(&counts, method);
        assert_close(test.p_higher, 1.0);
        assert_close(test.p_lower, 1.0);
        assert_close(test.effect, 0.0);
    }
}

#[test]
fn tails_of_the_normal_distribution_are_those_of_tables() {
    for (z, tail) in [
        (0.0, 0.5),
        (1.0, 0.158_655_253_931_457_05),
        (1.959_963_984_540_054, 0.025),
        (-1.0, 0.841_344_746_068_542_9),
        (3.0, 0.001_349_898_031_630_094_6),
        (5.0, 2.866_515_718_791_939e-7),
        (10.0, 7.619_853_024_160_527e-24),
    ] {
        let found = upper_tail(z);
        assert!((found / tail - 1.0).abs() < 1e-12, "{z}: {found}");
    }
    assert_eq!(upper_tail(f64::INFINITY), 0.0);
}

#[test]
fn what_cannot_be_ordered_is_refused() {
    assert_eq!(
        OrderedCounts::of_samples(&[f64::NAN], &[1.0]),
        Err(SamplesError::NotANumber)
    );
    assert_eq!(
        OrderedCounts::new(vec![(1, 1); MAX_CATEGORIES + 1]),
        Err(SamplesError::TooMany)
    );
    let infinite = OrderedCounts::of_samples(&[f64::INFINITY], &[f64::NEG_INFINITY]).unwrap();
    assert_close(mann_whitney(&infinite).unwrap().effect, 1.0);
    let zeros = OrderedCounts::of_samples(&[0.0], &[-0.0]).unwrap();
    assert_close(mann_whitney(&zeros).unwrap().effect, 0.0);
    assert_eq!(mann_whitney(&OrderedCounts::default()), None);
}

#[test]
fn counts_beyond_all_measure_stay_finite() {
    let counts = OrderedCounts::new([(u64::MAX, 1), (1, u64::MAX)]).unwrap();
    let test = mann_whitney(&counts).unwrap();
    for value in [test.u, test.p_higher, test.p_lower, test.effect] {
        assert!(value.is_finite(), "{test:?}");
    }
}

fn policy() -> ComparisonPolicy {
    ComparisonPolicy {
        worse: Worse::Higher,
        significance: DEFAULT_SIGNIFICANCE,
        least_effect: 0.147,
        least_samples: DEFAULT_LEAST_SAMPLES,
    }
}

#[test]
fn a_verdict_needs_samples_size_and_significance() {
    let outcome = |counts: &[(u64, u64)], policy| {
        compare(&OrderedCounts::new(counts.iter().copied()).unwrap(), policy).outcome
    };
    use ComparisonOutcome::{NotWorse, TooFewSamples, Worse as IsWorse};
    for (counts, expected) in [
        (&[(0, 19), (19, 0)][..], TooFewSamples),
        (&[(0, 20), (20, 0)], IsWorse),
        (&[(20, 0), (0, 20)], NotWorse),
        // Significant, but a difference of five points of a hundred only.
        (&[(45_000, 50_000), (55_000, 50_000)], NotWorse),
        // Large, but of few samples.
        (&[(8, 12), (12, 8)], NotWorse),
        (&[], TooFewSamples),
    ] {
        assert_eq!(outcome(counts, policy()), expected, "{counts:?}");
    }
    let lower = ComparisonPolicy {
        worse: Worse::Lower,
        ..policy()
    };
    assert_eq!(outcome(&[(20, 0), (0, 20)], lower), IsWorse);
}

#[test]
fn the_words_hold_all_numbers() {
    let counts = OrderedCounts::new([(0, 30), (25, 0)]).unwrap();
    let words = compare(&counts, policy()).numbers(policy());
    for part in [
        "effect 1.000 ≥ 0.147",
        "< 0.01",
        "25 samples",
        "30 of the primary",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
}

/// All ways to give `wanted` of the pooled samples to the canary, one by one.
fn by_enumeration(groups: &[(u64, u64)]) -> (f64, f64) {
    let mut values = Vec::new();
    for (value, (canary, primary)) in groups.iter().enumerate() {
        values.extend(std::iter::repeat_n(value, (canary + primary) as usize));
    }
    let wanted: u64 = groups.iter().map(|group| group.0).sum();
    let twice_u = |mask: u32| -> u64 {
        let mut twice = 0;
        for (at, own) in values
            .iter()
            .enumerate()
            .filter(|(at, _)| mask >> at & 1 == 1)
        {
            for (to, other) in values
                .iter()
                .enumerate()
                .filter(|(to, _)| mask >> to & 1 == 0)
            {
                assert_ne!(at, to);
                twice += match own.cmp(other) {
                    std::cmp::Ordering::Greater => 2,
                    std::cmp::Ordering::Equal => 1,
                    std::cmp::Ordering::Less => 0,
                };
            }
        }
        twice
    };
    let mut observed = 0;
    let mut at = 0;
    for (canary, primary) in groups {
        observed |= ((1_u32 << canary) - 1) << at;
        at += canary + primary;
    }
    let observed = twice_u(observed);
    let all: Vec<u64> = (0_u32..1 << values.len())
        .filter(|mask| u64::from(mask.count_ones()) == wanted)
        .map(twice_u)
        .collect();
    let share = |count: usize| count as f64 / all.len() as f64;
    (
        share(all.iter().filter(|u| **u >= observed).count()),
        share(all.iter().filter(|u| **u <= observed).count()),
    )
}

fn few_counts() -> impl Strategy<Value = Vec<(u64, u64)>> {
    proptest::collection::vec((0_u64..3, 0_u64..3), 1..4)
        .prop_filter("both sides have samples", |groups| {
            groups.iter().any(|it| it.0 > 0) && groups.iter().any(|it| it.1 > 0)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exact_probabilities_are_those_of_an_enumeration(groups in few_counts()) {
        let counts = OrderedCounts::new(groups.iter().copied()).unwrap();
        let test = tested(&counts, Method::Exact);
        let (higher, lower) = by_enumeration(&groups);
        prop_assert!(close(test.p_higher, higher, 1e-12), "{test:?} {higher}");
        prop_assert!(close(test.p_lower, lower, 1e-12), "{test:?} {lower}");
    }

    #[test]
    fn changing_sides_turns_everything_round(
        counts in proptest::collection::vec((0_u64..500, 0_u64..500), 1..30)
    ) {
        let turned = counts.iter().map(|(canary, primary)| (*primary, *canary));
        let one = mann_whitney(&OrderedCounts::new(counts.iter().copied()).unwrap());
        let other = mann_whitney(&OrderedCounts::new(turned).unwrap());
        if let (Some(one), Some(other)) = (one, other) {
            prop_assert!(close(one.effect, -other.effect, 1e-9));
            prop_assert!(close(one.p_higher, other.p_lower, 1e-9));
        }
    }

    #[test]
    fn exact_and_normal_agree_on_the_whole(
        counts in proptest::collection::vec((1_u64..3, 1_u64..3), 6..9)
    ) {
        let counts = OrderedCounts::new(counts).unwrap();
        let exact = tested(&counts, Method::Exact);
        let normal = tested(&counts, Method::Normal);
        prop_assert!(close(exact.p_higher, normal.p_higher, 0.05), "{exact:?} {normal:?}");
    }
}
