//! Parsing and executing Go templates.

use trueup_gotemplate::{ExecuteError, Limits, MissingKey, Options, Template, Value};

/// Small enough that inputs of a fuzzer reach them.
const LIMITS: Limits = Limits {
    template_bytes: 1 << 14,
    template_nodes: 2_000,
    block_depth: 16,
    parentheses: 16,
    steps: 50_000,
    output_bytes: 10_000,
    template_depth: 50,
    open_blocks: 500,
    evaluation_depth: 32,
    value_depth: 16,
};

/// A text parses, executes alike each time and within its limits, or is
/// refused in Go's form.
pub fn template(data: &[u8]) {
    for missing_key in [MissingKey::Default, MissingKey::Zero, MissingKey::Error] {
        let options = Options {
            missing_key,
            limits: LIMITS,
            ..Options::default()
        };
        match Template::parse("t", data, options) {
            Ok(template) => check_executions(&template),
            Err(error) => {
                let prefix = format!("template: t:{}: ", error.line);
                assert!(error.message.starts_with(&prefix), "{error}");
                let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
                assert!((1..=lines).contains(&error.line), "line {}", error.line);
            }
        }
    }
}

fn check_executions(template: &Template) {
    let value = value();
    let first = template.execute(&value);
    check(&first);
    assert_eq!(first, template.execute(&value), "two executions differ");
    for name in template.names() {
        check(&template.execute_named(&name.to_string_lossy(), &Value::Nil));
    }
}

fn check(written: &Result<Vec<u8>, ExecuteError>) {
    match written {
        Ok(written) => assert!(written.len() <= LIMITS.output_bytes, "too much is written"),
        Err(error) => assert!(error.message.starts_with("template: "), "{error}"),
    }
}

/// Data with each type that data of YAML has.
fn value() -> Value {
    let items = [
        Value::Nil,
        Value::Bool(true),
        Value::int64(-7),
        Value::Float(2.5),
        "h\u{e9}llo".into(),
    ];
    Value::map([
        ("name", Value::from("web")),
        ("port", Value::Float(8080.0)),
        ("none", Value::Nil),
        ("items", Value::list(items)),
        ("labels", Value::map([("app", Value::from("shop"))])),
    ])
}
