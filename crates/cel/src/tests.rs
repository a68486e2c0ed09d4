//! What is read, what is refused, and where mistakes are said to be.

use super::*;

/// Reads in the widest syntax.
fn read(text: &str) -> Result<Tree, ReadError> {
    super::read(text, Syntax::WithOptionals)
}

fn refused(text: &str) -> ReadError {
    match read(text) {
        Ok(_) => panic!("{text:.60} is read"),
        Err(error) => error,
    }
}

/// Each within itself, in the ways that the grammar has for it: the name, what
/// opens, what stands inside, what closes.
const NESTINGS: [(&str, &str, &str, &str); 20] = [
    ("parentheses", "(", "1", ")"),
    ("lists", "[", "1", "]"),
    ("maps", "{'a': ", "1", "}"),
    ("keys of maps", "{", "1", ": 2}"),
    ("messages", "A{c: ", "1", "}"),
    ("functions", "f(", "1", ")"),
    ("methods", "a.f(", "1", ")"),
    ("indexes", "a[", "1", "]"),
    ("optional indexes", "a[?", "1", "]"),
    ("choices", "a ? b : ", "c", ""),
    ("conditions", "(", "a", " ? b : c)"),
    ("negations", "!(", "a", ")"),
    ("signs", "-(", "1", ")"),
    ("sums", "1 + (", "1", ")"),
    ("conjunctions", "a && (", "b", ")"),
    ("chains of fields", "a.", "b", ""),
    ("chains of sums", "1 + ", "1", ""),
    ("chains of comparisons", "1 < ", "1", ""),
    ("chains of indexes", "", "a", "[0]"),
    ("chains of calls", "", "a", ".f()"),
];

#[test]
fn whatever_nests_without_end_is_refused_before_it_is_followed() {
    for (name, open, inner, close) in NESTINGS {
        let nested = |times: usize| format!("{}{inner}{}", open.repeat(times), close.repeat(times));
        assert!(read(&nested(90)).is_ok(), "{name}: {:?}", read(&nested(90)));
        assert_eq!(refused(&nested(97)), ReadError::TooDeep, "{name}");
        let is_refused = matches!(
            refused(&nested(2_000)),
            ReadError::TooDeep | ReadError::TooManyOperators | ReadError::TooLong { .. }
        );
        assert!(is_refused, "{name}: {:?}", refused(&nested(2_000)));
    }
    // A macro makes several levels of one.
    let macros = |times: usize| format!("{}x{}", "l.all(x, ".repeat(times), ")".repeat(times));
    assert!(read(&macros(30)).is_ok());
    assert_eq!(refused(&macros(97)), ReadError::TooDeep);
    for open in ["(", "[", "{", "[{(", "!(", "a ? b : ", "a[", "a.b("] {
        assert_eq!(refused(&open.repeat(1_000)), ReadError::TooDeep, "{open}");
    }
}

#[test]
fn unary_operators_in_a_row_are_read_in_pairs() {
    for sign in ["!", "-", "! ", "- "] {
        for (times, same) in [(1_000, "a"), (1_001, &format!("{sign}a"))] {
            let many = format!("{}a", sign.repeat(times));
            assert_eq!(shape(&many), shape(same), "{times} times {sign}");
        }
    }
    assert!(read("a !!b").is_err() && read("!!").is_err() && read("a - -").is_err());
}

/// A tree without the numbers of its parts.
fn shape(text: &str) -> String {
    let tree = read(text).unwrap_or_else(|error| panic!("{text:.60}: {error}"));
    let printed = format!("{:?}", tree.expr);
    let parts = printed.split("id: ");
    parts
        .map(|part| part.trim_start_matches(|sign: char| sign.is_ascii_digit()))
        .collect()
}

#[test]
fn what_is_long_but_not_deep_is_read() {
    for text in [
        format!("true{}", " && true".repeat(300)),
        format!("[{}]", vec!["a ? 1 : 2"; 200].join(", ")),
        vec!["(a ? b : c)"; 200].join(" && "),
        format!("f({})", vec!["(1)"; 1_000].join(", ")),
        format!("'{}'", "(".repeat(10_000)),
        format!("a // {}", "(".repeat(10_000)),
    ] {
        assert!(read(&text).is_ok(), "{text:.60}: {:?}", read(&text));
    }
    let long = format!("'{}'", "x".repeat(MAX_EXPRESSION_BYTES));
    assert_eq!(refused(&long), ReadError::TooLong { bytes: 16_386 });
    assert_eq!(refused(&"a + ".repeat(1_001)), ReadError::TooManyOperators);
}

/// Where we see a text and the parser sees signs, they would reach it.
#[test]
fn literals_hide_nothing_from_the_parser() {
    let deep = "(".repeat(200);
    for text in [
        format!(r#"""'a' + ""'{deep}'"#),
        format!(r#"'''a'''""'{deep}'"#),
        format!(r"r'\' + '{deep}'"),
        format!(r"'''\''' + '{deep}'''"),
        format!("b'''x''''''y{deep}'''"),
    ] {
        // Read or refused: the parser neither panics nor overflows.
        let _ = read(&text);
    }
    assert!(read(&format!("'''it''s {deep}''' == \"{deep}\"")).is_ok());
    assert_eq!(shape(r"r'\d' == '''\\d'''"), shape(r"'\\d' == '\\d'"));
}

#[test]
fn mistakes_are_told_where_they_stand_in_the_text_that_was_given() {
    for (text, words) in [
        ("self >", "ERROR: <input>:1:7: Syntax error: "),
        (r"r'\d' == '''x''' >", "ERROR: <input>:1:19: Syntax error: "),
        ("a &&\n  !!b c", "ERROR: <input>:2:7: Syntax error: "),
        (
            "größe # 1",
            "ERROR: <input>:1:3: Syntax error: token recognition error at: 'öße # 1': ",
        ),
        (
            "a == 'b",
            "ERROR: <input>:1:6: Syntax error: token recognition error at: ''b': a literal that begins with ' has no end",
        ),
    ] {
        let told = refused(text).to_string();
        assert!(told.starts_with(words), "{text}: {told}");
    }
    let told = refused("a &&\n\tb c").to_string();
    assert!(told.ends_with("\n |  b c\n | ...^"), "{told}");
    let told = refused(&"a ".repeat(8_000)).to_string();
    assert!(told.len() < 8_192, "{}", told.len());
    assert_eq!(
        report("'ä' + 'ö' ?", 12, "no"),
        "ERROR: <input>:1:11: no\n | 'ä' + 'ö' ?\n | .．.....．..^"
    );
}

#[test]
fn optional_syntax_is_read_only_where_it_is_allowed() {
    for text in ["a.?b", "a[?0]", "[?a]", "{?a: b}"] {
        assert!(read(text).is_ok(), "{text}");
        let told = super::read(text, Syntax::Standard).unwrap_err().to_string();
        assert!(told.contains("unsupported syntax '"), "{text}: {told}");
    }
}
