use super::*;
use crate::recorded;
use proptest::prelude::*;

#[test]
fn recorded_patterns_agree() {
    recorded::play("file patterns", "helm/glob.jsonl.gz", |case| {
        let (pattern, name) = (case["p"].as_str().unwrap(), case["n"].as_str().unwrap());
        let glob = Glob::compile(pattern);
        let refused = glob.as_ref().err().map(ToString::to_string);
        assert_eq!(refused.as_deref(), case["gerr"].as_str(), "{pattern}");
        if let Ok(glob) = glob {
            let found = Some(glob.matches(name));
            assert_eq!(found, case["glob"].as_bool(), "{pattern} {name}");
        }
        let path = match_path(pattern, name);
        let refused = path.as_ref().err().map(ToString::to_string);
        assert_eq!(refused.as_deref(), case["ferr"].as_str(), "{pattern}");
        assert_eq!(path.ok(), case["fpmatch"].as_bool(), "{pattern} {name}");
    });
}

#[test]
fn patterns_match_what_they_say() {
    for (pattern, matches, fails) in [
        ("*.yaml", "a.yaml", "b/a.yaml"),
        ("**.yaml", "b/a.yaml", "a.yml"),
        ("{a,b*}/?", "bcd/x", "c/x"),
        ("[!a-c]", "d", "b"),
        ("[]", "", ""),
        (r"a\*", "a*", "ab"),
    ] {
        let Ok(glob) = Glob::compile(pattern) else {
            assert_eq!(pattern, "[]");
            continue;
        };
        assert!(glob.matches(matches), "{pattern} takes {matches}");
        assert!(!glob.matches(fails), "{pattern} refuses {fails}");
    }
    assert_eq!(match_path("[^a-c]?", "d/"), Ok(false));
    assert_eq!(match_path("[c-a]", "b"), Ok(false));
    assert_eq!(match_path("b*[", "a"), Ok(false));
    assert_eq!(match_path("a*[", "a"), Err(BadPattern));
}

#[test]
fn bad_patterns_are_told_as_go_tells_them() {
    for (pattern, told) in [
        ("[a", "unexpected end of input"),
        ("[a-z", "unexpected end of input"),
        ("[a-bc]", "expected close range character"),
        ("[]", "could not parse range"),
        ("[z-a]", "hi character 'a' should be greater than lo 'z'"),
        ("\u{fffd}", "could not read rune"),
    ] {
        let error = Glob::compile(pattern).unwrap_err();
        assert_eq!(error.to_string(), told, "{pattern}");
    }
    for pattern in ["[", "[]", "[a-]", "[-a]", "a\\", "[^]"] {
        assert_eq!(match_path(pattern, "x"), Err(BadPattern), "{pattern}");
    }
}

#[test]
fn patterns_made_to_explode_are_refused() {
    let long = "*".repeat(MAX_GLOB_BYTES + 1);
    assert_eq!(Glob::compile(&long).unwrap_err(), GlobError::TooLarge);
    assert_eq!(match_path(&long, "a"), Err(BadPattern));
    let deep = "{".repeat(MAX_GLOB_BYTES);
    assert_eq!(Glob::compile(&deep).unwrap_err(), GlobError::TooLarge);
    let stars = Glob::compile(&"*a".repeat(100)).unwrap();
    assert!(!stars.matches(&"a".repeat(5_000).replace("aaaaa", "aaaa/")));
}

proptest! {
    #[test]
    fn no_pattern_panics(pattern in "[\\[\\]{},*?!^\\\\a-c/\u{e9}-]{0,12}", name in "[a-c/]{0,6}") {
        let glob = Glob::compile(&pattern);
        let _ = glob.map(|glob| glob.matches(&name));
        let _ = match_path(&pattern, &name);
    }
}
