use super::*;
use std::collections::HashSet;

fn events(text: &str, dialect: Dialect) -> Result<Vec<String>, String> {
    let limits = SyntaxLimits { max_depth: 16 };
    let mut parser = Parser::new(text, dialect, limits).map_err(|error| error.go_text())?;
    let mut found = Vec::new();
    loop {
        let (event, mark) = parser.next().map_err(|error| error.go_text())?;
        let told = match event {
            Event::StreamEnd => return Ok(found),
            Event::DocumentStart => "---".to_owned(),
            Event::DocumentEnd => "...".to_owned(),
            Event::Alias(name) => format!("*{name}"),
            Event::Scalar(text, style, properties) => {
                let Properties { anchor, tag, .. } = properties;
                let anchor = anchor.map(|name| format!("&{name} ")).unwrap_or_default();
                let tag = tag.map(|tag| format!("<{tag}> ")).unwrap_or_default();
                format!("{anchor}{tag}{style:?} {text:?}")
            }
            Event::SequenceStart(_) => "[".to_owned(),
            Event::SequenceEnd => "]".to_owned(),
            Event::MappingStart(_) => "{".to_owned(),
            Event::MappingEnd => "}".to_owned(),
        };
        found.push(format!("{}:{} {told}", mark.line + 1, mark.column + 1));
    }
}

fn told(text: &str) -> String {
    events(text, Dialect::Version2).map_or_else(|error| error, |found| found.join(", "))
}

#[test]
fn values_are_found_where_they_stand() {
    for (text, wanted) in [
        ("", ""),
        (
            "a: b\n",
            "1:1 ---, 1:1 {, 1:1 Plain \"a\", 1:4 Plain \"b\", 2:1 }, 2:1 ...",
        ),
        (
            "- &x !!str 1\n- *x\n-\n",
            "1:1 ---, 1:1 [, 1:3 &x <tag:yaml.org,2002:str> Plain \"1\", 2:3 *x, 3:2 Plain \"\", 4:1 ], 4:1 ...",
        ),
        (
            "[a: 1, ? b]",
            "1:1 ---, 1:1 [, 1:2 {, 1:2 Plain \"a\", 1:5 Plain \"1\", 1:6 }, 1:8 {, 1:10 Plain \"b\", 1:11 Plain \"\", 1:11 }, 1:11 ], 2:1 ...",
        ),
        (
            "k:\n- é: |+\n    x\n\n",
            "1:1 ---, 1:1 {, 1:1 Plain \"k\", 2:1 [, 2:3 {, 2:3 Plain \"é\", 2:6 Literal \"x\\n\\n\", 5:1 }, 5:1 ], 5:1 }, 5:1 ...",
        ),
    ] {
        assert_eq!(told(text), wanted, "{text:?}");
    }
}

#[test]
fn lines_fold_as_in_yaml_1_1() {
    for (text, wanted) in [
        ("a\n b\n\n c", "Plain \"a b\\nc\""),
        ("'a\n\n\n b ' ", "SingleQuoted \"a\\n\\nb \""),
        ("\"a \\\n  b\\x41\\u263a\"", "DoubleQuoted \"a bA☺\""),
        (">-\n a\n b\n\n c\n  d\n", "Folded \"a b\\nc\\n d\""),
        ("|2\n   a\n  b", "Literal \" a\\nb\""),
        ("a\u{85}b", "Plain \"a b\""),
        ("a\u{2028}b", "Plain \"a\\u{2028}b\""),
        ("a\r\n\r\nb", "Plain \"a\\nb\""),
    ] {
        let found = told(text);
        assert!(found.contains(wanted), "{text:?}: {found}");
    }
}

#[test]
fn mistakes_are_told_as_go_tells_them() {
    for (text, wanted) in [
        (
            "a: b: c",
            "yaml: mapping values are not allowed in this context",
        ),
        (
            "x: 1\n  y: 2",
            "yaml: line 2: mapping values are not allowed in this context",
        ),
        ("{", "yaml: line 1: did not find expected node content"),
        (
            "a: 1\nkind: [a",
            "yaml: line 2: did not find expected ',' or ']'",
        ),
        (
            "a: 1\nkind: \"b",
            "yaml: line 2: found unexpected end of stream",
        ),
        (
            "a: 1\n\tb: c",
            "yaml: line 2: found a tab character that violates indentation",
        ),
        (
            "a: 1\nb: @c",
            "yaml: line 2: found character that cannot start any token",
        ),
        (
            "- a\nb: c",
            "yaml: line 1: did not find expected '-' indicator",
        ),
        ("a: b\n- c", "yaml: line 1: did not find expected key"),
        (
            "a\nb\nc: d",
            "yaml: line 3: mapping values are not allowed in this context",
        ),
        ("a: 1\nb\n", "yaml: line 3: could not find expected ':'"),
        ("%YAML 1.2\n---\n", "yaml: found incompatible YAML document"),
        ("a: !x!y z", "yaml: found undefined tag handle"),
        ("a: |0\n", "yaml: found an indentation indicator equal to 0"),
        ("a: \"\\q\"", "yaml: found unknown escape character"),
        (
            "a: &$ b",
            "yaml: did not find expected alphabetic or numeric character",
        ),
    ] {
        assert_eq!(told(text), wanted, "{text:?}");
    }
}

#[test]
fn the_later_library_sees_two_tokens_further() {
    let text = "a: 1\n---\n@\n";
    let limits = SyntaxLimits { max_depth: 16 };
    let first = |dialect| {
        let mut parser = Parser::new(text, dialect, limits)?;
        (0..6).try_for_each(|_| parser.next().map(|_| ()))
    };
    assert!(first(Dialect::Version2).is_ok());
    assert!(first(Dialect::Version3).is_err());
}

/// A recorded text as kustomize was given it, as the value of a key, and as
/// it reads its files: with line feeds, the first document.
fn as_value(text: &str) -> String {
    let indent = |line: &str| match line {
        "" => "\n".to_owned(),
        _ => format!("  {line}\n"),
    };
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines: String = text.split('\n').map(indent).collect();
    let object = format!("apiVersion: v1\nkind: X\nmetadata:\n  name: a\nspec:\n{lines}");
    object.replace("\r\n", "\n")
}

fn first_mistake(text: &str, last: &Event<'_>) -> Option<String> {
    let limits = SyntaxLimits { max_depth: 128 };
    let mut parser = match Parser::new(text, Dialect::Version3, limits) {
        Ok(parser) => parser,
        Err(error) => return Some(error.go_text()),
    };
    let mut anchors = HashSet::new();
    loop {
        let event = match parser.next() {
            Ok((event, _)) => event,
            Err(error) => return Some(error.go_text()),
        };
        match event {
            event if event == *last || event == Event::StreamEnd => return None,
            Event::Alias(name) if !anchors.contains(name) => {
                return Some(format!("yaml: unknown anchor '{name}' referenced"));
            }
            Event::Scalar(_, _, properties)
            | Event::SequenceStart(properties)
            | Event::MappingStart(properties) => anchors.extend(properties.anchor),
            _ => {}
        }
    }
}

/// Mistakes that are none of syntax.
fn is_about_meaning(told: &str) -> bool {
    [
        "merge",
        "cannot decode",
        "contains itself",
        "invalid map key",
        "already",
        "base64",
        "json:",
    ]
    .iter()
    .any(|words| told.contains(words))
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "reads recorded cases where they are there"
)]
fn recorded_mistakes_are_found_as_the_later_library_finds_them() {
    use std::io::{BufRead, BufReader};
    let Ok(file) = std::fs::File::open(crate::load::tests::shared("helm/yaml-load.jsonl.gz"))
    else {
        println!("skipped: YAML syntax: helm/yaml-load.jsonl.gz is missing");
        return;
    };
    let (mut total, mut agree) = (0_u32, 0_u32);
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let case: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = case["t"].as_str().unwrap();
        if text.contains('\u{fffd}') {
            continue;
        }
        let given = as_value(text);
        for (text, last, told) in [
            (text, Event::DocumentEnd, case["v3err"].as_str()),
            (given.as_str(), Event::DocumentEnd, case["kerr"].as_str()),
        ] {
            let wanted = told.filter(|told| !is_about_meaning(told));
            let wanted = wanted.map(|told| told.trim_start_matches("MalformedYAMLError: "));
            let found = first_mistake(text, &last);
            let good = found.as_deref() == wanted;
            total += 1;
            agree += u32::from(good);
            if !good && std::env::var_os("TRUEUP_SHOW").is_some() {
                println!("{text:?}\n   WANT {told:?}\n   HAVE {found:?}");
            }
        }
    }
    println!("{agree} of {total} recorded texts have the recorded mistakes");
    println!("recorded cases: YAML syntax: {total} ran, 0 skipped");
    assert_eq!(agree, total);
}
