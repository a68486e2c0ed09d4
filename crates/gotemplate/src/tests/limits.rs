//! A hostile template ends at a limit.

use super::{execute, execute_with, of_json};
use crate::{
    Cause, Function, Functions, Limits, MAX_STEPS, MissingKey, Options, Signature, Template, Type,
    Value,
};

/// Few steps, where that is what ends a template: debug builds are slow.
const FEW_STEPS: u64 = 1_000_000;

fn few(options: Options) -> Options {
    let limits = Limits {
        steps: FEW_STEPS,
        output_bytes: 100_000,
        ..options.limits
    };
    Options { limits, ..options }
}

#[track_caller]
fn assert_limited(text: &str, steps: u64, words: &str) {
    let limits = Limits {
        steps,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let error = execute_with(text, &Value::Nil, options).unwrap_err();
    assert_eq!(error.cause, Cause::Limit, "{error}");
    assert!(error.message.ends_with(words), "{error}");
}

#[test]
fn templates_that_do_not_end_are_ended() {
    assert_limited(
        "{{range 1000000000000}}{{end}}",
        FEW_STEPS,
        "exceeded the limit of 1000000 steps",
    );
    assert_limited(
        "{{range 1000000000}}{{range 1000000000}}{{end}}{{end}}",
        FEW_STEPS,
        "exceeded the limit of 1000000 steps",
    );
    assert_limited(
        "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
        FEW_STEPS,
        "exceeded maximum template depth (100000)",
    );
    assert_limited(
        "{{define \"a\"}}{{range 2}}{{with 1}}{{template \"a\"}}{{end}}{{end}}{{end}}{{template \"a\"}}",
        FEW_STEPS,
        "exceeded the limit of 250000 open control structures and calls",
    );
}

#[test]
fn texts_do_not_grow_without_end() {
    assert_limited(
        "{{$x := \"0123456789\"}}{{range 60}}{{$x = print $x $x}}{{end}}",
        MAX_STEPS,
        "exceeded the limit of 33554432 bytes of one text",
    );
    assert_limited(
        "{{range 1000}}{{printf \"%1000000d\" 1}}{{end}}",
        MAX_STEPS,
        "exceeded the limit of 33554432 bytes written",
    );
    assert_limited(
        "{{range 1000000}}{{$x := printf \"%1000000d\" 1}}{{end}}",
        FEW_STEPS,
        "exceeded the limit of 1000000 steps",
    );
}

#[test]
fn comparing_and_cutting_long_texts_costs_steps() {
    let grow = "{{$x := \"0123456789\"}}{{range 21}}{{$x = print $x $x}}{{end}}";
    for action in [
        "{{$_ := eq $x $x}}",
        "{{$_ := slice $x 1}}",
        "{{$_ := lt $x $x}}",
    ] {
        let text = format!("{grow}{{{{range 1000000}}}}{action}{{{{end}}}}");
        assert_limited(&text, MAX_STEPS, "exceeded the limit of 20000000 steps");
    }
}

fn refusal(text: impl Into<Vec<u8>>) -> (String, Cause) {
    let error = Template::parse("t", text.into(), Options::default()).unwrap_err();
    (error.message, error.cause)
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let blocks = format!(
        "{}{}",
        "{{if 1}}".repeat(100_000),
        "{{end}}".repeat(100_000)
    );
    let message = "template: t:1: exceeded the limit of 100 control structures within each other";
    assert_eq!(refusal(blocks), (message.to_owned(), Cause::Limit));
    let parentheses = format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000));
    let (message, _) = refusal(parentheses);
    assert_eq!(message, "template: t:1: max expression depth exceeded");
    let (message, cause) = refusal("{{1}}".repeat(400_000));
    assert_eq!(message, "template: t:1: exceeded the limit of 500000 nodes");
    assert_eq!(cause, Cause::Limit);
    let (message, cause) = refusal(vec![b'x'; (8 << 20) + 1]);
    assert_eq!(
        message,
        "template: t:1: exceeded the limit of 8388608 bytes of text"
    );
    assert_eq!(cause, Cause::Limit);
}

#[test]
fn what_is_within_the_limits_of_depth_works() {
    let blocks = format!("{}x{}", "{{if 1}}".repeat(100), "{{end}}".repeat(100));
    assert_eq!(execute(&blocks, &Value::Nil).unwrap(), "x");
    let parentheses = format!("{{{{{}1{}}}}}", "(".repeat(100), ")".repeat(100));
    assert_eq!(execute(&parentheses, &Value::Nil).unwrap(), "1");
    let arms = format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(10_000));
    assert_eq!(execute(&arms, &Value::Nil).unwrap(), "");
    let calls =
        "{{define \"a\"}}{{if .}}{{template \"a\" (slice . 1)}}{{end}}{{end}}{{template \"a\" .}}";
    let text = Value::from("x".repeat(1_000));
    assert_eq!(execute(calls, &text).unwrap(), "");
}

/// A function that executes a template, and one that makes a list.
fn with_functions() -> Options {
    let include = Function::new(
        Signature::new([Type::String, Type::Any], Type::String).fallible(),
        |call, arguments| {
            let Value::String(name) = &arguments[0] else {
                unreachable!("the signature asks for a text");
            };
            let template = call.template().clone();
            let written = call.execute(&template, &name.to_string_lossy(), &arguments[1])?;
            Ok(Value::String(written.into()))
        },
    );
    let list = Function::new(
        Signature::new([], Type::Any).variadic(Type::Any),
        |_, arguments| Ok(Value::list(arguments.iter().cloned())),
    );
    let mut functions = Functions::new();
    functions.insert("include", include).unwrap();
    functions.insert("list", list).unwrap();
    Options {
        functions,
        ..Options::default()
    }
}

#[test]
fn functions_that_execute_templates_share_the_limits() {
    let hello =
        "{{define \"a\"}}<{{.}}>{{end}}{{include \"a\" 1}}{{include \"a\" (include \"a\" 2)}}";
    assert_eq!(
        execute_with(hello, &Value::Nil, with_functions()).unwrap(),
        "<1><<2>>"
    );
    let itself = "{{define \"a\"}}{{include \"a\" .}}{{end}}{{include \"a\" 1}}";
    let error = execute_with(itself, &Value::Nil, with_functions()).unwrap_err();
    assert_eq!(error.cause, Cause::Limit);
    let words = "exceeded the limit of 200 pipelines within each other";
    assert!(error.message.ends_with(words), "{error}");
    let loops =
        "{{define \"a\"}}{{range 10000}}{{end}}{{end}}{{range 1000}}{{include \"a\" 1}}{{end}}";
    let error = execute_with(loops, &Value::Nil, few(with_functions())).unwrap_err();
    let words = "exceeded the limit of 1000000 steps";
    assert!(error.message.ends_with(words), "{error}");
    let unknown = execute_with("{{include \"b\" 1}}", &Value::Nil, with_functions()).unwrap_err();
    assert_eq!(
        unknown.message,
        "template: t:1:2: executing \"t\" at <include \"b\" 1>: error calling include: \
         template: no template \"b\" associated with template \"t\""
    );
}

#[test]
fn values_do_not_get_too_deep() {
    let text = "{{$x := list 1}}{{range 1000000}}{{$x = list $x}}{{end}}";
    let error = execute_with(text, &Value::Nil, with_functions()).unwrap_err();
    assert_eq!(error.cause, Cause::Limit);
    let words = "exceeded the limit of 250 lists and maps within each other";
    assert!(error.message.ends_with(words), "{error}");
    // Doubling what is printed needs little memory and no end of time.
    let text = "{{$x := list 1 1}}{{range 100}}{{$x = list $x $x}}{{end}}{{$x}}";
    let error = execute_with(text, &Value::Nil, few(with_functions())).unwrap_err();
    assert_eq!(error.cause, Cause::Limit, "{error}");
    let mut deep = Value::Nil;
    for _ in 0..251 {
        deep = Value::list([deep]);
    }
    assert_eq!(execute("{{.}}", &deep).unwrap_err().cause, Cause::Limit);
}

#[test]
fn smaller_limits_hold() {
    let limits = Limits {
        output_bytes: 4,
        template_depth: 2,
        ..Limits::default()
    };
    let options = || Options {
        limits,
        ..Options::default()
    };
    let error = execute_with("{{range 3}}ab{{end}}", &Value::Nil, options()).unwrap_err();
    assert!(
        error
            .message
            .ends_with("exceeded the limit of 4 bytes written"),
        "{error}"
    );
    let text = "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}";
    let error = execute_with(text, &Value::Nil, options()).unwrap_err();
    assert!(
        error
            .message
            .ends_with("exceeded maximum template depth (2)"),
        "{error}"
    );
}

#[test]
fn what_a_missing_key_is_can_be_chosen() {
    let data = of_json(&serde_json::json!({"a": {}}));
    let options = |missing_key| Options {
        missing_key,
        ..Options::default()
    };
    for (missing_key, found) in [
        (MissingKey::Default, "<no value>"),
        (MissingKey::Zero, "<no value>"),
    ] {
        assert_eq!(
            execute_with("{{.a.b}}", &data, options(missing_key)).unwrap(),
            found
        );
    }
    let strict = |text, data| {
        execute_with(text, data, options(MissingKey::Error))
            .unwrap_err()
            .message
    };
    assert_eq!(
        strict("{{.a.b}}", &data),
        "template: t:1:4: executing \"t\" at <.a.b>: map has no entry for key \"b\""
    );
    assert_eq!(
        strict("{{.a}}", &Value::Nil),
        "template: t:1:2: executing \"t\" at <.a>: nil data; no entry for key \"a\""
    );
}

#[test]
fn a_set_of_templates_replaces_and_keeps_as_go_does() {
    let mut template = Template::parse(
        "a",
        "A{{template \"x\"}}{{define \"x\"}}1{{end}}",
        Options::default(),
    )
    .unwrap();
    template.add("b", "B{{define \"x\"}} {{end}}").unwrap();
    assert_eq!(template.execute(&Value::Nil).unwrap(), b"A1");
    template.add("c", "{{define \"x\"}}2{{end}}").unwrap();
    assert_eq!(template.execute(&Value::Nil).unwrap(), b"A2");
    assert_eq!(template.execute_named("b", &Value::Nil).unwrap(), b"B");
    let names: Vec<String> = template.names().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "b", "c", "x"]);
    let missing = template.execute_named("d", &Value::Nil).unwrap_err();
    assert_eq!(
        missing.message,
        "template: no template \"d\" associated with template \"a\""
    );
}

#[test]
fn a_template_serves_many_executions_at_once() {
    fn shared<T: Send + Sync>(_: &T) {}
    let template = Template::parse("t", "{{range .}}{{.}}{{end}}", Options::default()).unwrap();
    shared(&template);
    let data = Value::list([Value::int(1), Value::int(2)]);
    for _ in 0..2 {
        assert_eq!(template.execute(&data).unwrap(), b"12");
    }
}

#[test]
fn other_delimiters_and_functions_can_be_given() {
    let constant = |text: &'static str| {
        let mut functions = Functions::new();
        let function = Function::new(
            Signature::new([], Type::String),
            move |_, _| Ok(text.into()),
        );
        functions.insert("name", function).unwrap();
        functions
    };
    let options = Options {
        left_delimiter: "[[".to_owned(),
        right_delimiter: "]]".to_owned(),
        functions: constant("first"),
        ..Options::default()
    };
    let template = Template::parse("t", "[[ name ]]{{ x }}", options).unwrap();
    assert_eq!(template.execute(&Value::Nil).unwrap(), b"first{{ x }}");
    let other = template.with_functions(constant("second"));
    assert_eq!(other.execute(&Value::Nil).unwrap(), b"second{{ x }}");
    let none = template.with_functions(Functions::new());
    assert_eq!(
        none.execute(&Value::Nil).unwrap_err().message,
        "template: t:1:3: executing \"t\" at <name>: \"name\" is not a defined function"
    );
}
