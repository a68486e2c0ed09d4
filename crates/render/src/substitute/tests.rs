//! The dialect, as a table, and what is around it.

use super::template::MAX_NESTED_EXPANSIONS;
use super::*;
use trueup_kinds::SubstituteReference;
use trueup_object::value;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let mut variables = Variables::new();
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_bytes()));
    variables.add(&VariableSource::Inline, pairs).unwrap();
    variables
}

fn with_secret(name: &str, value: &str) -> Variables {
    let mut variables = Variables::new();
    let pair = [(name, value.as_bytes())];
    variables
        .add(&VariableSource::Secret("passwords".into()), pair)
        .unwrap();
    variables
}

fn example() -> Variables {
    variables(&[
        ("v", "hello world"),
        ("path", "/usr/local/bin"),
        ("file", "archive.tar.gz"),
        ("umlaut", "äöü"),
        ("mixed", "aBc"),
        ("empty", ""),
        ("one", "1"),
        ("_x9", "odd"),
    ])
}

#[test]
fn the_dialect_is_that_of_envsubst() {
    let variables = example();
    for (template, wanted) in [
        // Values, and what is none.
        ("a ${v} b", "a hello world b"),
        ("$v $ $1 ${_x9}", "$v $ $1 odd"),
        ("$$ $${v} $$$${v} $$${v}", "$ ${v} $${v} $hello world"),
        ("}{ \\$ \\\\", "}{ \\$ \\\\"),
        // Length in bytes, case.
        ("${#v} ${#umlaut} ${#empty}", "11 6 0"),
        (
            "${mixed^} ${mixed^^} ${mixed,} ${mixed,,}",
            "ABc ABC aBc abc",
        ),
        ("${umlaut^} ${umlaut^^} ${mixed^,}", "Äöü ÄÖÜ aBc"),
        // Parts.
        ("${v:6} ${v:0:5} ${v:-}", "world hello hello world"),
        ("${v: 6}", "hello world"),
        ("${v:99}${v:99:2}|${v:6:99}", "|world"),
        ("${v:x} ${v:1:x}", "hello world hello world"),
        ("${v:${one}:${one}}", "e"),
        ("${v:0::5}", "hello"),
        // Trimming by patterns.
        ("${file#*.} ${file##*.}", "tar.gz gz"),
        ("${file%.*} ${file%%.*}", "archive.tar archive"),
        ("${path##*/} ${path%/*}", "bin /usr/local"),
        (
            "${v#h?l} ${v#[a-h]} ${v#[^a-h]}",
            "lo world ello world hello world",
        ),
        ("${v#[} ${v%]}", "hello world hello world"),
        ("${v#hello*} ${v##*}|", " world |"),
        // Replacing.
        (
            "${v/o/0} ${v//o/0} ${v//o/}",
            "hell0 world hell0 w0rld hell wrld",
        ),
        ("${v/#hello/bye} ${v/%world/all}", "bye world hello all"),
        ("${v/#hello/} ${v/%world/}", "hello world hello world"),
        (
            "${path/\\/usr/\\/opt} ${path//\\//:}",
            "/opt/local/bin :usr:local:bin",
        ),
        ("${v/o//0} ${v/l/$$}", "hell0 world he$lo world"),
        ("${v//${empty}/-}", "-h-e-l-l-o- -w-o-r-l-d-"),
        // Defaults: all alike.
        (
            "${gone=d} ${gone:=d} ${gone:-d} ${gone:?d} ${gone:+d}",
            "d d d d d",
        ),
        ("${empty:=d} ${v:=d} ${v:+d}", "d hello world hello world"),
        (
            "${gone:=} ${gone:=a ${v} b} ${gone:=${more:-${v}}}",
            " a hello world b hello world",
        ),
        ("${gone:=$$x} ${gone:-a:b/c#d}", "$$x a:b/c#d"),
    ] {
        let made = substitute(template, &variables, Strictness::Strict).map(|made| made.text);
        assert_eq!(made.as_deref(), Ok(wanted), "{template}");
    }
}

#[test]
fn what_envsubst_refuses_is_refused_in_its_words() {
    for (template, wanted) in [
        ("${v", "missing closing brace"),
        ("${v-d}", "missing closing brace"),
        ("${arr[@]}", "missing closing brace"),
        ("${v +}", "missing closing brace"),
        ("${}", "unable to parse variable name"),
        ("${ v}", "unable to parse variable name"),
        ("${!v}", "unable to parse variable name"),
        ("${#}", "bad substitution"),
        ("${#v:1}", "bad substitution"),
        ("${v:", "bad substitution"),
        ("${v:ä}", "bad substitution"),
        ("${v,,,}", "bad substitution"),
        ("${v/o}", "bad substitution"),
        ("${v:1${v}}", "bad substitution"),
        ("${v/o/${v}x}", "bad substitution"),
        ("${v:}", "unable to parse substitution within function"),
        ("${v::1}", "unable to parse substitution within function"),
        ("${v:1:}", "unable to parse substitution within function"),
        ("${v#}", "unable to parse substitution within function"),
        ("${v///x}", "unable to parse substitution within function"),
        ("${v:=x", "unable to parse substitution within function"),
        ("${v:=${w}", "unable to parse substitution within function"),
    ] {
        match substitute(template, &example(), Strictness::Lenient) {
            Err(SubstituteError::Syntax(error)) => assert_eq!(error.reason(), wanted, "{template}"),
            other => panic!("{template}: {other:?}"),
        }
    }
}

#[test]
fn a_mistake_names_the_innermost_variable() {
    let error = substitute("${a:=${b[0]}}", &example(), Strictness::Lenient).unwrap_err();
    assert_eq!(
        error.to_string(),
        "variable substitution failed: missing closing brace: in the expansion of \"b\""
    );
}

#[test]
fn a_variable_that_nothing_sets_is_an_error_only_in_strict_mode() {
    for template in [
        "${gone}",
        "${#gone}",
        "${gone^^}",
        "${gone:1}",
        "${gone/a/b}",
        "${v:=${gone}}",
    ] {
        let strict = substitute(template, &example(), Strictness::Strict).unwrap_err();
        assert_eq!(
            strict.to_string(),
            "variable substitution failed: variable not set (strict mode): \"gone\"",
            "{template}"
        );
        assert!(
            substitute(template, &example(), Strictness::Lenient).is_ok(),
            "{template}"
        );
    }
    let made = substitute("a${gone}b${#gone}", &example(), Strictness::Lenient).unwrap();
    assert_eq!(made.text, "ab0");
}

#[test]
fn a_negative_length_is_an_error() {
    let error = substitute("${v:2:-1}", &example(), Strictness::Strict).unwrap_err();
    assert_eq!(error, SubstituteError::NegativeLength { name: "v".into() });
}

#[test]
fn signs_that_are_cut_apart_are_an_error() {
    for template in ["${umlaut:1}", "${umlaut:0:3}", "${umlaut#?}${umlaut:5}"] {
        let error = substitute(template, &example(), Strictness::Strict).unwrap_err();
        assert_eq!(error, SubstituteError::NotUtf8, "{template}");
    }
}

#[test]
fn what_would_take_forever_ends() {
    let deep = "${a:=".repeat(MAX_NESTED_EXPANSIONS + 1) + &"}".repeat(MAX_NESTED_EXPANSIONS + 1);
    assert!(matches!(
        substitute(&deep, &example(), Strictness::Lenient),
        Err(SubstituteError::Syntax(error)) if error.reason().contains("more than 64")
    ));
    let long = "x".repeat(1024 * 1024);
    let bomb = variables(&[("x", &long)]);
    let error = substitute(&"${x}".repeat(17), &bomb, Strictness::Strict).unwrap_err();
    assert!(matches!(error, SubstituteError::TooLong { .. }));
    let error = substitute("${x//x/${x}}", &bomb, Strictness::Strict).unwrap_err();
    assert!(matches!(error, SubstituteError::TooLong { .. }));
    let alike = variables(&[
        ("x", &"a".repeat(2 << 20)),
        ("y", &("a".repeat(1 << 20) + "b")),
    ]);
    let found = substitute("${#x}${x//${y}/}", &alike, Strictness::Strict).unwrap();
    assert_eq!(found.text.len(), 7 + (2 << 20));
    for (template, variables) in [
        ("${x#*a*b*c}", &bomb),
        ("${x##${y}}", &alike),
        // Words cost also where they are not needed.
        (&*"${x:=${x^^}}".repeat(16), &bomb),
        (&*"${x:=${y//a/${y}}}".repeat(16), &alike),
        (&*"${#x}${x/${y}/}".repeat(16), &alike),
    ] {
        let refused = substitute(template, variables, Strictness::Strict).unwrap_err();
        let is_expected = matches!(
            refused,
            SubstituteError::TooMuchEffort { .. } | SubstituteError::TooLong { .. }
        );
        assert!(is_expected, "{refused}");
    }
    let unused = "${one:=${x^^}}".repeat(1000);
    let with_one = variables(&[("one", "1"), ("x", &long)]);
    let error = substitute(&unused, &with_one, Strictness::Strict).unwrap_err();
    assert!(matches!(error, SubstituteError::TooMuchEffort { .. }));
}

#[test]
fn a_mistake_in_a_pattern_counts_only_where_the_value_reaches_it() {
    for (value, template, wanted) in [
        // Reached: the value stays.
        ("ab", "${v#a[}", "ab"),
        ("ab", "${v#*a[}", "ab"),
        ("ab", "${v##?\\}", "ab"),
        ("ab", "${v#[]a]}", "ab"),
        ("ab", "${v#[a-]}", "ab"),
        // Not reached, since what stands before does not fit.
        ("ab", "${v#x[}", "ab"),
        // Escapes, ranges, stars in classes.
        ("a*b", "${v#a\\*}", "b"),
        ("*b", "${v#[*]}", "b"),
        ("]b", "${v#[\\]]}", "b"),
        ("-b", "${v#[^a-z]}", "b"),
        ("äb", "${v#[ß-ü]}", "b"),
        ("äb", "${v#??}", ""),
        // Back to the last star, and no further.
        ("aXbXc", "${v#*X}", "bXc"),
        ("aXbXc", "${v##*X}", "c"),
        ("aab", "${v##*ab}", ""),
        ("abcabd", "${v##a*b?}", ""),
        ("abcabd", "${v#a**b?}", "abd"),
        ("abc", "${v#abcd*}", "abc"),
    ] {
        let made = substitute(template, &variables(&[("v", value)]), Strictness::Strict);
        assert_eq!(made.unwrap().text, wanted, "{template} of {value}");
    }
}

#[test]
fn names_are_checked_and_newlines_go() {
    let mut variables = Variables::new();
    for name in ["", "1a", "a-b", "a.b", "ä", "a b"] {
        let error = variables
            .add(
                &VariableSource::ConfigMap("settings".into()),
                [(name, &b"x"[..])],
            )
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "ConfigMap/settings: '{name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'"
            )
        );
    }
    let pairs = [("a", &b"one\ntwo\r\n"[..])];
    variables.add(&VariableSource::Inline, pairs).unwrap();
    assert_eq!(variables.get("a").unwrap().value(), b"onetwo\r");
}

#[test]
fn a_reference_gives_the_texts_of_its_object() {
    let reference = |kind: &str| SubstituteReference {
        kind: kind.into(),
        name: "from".into(),
        ..SubstituteReference::default()
    };
    let object = value!({"data": {"a": "MQ==", "b": ""}});
    let of = |kind: &str| ReferencedVariables::of(&reference(kind), &object).unwrap();
    assert_eq!(
        of("ConfigMap").pairs,
        [("a".into(), b"MQ==".to_vec()), ("b".into(), Vec::new())]
    );
    assert_eq!(
        of("Secret").pairs,
        [("a".into(), b"1".to_vec()), ("b".into(), Vec::new())]
    );
    for data in [value!({"a": "?"}), value!({"a": 1})] {
        let object = value!({"data": (data)});
        let refused = ReferencedVariables::of(&reference("Secret"), &object).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "post build failed: substitute from 'Secret/from' error: its data is not base64"
        );
    }
}

#[test]
fn later_variables_win_and_the_specification_over_all() {
    let from = |source: VariableSource, pairs: &[(&str, &str)]| ReferencedVariables {
        source,
        pairs: pairs
            .iter()
            .map(|(name, value)| ((*name).into(), value.as_bytes().to_vec()))
            .collect(),
    };
    let post_build = PostBuild {
        substitute: [("c".into(), "inline".into())].into(),
        ..PostBuild::default()
    };
    let referenced = [
        from(
            VariableSource::ConfigMap("one".into()),
            &[("a", "1"), ("b", "1"), ("c", "1")],
        ),
        from(
            VariableSource::Secret("two".into()),
            &[("b", "2"), ("c", "2")],
        ),
    ];
    let substitution = Substitution::of(&post_build, &referenced, Strictness::Strict).unwrap();
    let made = substitute(
        "${a} ${b} ${c}",
        &substitution.variables,
        Strictness::Strict,
    )
    .unwrap();
    assert_eq!(made.text, "1 2 inline");
    assert_eq!(
        made.secrets.into_iter().collect::<Vec<_>>(),
        [b"2".to_vec()]
    );
    assert!(substitution.takes_place());
    let nothing = Substitution::of(&PostBuild::default(), &[], Strictness::Strict).unwrap();
    assert!(!nothing.takes_place());
}

#[test]
fn what_a_secret_s_value_becomes_is_told_apart() {
    let secret = with_secret("pw", "Hunter2");
    let template = "${pw} ${pw,,} ${x:=a ${pw} b} ${x/${pw}/y} ${#pw} ${y:=plain}";
    let made = substitute(template, &secret, Strictness::Lenient).unwrap();
    let secrets: Vec<_> = made
        .secrets
        .iter()
        .map(|it| String::from_utf8_lossy(it))
        .collect();
    assert_eq!(secrets, ["", "Hunter2", "a Hunter2 b", "hunter2"]);
    assert!(!format!("{secret:?}").contains("Hunter2"));
}
