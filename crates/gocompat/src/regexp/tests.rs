use super::*;
use crate::recorded;
use proptest::prelude::*;

fn compiled(text: &str) -> Regexp {
    Regexp::compile(text).unwrap()
}

fn refused(text: &str) -> String {
    Regexp::compile(text).unwrap_err().to_string()
}

#[test]
fn recorded_expressions_agree() {
    recorded::play("regular expressions", "helm/regexp.jsonl.gz", |case| {
        let (text, subject) = (case["p"].as_str().unwrap(), case["s"].as_str().unwrap());
        let regexp = match Regexp::compile(text) {
            Ok(regexp) => regexp,
            Err(error) => {
                assert_eq!(Some(error.to_string().as_str()), case["err"].as_str());
                return;
            }
        };
        assert!(case.get("err").is_none(), "{text} is refused");
        let context = format!("{text:?} in {subject:?}");
        assert_eq!(case["match"], regexp.is_match(subject), "{context}");
        let found = regexp.find(subject).unwrap_or_default();
        assert_eq!(case["find"], found, "{context}");
        let all: Vec<&str> = regexp.find_all(subject).collect();
        let all = (!all.is_empty()).then_some(all);
        assert_eq!(case["all"], serde_json::json!(all), "{context}");
        let parts = serde_json::json!(regexp.split(subject));
        assert_eq!(case["split"], parts, "{context}");
        let replaced = regexp.replace_all(subject, "<$1$0>");
        assert_eq!(case["rep"], replaced, "{context}");
    });
}

#[test]
fn classes_of_perl_are_of_ascii() {
    for (text, matches, fails) in [
        (r"^\d$", "7", "\u{664}"),
        (r"^\w$", "_", "\u{e9}"),
        (r"^\s$", "\u{c}", "\u{b}"),
        (r"^\W$", "\u{e9}", "a"),
        (r"a\b", "a\u{e9}", "ab"),
        (r"(?i)^k$", "\u{212a}", "q"),
        (r"^[\d-z]$", "-", "a"),
        (r"^[[:^alpha:]]$", "1", "a"),
        (r"^\p{^Lu}$", "a", "A"),
        (r"^\pN$", "7", "a"),
        (r"^\x{41}\x42\103$", "ABC", "abc"),
        (r"^[]a]$", "]", "b"),
        (r"^[a&&b]$", "&", "c"),
        (r"^a{,2}$", "a{,2}", "aa"),
        (r"^(?i-i)a$", "a", "A"),
        (r"^\Qa.b\E+$", "a.bb", "axb"),
    ] {
        let regexp = compiled(text);
        assert!(regexp.is_match(matches), "{text} takes {matches}");
        assert!(!regexp.is_match(fails), "{text} refuses {fails}");
    }
}

#[test]
fn mistakes_are_told_as_go_tells_them() {
    for (text, told) in [
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?P<n-x>a)", "invalid named capture: `(?P<n-x>`"),
        ("(?<n", "invalid named capture: `(?<n`"),
        ("a)b", "unexpected ): `a)b`"),
        ("(a", "missing closing ): `(a`"),
        ("x|*a", "missing argument to repetition operator: `*`"),
        ("a*??", "invalid nested repetition operator: `*??`"),
        ("a{2}{3}x", "invalid nested repetition operator: `{2}{3}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{5,2}", "invalid repeat count: `{5,2}`"),
        ("(a{100}){100}", "invalid repeat count: `{100}`"),
        ("x[z-a]", "invalid character class range: `z-a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        ("x[]a", "missing closing ]: `[]a`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
    ] {
        assert_eq!(refused(text), format!("error parsing regexp: {told}"));
    }
}

#[test]
fn templates_name_groups_by_number_and_name() {
    let regexp = compiled("(?P<first>[a-z]+)-(?P<2x>[0-9]+)(z)?");
    for (template, made) in [
        ("$first:${2}", "app:12"),
        ("$1x", ""),
        ("${1}x", "appx"),
        ("$2x", "12"),
        ("$$1", "$1"),
        ("$ ${first ${}", "$ ${first ${}"),
        ("$3$9${none}", ""),
        ("$01", ""),
    ] {
        assert_eq!(regexp.replace_all("app-12", template), made, "{template}");
    }
    assert_eq!(regexp.replace_all_literal("app-12", "$1"), "$1");
}

#[test]
fn expressions_made_to_explode_are_refused() {
    let deep = "(".repeat(MAX_REGEXP_DEPTH + 1) + &")".repeat(MAX_REGEXP_DEPTH + 1);
    let mistake = |text: &str| Regexp::compile(text).unwrap_err().mistake;
    assert_eq!(mistake(&deep), RegexpMistake::TooDeep);
    let long = "a".repeat(MAX_REGEXP_BYTES + 1);
    assert_eq!(mistake(&long), RegexpMistake::TooLarge);
    assert_eq!(mistake(r"(\pL{100}\pN{100}){10}"), RegexpMistake::TooLarge);
    assert!(!compiled("(a*)*b").is_match(&"a".repeat(50_000)));
}

proptest! {
    #[test]
    fn no_expression_panics(text in r"[()\[\]{}*+?|^$.\\a-cdpPQExX0-9:<>=!,\-\u{e9}imsU]{0,16}") {
        if let Ok(regexp) = Regexp::compile(&text) {
            let _ = regexp.replace_all("abc-1\u{e9}", "$1");
            let _ = regexp.split("abc-1\u{e9}");
        }
    }
}
