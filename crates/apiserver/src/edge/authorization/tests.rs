use super::*;
use trueup_object::value;

fn asks(verb: &str, group: &str, resource: &str, subresource: &str, name: &str) -> Attributes {
    let target = Target::Resource {
        group: group.into(),
        version: "v1".into(),
        namespace: "n".into(),
        resource: resource.into(),
        subresource: subresource.into(),
        name: name.into(),
    };
    Attributes {
        verb: verb.into(),
        target,
    }
}

#[test]
fn a_rule_allows_exactly_what_it_names() {
    let rule = PolicyRule::read(&value!({
        "verbs": ["get"], "apiGroups": [""], "resources": ["pods", "*/scale", "pods/log"], "resourceNames": []
    }));
    assert!(rule.allows(&asks("get", "", "pods", "", "p")));
    assert!(rule.allows(&asks("get", "", "pods", "log", "p")));
    assert!(rule.allows(&asks("get", "", "anything", "scale", "p")));
    assert!(!rule.allows(&asks("get", "", "pods", "exec", "p")));
    assert!(!rule.allows(&asks("list", "", "pods", "", "")));
    assert!(!rule.allows(&asks("get", "apps", "pods", "", "p")));
}

#[test]
fn resource_names_never_allow_a_collection() {
    let rule = PolicyRule::read(&value!({
        "verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"]
    }));
    assert!(rule.allows(&asks("get", "", "configmaps", "", "mine")));
    assert!(!rule.allows(&asks("get", "", "configmaps", "", "other")));
    assert!(!rule.allows(&asks("list", "", "configmaps", "", "")));
}

#[test]
fn a_star_at_the_end_of_a_path_stands_for_any_rest() {
    let rule =
        PolicyRule::read(&value!({"verbs": ["get"], "nonResourceURLs": ["/logs/*", "/metrics"]}));
    let path = |path: &str| Attributes {
        verb: "get".into(),
        target: Target::Path(path.into()),
    };
    assert!(rule.allows(&path("/metrics")));
    assert!(rule.allows(&path("/logs/x/y")));
    assert!(!rule.allows(&path("/metrics/x")));
    assert!(!rule.allows(&asks("get", "", "pods", "", "p")));
}

#[test]
fn a_split_rule_is_covered_by_what_it_came_from() {
    let rule = PolicyRule::read(&value!({
        "verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["a", "b"], "resourceNames": ["x"],
        "nonResourceURLs": ["/m"]
    }));
    let parts = rule.split();
    assert_eq!(parts.len(), 2 * (2 * 2 + 1));
    assert!(parts.iter().all(|part| rule.covers(part)));
    let unnamed = PolicyRule {
        resource_names: Vec::new(),
        ..parts[0].clone()
    };
    assert!(!rule.covers(&unnamed), "all names are more than one name");
}

#[test]
fn a_field_selector_on_the_name_names_the_object() {
    let request = Request::new(
        "GET",
        "/api/v1/namespaces/n/configmaps?fieldSelector=metadata.name%3Dmine",
    );
    let ApiPath::Resource(path) = parse_path(&request.path) else {
        panic!("a resource")
    };
    let attributes = Attributes::of_resource(&request, &path);
    assert!(matches!(attributes.target, Target::Resource { name, .. } if name == "mine"));
}
