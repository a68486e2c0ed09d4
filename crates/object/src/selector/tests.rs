use super::*;
use crate::value;
use proptest::prelude::*;

fn labels() -> Map {
    value!({"app": "web", "tier": "front", "size": "12"})
        .as_map()
        .unwrap()
        .clone()
}

#[test]
fn text_selectors_match_as_in_kubernetes() {
    for (text, expected) in [
        ("", true),
        ("app=web", true),
        ("app==web", true),
        ("app!=web", false),
        ("other!=web", true),
        ("app in (web, api)", true),
        ("app notin (web)", false),
        ("other notin (web)", true),
        ("app", true),
        ("!app", false),
        ("!other,app", true),
        ("size>11,size<13", true),
        ("size>12", false),
        ("app>1", false),
        ("other=", false),
        (" app = web , tier in ( front ) ", true),
        ("in in (in)", false),
    ] {
        assert_eq!(
            Selector::parse(text).unwrap().matches(&labels()),
            expected,
            "{text}"
        );
    }
}

#[test]
fn bad_selectors_are_refused_in_the_words_of_the_api() {
    for (text, message) in [
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        (
            "a in web",
            "unable to parse requirement: found 'web' expected: '('",
        ),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        (
            "!",
            "unable to parse requirement: found '', expected: identifier",
        ),
        (
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            "(a)",
            "found '(', expected: !, identifier, or 'end of string'",
        ),
        (
            "a in (x",
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        (
            ",,",
            "found ',', expected: !, identifier, or 'end of string'",
        ),
        ("a=b,", "found '', expected: identifier after ','"),
    ] {
        assert_eq!(
            Selector::parse(text).unwrap_err().message,
            message,
            "{text}"
        );
    }
    assert!(Selector::parse(&format!("a={}", "v".repeat(64))).is_err());
    assert!(Selector::parse("-bad=x").unwrap_err().message.starts_with(
        "unable to parse requirement: <nil>: Invalid value: \"-bad\": name part must consist of"
    ));
}

#[test]
fn structured_selectors_say_the_same() {
    let selector = value!({
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    });
    let selector = Selector::from_label_selector(Some(&selector)).unwrap();
    assert!(selector.matches(&labels()));
    assert_eq!(selector.to_string(), "app=web,!old,tier in (back,front)");
    assert!(
        !Selector::from_label_selector(None)
            .unwrap()
            .matches(&labels())
    );
    assert!(
        Selector::from_label_selector(Some(&Value::map()))
            .unwrap()
            .matches(&labels())
    );
    let wrong = value!({"matchExpressions": [{"key": "a", "operator": "Like"}]});
    assert!(Selector::from_label_selector(Some(&wrong)).is_err());
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let values = prop::collection::vec("[a-z0-9]{0,3}".prop_map(Text::from), 1..4);
    ("[a-z]{1,5}(/[a-z]{1,4})?", 0..6_u8, values).prop_map(|(key, operator, values)| {
        let first = values[..1].to_vec();
        let (operator, values) = match operator {
            0 => (Operator::Equals, first),
            1 => (Operator::NotEquals, first),
            2 => (Operator::In, values),
            3 => (Operator::NotIn, values),
            4 => (Operator::Exists, vec![]),
            _ => (Operator::DoesNotExist, vec![]),
        };
        Requirement::new(&key, operator, values).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(all in prop::collection::vec(requirement(), 0..5)) {
        let selector = Selector::all_of(all);
        prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn no_text_panics(text in "[a-z!=(), <>\u{e9}]{0,24}") {
        let _ = Selector::parse(&text);
    }
}
