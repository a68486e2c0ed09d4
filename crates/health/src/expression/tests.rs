//! What expressions come to, as cel-go has it.

use super::*;
use trueup_object::value;

fn object() -> Value {
    value!({
        "metadata": {"name": "web", "generation": 3, "labels": {"app.kubernetes.io/name": "web"},
            "creationTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {"replicas": 3, "ratio": 0.5, "ports": [80, 443], "empty": [], "nothing": null},
        "status": {"observedGeneration": 3, "ready": true, "phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "reason": "Succeeded"},
            {"type": "Synced", "status": "False"},
        ]},
    })
}

fn answer(text: &str) -> Result<bool, String> {
    let expression = Expression::of_object(text).map_err(|error| error.cause)?;
    let answered = expression.is_true_of(&object());
    answered.map_err(|error| error.fault.to_string())
}

fn all_true(texts: &[&str]) {
    for text in texts {
        assert_eq!(answer(text), Ok(true), "{text}");
    }
}

#[test]
fn fields_lists_and_maps_are_read() {
    all_true(&[
        "status.ready",
        "status.phase == 'Running'",
        "metadata.labels['app.kubernetes.io/name'] == \"web\"",
        "spec.ports[1] == 443 && size(spec.ports) == 2 && spec.ports.size() == 2",
        "has(status.phase) && !has(status.other) && has(spec.nothing)",
        "spec.nothing == null",
        "'phase' in status && !('x' in status) && 80 in spec.ports && !(81 in spec.ports)",
        "status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
        "status.conditions.filter(c, c.type == 'Ready').all(c, c.status == 'True' && c.reason == 'Succeeded')",
        "status.conditions.exists_one(c, c.type == 'Synced')",
        "status.conditions.map(c, c.type) == ['Ready', 'Synced']",
        "status.conditions.map(c, c.status == 'True', c.type) == ['Ready']",
        "!spec.empty.exists(x, x == 1) && spec.empty.all(x, false)",
        "status.all(key, key != 'other')",
        "{'a': 1, 'b': 2}.b == 2 && {1: 'x'}[1] == 'x'",
        "metadata.generation == status.observedGeneration",
    ]);
}

#[test]
fn numbers_of_all_types_compare_and_calculate() {
    all_true(&[
        "spec.replicas > 2 && spec.replicas >= 3.0 && 1u < 2 && 2.5 > 2 && 1 == 1.0",
        "spec.ratio * 2.0 == 1.0 && 7 / 2 == 3 && 7 % 2 == 1 && -(1) == -1",
        "int('12') + 1 == 13 && double(1) == 1.0 && string(12) == '12' && uint(3) == 3u",
        "type(1) == int && type('') == string && type([]) == list && type({}) == map",
        "'1' != 1 && 0x10 == 16",
    ]);
    assert_eq!(answer("1 / 0 == 1"), Err("division by zero".into()));
    assert_eq!(answer("1 % 0 == 1"), Err("modulus by zero".into()));
    assert_eq!(
        answer("9223372036854775807 + 1 > 0"),
        Err("integer overflow".into())
    );
}

#[test]
fn texts_have_the_functions_of_flux_s_environment() {
    all_true(&[
        "'hello'.startsWith('he') && 'hello'.endsWith('lo') && 'hello'.contains('ell')",
        "'v1.2.3'.matches('^v[0-9]+') && matches('abc', 'b')",
        "'a-b-c'.split('-') == ['a', 'b', 'c'] && 'a-b-c'.split('-', 2) == ['a', 'b-c']",
        "'a-b'.split('-').first().value() == 'a' && 'a-b'.split('-').last().orValue('') == 'b'",
        "['a', 'b'].join('-') == 'a-b' && ['a', 'b'].join() == 'ab'",
        "'Abc'.lowerAscii() == 'abc' && 'Abc'.upperAscii() == 'ABC' && ' x '.trim() == 'x'",
        "'hello'.replace('l', 'L') == 'heLLo' && 'hello'.replace('l', 'L', 1) == 'heLlo'",
        "'tacocat'.indexOf('a') == 1 && 'tacocat'.lastIndexOf('a') == 5 && 'x'.indexOf('y') == -1",
        "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco'",
        "'abc'.charAt(1) == 'b' && 'abc'.charAt(3) == '' && 'abc'.reverse() == 'cba'",
        "size('größe') == 5 && 'größe'.substring(2, 4) == 'öß'",
        "'%s has %d of %.1f'.format(['x', 2, 2.5]) == 'x has 2 of 2.5'",
        "base64.encode(b'hello') == 'aGVsbG8=' && base64.decode('aGVsbG8=') == b'hello'",
        "'ab' + 'c' == 'abc' && [1] + [2] == [1, 2] && 'a' < 'b'",
    ]);
}

#[test]
fn sets_optional_values_and_times_are_there() {
    all_true(&[
        "sets.contains([1, 2, 3], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1, 2], [2, 1])",
        "status.?phase.orValue('x') == 'Running' && status.?other.orValue('x') == 'x'",
        "status.?other.?deeper.hasValue() == false && spec.ports[?5].orValue(1) == 1",
        "optional.of(1).optMap(x, x + 1).value() == 2 && !optional.none().hasValue()",
        "optional.ofNonZeroValue('').or(optional.of('y')).value() == 'y'",
        "timestamp(metadata.creationTimestamp) < timestamp('2026-01-02T03:04:06Z')",
        "timestamp('2026-01-02T03:04:05Z') - timestamp('2026-01-02T02:04:05Z') == duration('1h')",
        "timestamp(metadata.creationTimestamp).getFullYear() == 2026",
        "timestamp(metadata.creationTimestamp).getHours('+02:00') == 5",
        "timestamp(metadata.creationTimestamp).getMonth() == 0 && duration('90m').getHours() == 1",
        "string(duration('1h30m')) == '5400s' && duration('-1.5s') < duration('0')",
    ]);
}

#[test]
fn what_is_not_there_is_named() {
    let rows = [
        ("nothing.x == 1", "no such attribute(s): nothing"),
        ("status.other == 1", "no such key: other"),
        ("spec.ports[9] == 1", "index out of bounds: 9"),
        ("status.phase", "its result is not a boolean"),
        (
            "'abc'.substring(9) == ''",
            "substring: index out of range: 9",
        ),
        (
            "status.phase.deeper == 1",
            "no such overload: string has no field deeper",
        ),
        (
            "optional.none().value() == 1",
            "optional.none() dereference",
        ),
        ("1 + 'a' == 2", "no such overload: _+_ of (int, string)"),
    ];
    for (text, fault) in rows {
        assert_eq!(answer(text), Err(fault.into()), "{text}");
    }
}

#[test]
fn what_decides_makes_up_for_a_fault_of_the_rest() {
    all_true(&[
        "status.other == 1 || true",
        "true || status.other == 1",
        "!(status.other == 1 && false)",
        "status.conditions.exists(c, c.reason == 'Succeeded')",
        "[0, 1].exists(x, 1 / x == 1)",
        "!has(status.other) || status.other == 1",
    ]);
    assert_eq!(
        answer("status.conditions.all(c, c.reason == 'Succeeded')"),
        Err("no such key: reason".into())
    );
}

#[test]
fn what_is_no_expression_is_refused_before_it_is_used() {
    for text in [
        "foo.",
        "",
        "1 +",
        "a b",
        "'open",
        "status.phase ==",
        "lambda x: x",
        "@",
    ] {
        let refused = Expression::of_object(text).unwrap_err().to_string();
        let start = format!("failed to parse the CEL expression '{text}': ");
        assert!(refused.starts_with(&start), "{refused}");
    }
    let unknown = Expression::of_object("quantity('1Gi') == 1").unwrap_err();
    assert_eq!(unknown.cause, "undeclared reference to 'quantity'");
}

#[test]
fn an_expression_about_given_variables_knows_no_others() {
    let of = |text: &str| {
        let read = Expression::of_variables(text, &["self", "dep"]);
        read.map_err(|error| error.cause)
    };
    assert_eq!(of("foo == 1").unwrap_err(), "undeclared reference to 'foo'");
    assert_eq!(
        of("dep.status.ready").unwrap_err(),
        "CEL expression output type mismatch: expected bool, got dyn"
    );
    assert_eq!(
        of("'x'").unwrap_err(),
        "CEL expression output type mismatch: expected bool, got string"
    );
    assert!(of("dep.items.all(x, y > 1)").is_err());
    let good = of(
        "dep.metadata.labels['v'] == self.metadata.labels['v'] && dep.x.exists(c, c == 1)
        && optional.of(1).optMap(x, x).hasValue() && sets.contains([1], [1])",
    )
    .unwrap();
    let dep = value!({"metadata": {"labels": {"v": "1"}}, "x": [1]});
    let own = value!({"metadata": {"labels": {"v": "1"}}});
    assert_eq!(good.is_true_for(&[("self", &own), ("dep", &dep)]), Ok(true));
}

/// Texts that would keep a reader or an evaluator busy, or make it fall.
#[test]
fn hostile_expressions_are_refused_or_stopped() {
    let deep = "it is nested more than 96 deep";
    let many = "it has more than 1000 signs of operators";
    for (text, words) in [
        ("(".repeat(8000), deep),
        (
            format!("{}1{} == 1", "(".repeat(200), ")".repeat(200)),
            deep,
        ),
        (format!("1{} == 1", "+1".repeat(900)), deep),
        (format!("a{}", ".a".repeat(900)), deep),
        (format!("a{}", "[0]".repeat(900)), deep),
        (format!("{}1{}", "[".repeat(97), "]".repeat(97)), deep),
        (
            format!("'{}' == ''", "x".repeat(MAX_EXPRESSION_BYTES)),
            "bytes long, more than 16384",
        ),
        ("1 +".repeat(5000), many),
        ("[".repeat(16_000), deep),
        ("a.b(".repeat(300), deep),
        (format!("{}true", "true ? true : ".repeat(97)), deep),
        (format!("{}true", "a ? b : ".repeat(999)), deep),
        (format!("[{}1] == 1", "(a ? b : ".repeat(49)), deep),
        (format!("x({}1, 1)", "a ? b : ".repeat(96)), deep),
        ("'".repeat(9001), "a literal that begins with ' has no end"),
    ] {
        let cause = Expression::of_object(&text).unwrap_err().cause;
        assert!(cause.contains(words), "{text:.40}: {cause}");
    }
    // These are long, but their trees are not deep.
    let choices = vec!["(true ? true : false)"; 200].join(" && ");
    let optional = vec!["status.?phase.orValue('') == 'Running'"; 100].join(" && ");
    let listed = vec!["true ? 1 : 2"; 200].join(", ");
    all_true(&[
        &format!("true{}", " && true".repeat(300)),
        &choices,
        &optional,
        &format!("size([{listed}]) == 200"),
        &format!("{}true", "false ? false : ".repeat(90)),
        &("true && (".repeat(90) + "true" + &")".repeat(90)),
        &format!("{}3{} == 3", "int(".repeat(90), ")".repeat(90)),
        &format!("3{} == 93", " + 1".repeat(90)),
    ]);
}

/// The parser alone would read two of these signs as one.
#[test]
fn doubled_signs_before_an_operand_undo_each_other() {
    all_true(&[
        "!!true && ! !true && !!!false && !(!true)",
        "--1 == 1 && ---1 == -1 && 1 - --1 == 0 && 2 - -1 == 3 && 2---1 == 1",
        "-1 < 0 && 1 != 2 && !! !!(1 < 2)",
        "'!!' == \"!!\" && 'it\\'s --' != '--' && spec.replicas - -1 == 4",
    ]);
}

#[test]
fn comprehensions_over_large_lists_are_stopped() {
    let items: Vec<Value> = (0..10_000).map(Value::from).collect();
    let large = value!({"items": (Value::from(items))});
    let stopped = |text: &str| {
        let expression = Expression::of_object(text).unwrap();
        expression.is_true_of(&large).map_err(|error| error.fault)
    };
    assert_eq!(stopped("items.all(x, x < 10000)"), Ok(true));
    assert_eq!(
        stopped("items.map(x, x * 2).filter(x, x > 5).size() == 9997"),
        Ok(true)
    );
    for bomb in [
        "items.all(x, items.all(y, x + y >= 0))",
        "items.all(x, x in items)",
        "items.map(x, items).map(x, x + x).size() > 0 && items.all(x, items == items)",
        "items.exists(x, items.exists(y, items.exists(z, false))) || true",
        "items.all(x, string(x).matches('^[0-9]{1,30}$'))",
        "!(items.all(x, items.all(y, true)) && false)",
        "['xxxxxxxxxxxxxxxx'].map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).size() == 1",
        "['xxxxxxxxxxxxxxxx'].map(a, a.replace('x', a)).map(a, a.replace('x', a)).map(a, a.replace('x', a)).map(a, a.replace('x', a)).map(a, a.replace('x', a)).size() == 1",
    ] {
        assert_eq!(stopped(bomb), Err(Fault::TooManySteps), "{bomb}");
    }
}
