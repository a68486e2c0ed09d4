//! What the API fills in where nothing is said, so that it is not taken for
//! somebody's change.

use trueup_object::{Map, Value, value};

const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
/// How long an answer to a cross-origin question may be kept, in seconds.
const CORS_MAX_AGE_SECONDS: i64 = 5;

/// Parents of a route, completed.
pub(super) fn parents(parents: &Value) -> Value {
    each(parents, |parent| {
        default(parent, "group", &GATEWAY_GROUP.into());
        default(parent, "kind", &"Gateway".into());
    })
}

/// Rules of a route, completed.
pub(super) fn rules(rules: &Value) -> Value {
    let all_paths = value!([{"path": {"type": "PathPrefix", "value": "/"}}]);
    each(rules, |rule| {
        default(rule, "matches", &all_paths);
        within(rule, "matches", requests);
        within(rule, "filters", filter);
        within(rule, "backendRefs", |backend| {
            default(backend, "weight", &1.into());
            service(backend);
            within(backend, "filters", filter);
        });
    })
}

fn requests(requests: &mut Map) {
    default(requests, "path", &Value::map());
    if let Some(path) = requests.get_mut("path").and_then(Value::as_map_mut) {
        default(path, "type", &"PathPrefix".into());
        default(path, "value", &"/".into());
    }
    for key in ["headers", "queryParams"] {
        within(requests, key, |text| default(text, "type", &"Exact".into()));
    }
}

fn filter(filter: &mut Map) {
    let mirror = filter.get_mut("requestMirror").and_then(Value::as_map_mut);
    let backend = mirror.and_then(|mirror| mirror.get_mut("backendRef"));
    if let Some(backend) = backend.and_then(Value::as_map_mut) {
        service(backend);
    }
    if let Some(cors) = filter.get_mut("cors").and_then(Value::as_map_mut) {
        default(cors, "maxAge", &CORS_MAX_AGE_SECONDS.into());
    }
}

fn service(backend: &mut Map) {
    default(backend, "group", &"".into());
    default(backend, "kind", &"Service".into());
}

fn default(map: &mut Map, key: &str, value: &Value) {
    if map.get(key).is_none_or(Value::is_null) {
        map.insert(key, value.clone());
    }
}

/// A list with every map in it changed.
fn each(list: &Value, change: impl Fn(&mut Map)) -> Value {
    let mut list = list.clone();
    if let Some(items) = list.as_list_mut() {
        for item in items.make_mut() {
            if let Some(map) = item.as_map_mut() {
                change(map);
            }
        }
    }
    list
}

/// Changes every map in the list at `key`.
fn within(map: &mut Map, key: &str, change: impl Fn(&mut Map)) {
    if let Some(list) = map.get_mut(key) {
        *list = each(list, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_filled_in_equals_what_was_not_said() {
        let written = value!([{
            "matches": [{"headers": [{"name": "x", "value": "y"}]}],
            "backendRefs": [{"name": "web", "port": 80}],
        }]);
        let stored = value!([{
            "matches": [{
                "path": {"type": "PathPrefix", "value": "/"},
                "headers": [{"type": "Exact", "name": "x", "value": "y"}],
            }],
            "backendRefs": [
                {"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1},
            ],
        }]);
        assert_eq!(rules(&written), stored);
        assert_eq!(rules(&stored), stored);
    }

    #[test]
    fn odd_values_stay_as_they_are() {
        for odd in [value!("text"), value!([1, "a", null]), value!({"a": 1})] {
            assert_eq!(rules(&odd), odd);
            assert_eq!(parents(&odd), odd);
        }
        let odd = value!([{"matches": [1], "filters": "x", "backendRefs": {"a": 1}}]);
        assert_eq!(rules(&odd), odd);
    }
}
