//! What holds for any text and any data.

use super::of_json;
use crate::{Limits, Options, Template, Value};
use proptest::prelude::*;

const SMALL: Limits = Limits {
    template_bytes: 1 << 16,
    template_nodes: 2_000,
    block_depth: 10,
    parentheses: 10,
    steps: 20_000,
    output_bytes: 4_000,
    template_depth: 20,
    open_blocks: 100,
    evaluation_depth: 20,
    value_depth: 10,
};

fn data() -> Value {
    of_json(&serde_json::json!({
        "a": {"b": [1, 2.5, "x", null, true], "c": {}},
        "s": "héllo",
        "n": null,
        "f": 3,
    }))
}

/// Executes, if it is a template, and checks what must hold of any.
fn run(text: &[u8]) {
    let options = Options {
        limits: SMALL,
        ..Options::default()
    };
    let template = match Template::parse("t", text, options) {
        Ok(template) => template,
        Err(error) => {
            assert!(error.message.starts_with("template: t:"), "{error}");
            return;
        }
    };
    let first = template.execute(&data());
    assert_eq!(first, template.execute(&data()), "two executions differ");
    match first {
        Ok(written) => assert!(written.len() <= SMALL.output_bytes),
        Err(error) => assert!(error.message.starts_with("template: "), "{error}"),
    }
}

/// Pieces that make templates more often than letters do.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{{",
        "}}",
        "{{-",
        " -}}",
        "(",
        ")",
        " ",
        "|",
        ".",
        ".a",
        ".a.b",
        ".s",
        "$",
        "$x",
        ":=",
        "=",
        ",",
        "1",
        "2.5",
        "'x'",
        "\"s\"",
        "`r`",
        "nil",
        "true",
        "{{if ",
        "{{else}}",
        "{{else if ",
        "{{end}}",
        "{{range ",
        "{{with ",
        "{{define \"d\"}}",
        "{{template \"d\" .}}",
        "{{block \"e\" .}}",
        "{{break}}",
        "{{continue}}",
        "/*",
        "*/",
        "print",
        "printf ",
        "\"%v %d %[2]*.3q\"",
        "eq ",
        "lt ",
        "index ",
        "slice ",
        "len ",
        "and ",
        "or ",
        "not ",
        "html ",
        "js ",
        "call ",
        "\n",
        "text",
        "☃",
        "0x1p4",
        "1i",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_parse_or_are_refused(text: Vec<u8>) {
        run(&text);
    }

    #[test]
    fn any_pieces_execute_or_fail_in_words(pieces in prop::collection::vec(piece(), 0..24)) {
        run(pieces.concat().as_bytes());
    }

    #[test]
    fn any_action_executes_or_fails_in_words(pieces in prop::collection::vec(piece(), 0..8)) {
        run(format!("{{{{{}}}}}", pieces.concat()).as_bytes());
    }

    #[test]
    fn any_format_prints(format in "[%a-zA-Z0-9+# .*\\[\\]-]{0,12}") {
        for operands in ["", "1", "\"x\" 2.5", ".a 3 nil", ".a.b 'x' true .s"] {
            run(format!("{{{{printf {format:?} {operands}}}}}").as_bytes());
        }
    }
}
