use super::*;
use proptest::prelude::*;
use trueup_object::from_json;

const NOW: &str = "2026-01-02T00:00:00Z";

fn options() -> TableOptions {
    TableOptions {
        include: IncludeObject::None,
        headers: Headers::Shown,
        version: MetaVersion::V1,
        now: NOW.parse().unwrap(),
    }
}

fn cells(printer: &Printer, object: &str) -> Value {
    let object = from_json(object.as_bytes()).unwrap();
    let table = table(printer, Value::map(), &[object], &options());
    assert_eq!(
        table
            .get("columnDefinitions")
            .and_then(Value::as_list)
            .map(<[Value]>::len),
        table
            .at(&["rows"])
            .and_then(Value::as_list)
            .and_then(|rows| rows[0].get("cells")?.as_list().map(<[Value]>::len)),
        "as many cells as columns"
    );
    table.get("rows").and_then(Value::as_list).unwrap()[0]
        .get("cells")
        .unwrap()
        .clone()
}

#[test]
fn ages_use_the_one_or_two_units_that_say_something() {
    let cases = [
        (-5, "<invalid>"),
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600 + 60, "8h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400 + 3600, "8d"),
        (730 * 86400, "2y"),
        (740 * 86400, "2y10d"),
        (8 * 365 * 86400 + 86400, "8y"),
    ];
    for (seconds, text) in cases {
        assert_eq!(human_duration(seconds), text, "{seconds}");
    }
}

#[test]
fn every_builtin_printer_fills_each_of_its_columns() {
    let tables = [
        core::PRINTERS,
        apps::PRINTERS,
        network::PRINTERS,
        policy::PRINTERS,
        cluster::PRINTERS,
    ];
    for builtin in tables.into_iter().flatten() {
        cells(&Printer::Builtin(builtin), r#"{"metadata":{"name":"x"}}"#);
    }
}

#[test]
fn a_pod_shows_the_reason_of_the_container_that_fails() {
    let pod = r#"{"metadata":{"name":"p","creationTimestamp":"2026-01-01T23:59:00Z"},
        "spec":{"containers":[{"name":"a"},{"name":"b"}],"nodeName":"n"},
        "status":{"phase":"Running","podIP":"10.0.0.1","containerStatuses":[
          {"name":"a","restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
           "lastState":{"terminated":{"finishedAt":"2026-01-01T23:59:30Z"}}},
          {"name":"b","ready":true,"restartCount":0,"state":{"running":{}}}]}}"#;
    let expected = value!([
        "p",
        "1/2",
        "CrashLoopBackOff",
        "4 (30s ago)",
        "60s",
        "10.0.0.1",
        "n",
        "<none>",
        "<none>"
    ]);
    assert_eq!(cells(&Printer::builtin("", "pods"), pod), expected);
}

#[test]
fn a_pod_in_its_init_containers_says_how_far_it_is() {
    let pod = r#"{"metadata":{"name":"p"},
        "spec":{"initContainers":[{"name":"i"},{"name":"j"}],"containers":[{"name":"a"}]},
        "status":{"phase":"Pending","initContainerStatuses":[
          {"name":"i","state":{"terminated":{"exitCode":0}}},{"name":"j","state":{"running":{}}}]}}"#;
    let row = cells(&Printer::builtin("", "pods"), pod);
    assert_eq!(
        row.as_list().unwrap()[1..3],
        [Value::from("0/1"), Value::from("Init:1/2")]
    );
}

#[test]
fn custom_columns_follow_filters_and_keep_types() {
    let columns = value!([
        {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "List", "type": "string", "jsonPath": ".spec.list"},
        {"name": "Wrong", "type": "integer", "jsonPath": ".spec.text"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    ]);
    let object = r#"{"metadata":{"name":"x","creationTimestamp":"2026-01-01T00:00:00Z"},
        "spec":{"size":3,"list":["a","b"],"text":"t"},
        "status":{"conditions":[{"type":"Stalled","status":"False"},{"type":"Ready","status":"True"}]}}"#;
    let expected = value!(["x", "True", 3, "[\"a\",\"b\"]", null, "24h"]);
    assert_eq!(
        cells(&Printer::custom(columns.as_list().unwrap()), object),
        expected
    );
}

#[test]
fn paths_are_read_as_kubectl_writes_them() {
    let object = from_json(br#"{"a":{"b.c":[{"n":1},{"n":2},{"n":3}]},"k":"v"}"#).unwrap();
    let found = |path: &str| {
        let path = JsonPath::parse(path).unwrap();
        path.find(&object).into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(found(r"{.a.b\.c[0].n}"), [Value::Integer(1)]);
    assert_eq!(found("$.a['b.c'][-1].n"), [Value::Integer(3)]);
    assert_eq!(found(r".a.b\.c[*].n").len(), 3);
    assert_eq!(
        found(r".a.b\.c[1:].n"),
        [Value::Integer(2), Value::Integer(3)]
    );
    assert_eq!(
        found(r".a.b\.c[?(@.n>=2)].n"),
        [Value::Integer(2), Value::Integer(3)]
    );
    assert_eq!(found("..n").len(), 3);
    assert!(found(".missing.path").is_empty());
    assert!(JsonPath::parse(".a[").is_err());
    assert!(JsonPath::parse(".a[?(@.b==x)]").is_err());
}

#[test]
fn a_row_carries_what_was_asked_for() {
    let object = value!({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}});
    let row = |include| {
        let options = TableOptions {
            include,
            ..options()
        };
        let table = table(
            &Printer::builtin("", "configmaps"),
            Value::map(),
            std::slice::from_ref(&object),
            &options,
        );
        table.get("rows").and_then(Value::as_list).unwrap()[0]
            .get("object")
            .cloned()
    };
    assert_eq!(row(IncludeObject::None), Some(Value::Null));
    assert_eq!(row(IncludeObject::Object), Some(object.clone()));
    assert_eq!(row(IncludeObject::Metadata).unwrap().get("data"), None);
}

proptest! {
    #[test]
    fn no_text_makes_the_path_reader_panic(text in r#"[.\[\]$@?()'"*:a-c0-9\\=<> -]{0,24}"#) {
        let object = value!({"a": [{"b": 1}], "c": "x"});
        if let Ok(path) = JsonPath::parse(&text) {
            drop(path.find(&object));
        }
    }
}
