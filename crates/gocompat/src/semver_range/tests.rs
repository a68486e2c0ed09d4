use super::*;
use crate::recorded;
use proptest::prelude::*;

fn matches(range: &str, version: &str) -> bool {
    SemverRange::parse(range)
        .unwrap()
        .matches(&parse_version(version).unwrap())
}

#[test]
fn common_constraints_choose_what_they_say() {
    for (range, inside, outside) in [
        ("^1.2.3", "1.9.0", "2.0.0"),
        ("~1.2", "1.2.9", "1.3.0"),
        ("1.x", "1.99.1", "2.0.0"),
        (">=1.2 <2", "v1.5", "2.0.0"),
        (">= 1.2, < 2", "1.2.0", "1.1.9"),
        ("1.2 - 1.4.5", "1.4.5", "1.4.6"),
        ("^1 || ^3", "3.2.1", "2.0.0"),
        ("*", "0.0.1", "1.0.0-rc.1"),
        (">=1.0.0-0", "1.0.1-rc.1", "0.9.0"),
        ("^0.2.3", "0.2.9", "0.3.0"),
        ("!=1.x", "2.0.0", "1.5.0"),
        ("^*", "7.0.0", "7.0.0-rc.1"),
    ] {
        assert!(matches(range, inside), "{range} takes {inside}");
        assert!(!matches(range, outside), "{range} refuses {outside}");
    }
}

#[test]
fn what_is_no_constraint_or_version_is_refused() {
    for text in ["", "latest", "1.2.3.4", ">=1.2.3<2", "^1 ||"] {
        assert!(SemverRange::parse(text).is_err(), "{text}");
    }
    assert_eq!(parse_version("1.2.3-01"), Err(VersionError::LeadingZero));
    assert_eq!(parse_version("1.2.3.4"), Err(VersionError::Invalid));
    assert_eq!(parse_version("01.2").unwrap().to_string(), "1.2.0");
}

#[test]
fn recorded_constraints_agree() {
    recorded::play("version constraints", "helm/semver.jsonl.gz", |case| {
        let (range, version) = (case["c"].as_str().unwrap(), case["v"].as_str().unwrap());
        let parsed = SemverRange::parse(range);
        assert_eq!(
            parsed.as_ref().err().map(ToString::to_string).as_deref(),
            case["cerr"].as_str()
        );
        let read = parse_version(version);
        assert_eq!(
            read.as_ref().err().map(ToString::to_string).as_deref(),
            case["verr"].as_str()
        );
        if let (Ok(parsed), Ok(read)) = (parsed, read) {
            assert_eq!(
                Some(parsed.matches(&read)),
                case["ok"].as_bool(),
                "{range} {version}"
            );
        }
    });
}

proptest! {
    #[test]
    fn a_version_matches_itself_and_its_caret(major in 0..50_u64, minor in 0..50_u64, patch in 0..50_u64) {
        let text = format!("{major}.{minor}.{patch}");
        let prefixed = format!("v{text}");
        for range in [format!("={text}"), format!("^{text}"), format!("~{text}"), format!(">={text}, <={text}")] {
            prop_assert!(matches(&range, &prefixed));
        }
        let not = format!("!={text}");
        prop_assert!(!matches(&not, &text));
    }
}
