//! Cases of our own, each as Go 1.26 answered it.

use super::{of_json, outcome};
use crate::Value;

fn data() -> Value {
    of_json(&serde_json::json!({
        "name": "web",
        "port": 8080,
        "big": 12_345_678,
        "ratio": 0.5,
        "on": true,
        "off": false,
        "none": null,
        "empty": "",
        "tags": ["a", "b", "c"],
        "mixed": [1, "two", null, [3], {"four": 4}],
        "labels": {"tier": "front", "app": "shop"},
        "nested": {"deep": {"deeper": "here"}},
        "nothing": [],
        "text": "héllo ☃ <b>\"x\"</b>",
    }))
}

#[track_caller]
fn assert_outcomes(cases: &[(&str, &str)]) {
    let data = data();
    for (text, expected) in cases {
        assert_eq!(outcome(text, &data), *expected, "{text}");
    }
}

#[test]
fn values_print_as_in_go() {
    assert_outcomes(&[
        (
            "{{.name}} {{.port}} {{.big}} {{.ratio}}",
            "web 8080 1.2345678e+07 0.5",
        ),
        (
            "{{.on}} {{.none}} {{.missing}}",
            "true <no value> <no value>",
        ),
        ("{{.mixed}}", "[1 two <nil> [3] map[four:4]]"),
        ("{{.labels}}", "map[app:shop tier:front]"),
        ("{{print .name .port .ratio nil}}", "web8080 0.5 <nil>"),
        ("{{println .name .none}}", "web <nil>\n"),
        (
            "{{printf \"%v|%5.1f|%-4s|%q|%d\" .labels .ratio .name .name .port}}",
            "map[app:shop tier:front]|  0.5|web |\"web\"|%!d(float64=8080)",
        ),
        ("{{printf \"%d %s\" 1}}", "1 %!s(MISSING)"),
        ("{{printf \"%d\" 1 \"x\"}}", "1%!(EXTRA string=x)"),
        ("{{printf \"%[2]d %[1]d %[3]d\" 1 2}}", "2 1 %!d(BADINDEX)"),
        (
            "{{printf \"%*d|%-*d|%.*f\" 5 1 5 2 2 3.14159}}",
            "    1|2    |3.14",
        ),
        (
            "{{printf \"%T %T %T %T\" .port 1 .tags .labels}}",
            "float64 int []interface {} map[string]interface {}",
        ),
        (
            "{{printf \"%#v\" .mixed}}",
            "[]interface {}{1, \"two\", interface {}(nil), []interface {}{3}, map[string]interface {}{\"four\":4}}",
        ),
        (
            "{{printf \"%x %X %c %U %08b %+d\" \"hi\" 255 65 9731 5 3}}",
            "6869 FF A U+2603 00000101 +3",
        ),
        ("{{html .text}}", "héllo ☃ &lt;b&gt;&#34;x&#34;&lt;/b&gt;"),
        (
            "{{js .text}}",
            "héllo ☃ \\u003Cb\\u003E\\\"x\\\"\\u003C/b\\u003E",
        ),
        (
            "{{urlquery .text}}",
            "h%C3%A9llo+%E2%98%83+%3Cb%3E%22x%22%3C%2Fb%3E",
        ),
        (
            "{{html .none}}{{html nil 1}}",
            "&lt;no value&gt;&lt;no value&gt;1",
        ),
        ("{{slice .text 0 2}}|{{index .text 0}}", "h\u{fffd}|104"),
    ]);
}

#[test]
fn control_structures_run_as_in_go() {
    assert_outcomes(&[
        (
            "{{if .empty}}a{{else if .nothing}}b{{else if .on}}c{{else}}d{{end}}",
            "c",
        ),
        ("{{with .nested}}{{.deep.deeper}}{{end}}", "here"),
        ("{{with .empty}}x{{else with .name}}{{.}}{{end}}", "web"),
        ("{{range .tags}}{{.}},{{end}}", "a,b,c,"),
        (
            "{{range $i, $e := .tags}}{{$i}}={{$e}} {{end}}",
            "0=a 1=b 2=c ",
        ),
        (
            "{{range $k, $v := .labels}}{{$k}}={{$v}} {{end}}",
            "app=shop tier=front ",
        ),
        (
            "{{range 3}}{{.}}{{end}}{{range $i := 2}}<{{$i}}>{{end}}",
            "012<0><1>",
        ),
        ("{{range .nothing}}x{{else}}none{{end}}", "none"),
        (
            "{{range .tags}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}",
            "ac",
        ),
        (
            "{{range .tags}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}",
            "a",
        ),
        // A break in the else of a loop ends that, not the loop around it.
        (
            "{{range .tags}}{{range $.nothing}}{{else}}{{break}}{{end}}{{.}}{{end}}",
            "abc",
        ),
        (
            "{{range .tags}}{{range $.nothing}}{{else}}{{continue}}{{end}}{{.}}{{end}}",
            "",
        ),
        (
            "{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{end}}{{$x}}",
            "2",
        ),
        (
            "{{define \"a\"}}[{{.}}{{$}}]{{end}}{{template \"a\" .name}}{{template \"a\"}}",
            "[webweb][<no value><no value>]",
        ),
        ("{{block \"b\" .tags}}{{len .}}{{end}}", "3"),
        ("a {{- 1 -}} b{{/* c */}} {{- /* d */ -}} e", "a1be"),
        (
            "{{or .empty .nothing .name}} {{and .name 0}} {{not .name}}",
            "web 0 false",
        ),
        (
            "{{(index .mixed 4).four}} {{(print .name).x}}",
            "template: t:1:35: executing \"t\" at <.name>: can't evaluate field x in type string",
        ),
        (
            "{{0x1F}} {{0b11}} {{0o17}} {{1_000}} {{'a'}} {{1e3}} {{0x1p4}}",
            "31 3 15 1000 97 1000 16",
        ),
        ("{{1+2i}} {{-3i}}", "(1+2i) (0-3i)"),
    ]);
}

#[test]
fn mistakes_are_told_in_the_words_of_go() {
    assert_outcomes(&[
        (
            "{{.name.x}}",
            "template: t:1:7: executing \"t\" at <.name.x>: can't evaluate field x in type interface {}",
        ),
        (
            "{{.none.x}}",
            "template: t:1:7: executing \"t\" at <.none.x>: nil pointer evaluating interface {}.x",
        ),
        ("{{.missing.x}}", "<no value>"),
        (
            "\n  {{printf 1}}",
            "template: t:2:11: executing \"t\" at <1>: expected string; found 1",
        ),
        (
            "{{printf .port}}",
            "template: t:1:9: executing \"t\" at <.port>: wrong type for value; expected string; got float64",
        ),
        (
            "{{printf .none}}",
            "template: t:1:9: executing \"t\" at <.none>: wrong type for value; expected string; got interface {}",
        ),
        (
            "{{printf .missing}}",
            "template: t:1:9: executing \"t\" at <.missing>: invalid value; expected string",
        ),
        (
            "{{printf nil}}",
            "template: t:1:9: executing \"t\" at <nil>: cannot assign nil to string",
        ),
        (
            "{{not}}",
            "template: t:1:2: executing \"t\" at <not>: wrong number of args for not: want 1 got 0",
        ),
        (
            "{{eq .port 8080}}",
            "template: t:1:2: executing \"t\" at <eq .port 8080>: error calling eq: incompatible types for comparison: float64 and int",
        ),
        (
            "{{eq .tags .tags}}",
            "template: t:1:2: executing \"t\" at <eq .tags .tags>: error calling eq: non-comparable type [a b c]: []interface {}",
        ),
        (
            "{{eq .labels .tags}}",
            "template: t:1:2: executing \"t\" at <eq .labels .tags>: error calling eq: non-comparable types map[app:shop tier:front]: map[string]interface {}, []interface {}: [a b c]",
        ),
        (
            "{{lt .on .off}}",
            "template: t:1:2: executing \"t\" at <lt .on .off>: error calling lt: invalid type for comparison",
        ),
        (
            "{{index .tags 3}}",
            "template: t:1:2: executing \"t\" at <index .tags 3>: error calling index: reflect: slice index out of range",
        ),
        (
            "{{index .tags 4}}",
            "template: t:1:2: executing \"t\" at <index .tags 4>: error calling index: index out of range: 4",
        ),
        (
            "{{index .none 1}}",
            "template: t:1:2: executing \"t\" at <index .none 1>: error calling index: index of untyped nil",
        ),
        (
            "{{len .port}}",
            "template: t:1:2: executing \"t\" at <len .port>: error calling len: len of type float64",
        ),
        (
            "{{range .name}}{{end}}",
            "template: t:1:8: executing \"t\" at <.name>: range can't iterate over web",
        ),
        (
            "{{range $i, $x := 3}}{{end}}",
            "template: t:1:18: executing \"t\" at <3>: can't use 3 to iterate over more than one variable",
        ),
        (
            "{{template \"x\" .}}",
            "template: t:1:11: executing \"t\" at <{{template \"x\" .}}>: template \"x\" not defined",
        ),
        (
            "{{if false}}{{$x := 1}}{{else}}{{$x}}{{end}}",
            "template: t:1:33: executing \"t\" at <$x>: undefined variable: $x",
        ),
        (
            "{{define \"d\"}}{{.deep.deeper.c}}{{end}}{{template \"d\" .nested}}",
            "template: t:1:21: executing \"d\" at <.deep.deeper.c>: can't evaluate field c in type interface {}",
        ),
        (
            "{{1 2}}",
            "template: t:1:2: executing \"t\" at <1>: can't give argument to non-function 1",
        ),
        (
            "{{call .name}}",
            "template: t:1:2: executing \"t\" at <call .name>: error calling call: non-function .name of type string",
        ),
        (
            "{{nil}}",
            "template: t:1:2: executing \"t\" at <nil>: nil is not a command",
        ),
    ]);
}

#[test]
fn texts_that_are_no_templates_are_refused_in_the_words_of_go() {
    assert_outcomes(&[
        (
            "{{.Values.foo-bar}}",
            "template: t:1: bad character U+002D '-'",
        ),
        ("a\n{{", "template: t:2: unclosed action"),
        ("{{\n\n", "template: t:3: unclosed action started at t:1"),
        (
            "{{\n\"x\n",
            "template: t:2: unterminated quoted string in action started at t:1",
        ),
        ("{{if .x}}", "template: t:1: unexpected EOF"),
        ("{{end}}", "template: t:1: unexpected {{end}}"),
        (
            "{{if .x}}{{else}}{{else}}{{end}}",
            "template: t:1: expected end; found {{else}}",
        ),
        ("{{x}}", "template: t:1: function \"x\" not defined"),
        ("{{$x}}", "template: t:1: undefined variable \"$x\""),
        ("{{}}", "template: t:1: missing value for command"),
        (
            "{{1 | 2}}",
            "template: t:1: non executable command in pipeline stage 2",
        ),
        ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
        ("{{/* x }}", "template: t:1: unclosed comment"),
        (
            "{{/* x */ }}",
            "template: t:1: comment ends before closing delimiter",
        ),
        ("{{08}}", "template: t:1: integer overflow: \"08\""),
        (
            "{{99999999999999999999}}",
            "template: t:1: integer overflow: \"99999999999999999999\"",
        ),
        ("{{3k}}", "template: t:1: bad number syntax: \"3k\""),
        ("{{\"\\q\"}}", "template: t:1: invalid syntax"),
        (
            "{{template x}}",
            "template: t:1: unexpected \"x\" in template clause",
        ),
        (
            "{{define \"a\"}}1{{end}}{{define \"a\"}}2{{end}}",
            "template: t:1: template: multiple definition of template \"a\"",
        ),
        (
            "{{range $a, $b, $c := .x}}{{end}}",
            "template: t:1: too many declarations in range",
        ),
        (
            "{{if .x}}{{define \"a\"}}{{end}}{{end}}",
            "template: t:1: unexpected <define> in command",
        ),
        ("{{(1}}", "template: t:1: unclosed left paren"),
        (
            "{{☃}}",
            "template: t:1: unrecognized character in action: U+2603 '☃'",
        ),
        (
            "{{.a_very_long_field \"x\" ]}}",
            "template: t:1: unexpected \"]\" in operand",
        ),
    ]);
}
