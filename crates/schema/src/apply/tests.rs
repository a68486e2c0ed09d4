use super::*;
use crate::{Schemas, field_set};
use trueup_object::value;

fn config_map_type() -> Type {
    Schemas::builtin()
        .type_for(&GroupVersionKind::new("v1", "ConfigMap"))
        .unwrap()
}

/// One object and the managers that write to it.
struct Story {
    typ: Type,
    live: Option<Value>,
    now: String,
}

impl Story {
    fn new() -> Self {
        Self {
            typ: config_map_type(),
            live: None,
            now: "2024-01-01T00:00:00Z".into(),
        }
    }

    fn apply(&mut self, manager: &str, data: Value, force: Force) -> Result<Applied, ApplyError> {
        let mut applied =
            value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}});
        applied.set_at(&["data"], data);
        let result = apply(&ApplyInput {
            live: self.live.as_ref(),
            applied: &applied,
            typ: &self.typ,
            manager,
            api_version: "v1",
            subresource: "",
            force,
            reset: &FieldSet::new(),
            now: &self.now,
            versions: &SameShape(&self.typ),
        })?;
        self.live = Some(result.object.clone());
        Ok(result)
    }

    fn update(&mut self, manager: &str, change: impl FnOnce(&mut Value)) {
        let mut new = self.live.clone().unwrap();
        change(&mut new);
        self.live = Some(update(&UpdateInput {
            live: self.live.as_ref(),
            new: &new,
            typ: &self.typ,
            manager,
            api_version: "v1",
            subresource: "",
            reset: &FieldSet::new(),
            now: &self.now,
            versions: &SameShape(&self.typ),
        }));
    }

    fn owned(&self, manager: &str) -> Vec<String> {
        let entries = decode_managed(self.live.as_ref().unwrap()).unwrap();
        let fields = |entry: &ManagedEntry| {
            entry
                .fields
                .paths()
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        entries
            .iter()
            .find(|entry| entry.manager == manager)
            .map(fields)
            .unwrap_or_default()
    }

    fn data(&self) -> Value {
        self.live
            .as_ref()
            .unwrap()
            .get("data")
            .cloned()
            .unwrap_or_default()
    }
}

#[test]
fn a_field_left_out_goes_unless_another_manager_owns_it() {
    let mut story = Story::new();
    story
        .apply("alice", value!({"a": "1", "b": "1"}), Force::No)
        .unwrap();
    story.apply("bob", value!({"b": "1"}), Force::No).unwrap();
    story.apply("alice", value!({"c": "1"}), Force::No).unwrap();
    assert_eq!(story.data(), value!({"b": "1", "c": "1"}));
    assert_eq!(story.owned("alice"), [".data.c"]);
    assert_eq!(story.owned("bob"), [".data.b"]);
}

#[test]
fn another_value_is_a_conflict_and_force_takes_it() {
    let mut story = Story::new();
    story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    let error = story
        .apply("bob", value!({"a": "2"}), Force::No)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"alice\": .data.a"
    );
    story.apply("bob", value!({"a": "2"}), Force::Yes).unwrap();
    assert_eq!(story.data(), value!({"a": "2"}));
    assert!(story.owned("alice").is_empty());
}

#[test]
fn an_apply_of_nothing_new_keeps_the_time_of_the_entry() {
    let mut story = Story::new();
    let first = story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    story.now = "2025-01-01T00:00:00Z".into();
    let second = story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    assert!(first.changed && !second.changed);
    assert_eq!(first.object, second.object);
}

#[test]
fn one_who_only_comes_to_share_has_no_time() {
    let mut story = Story::new();
    story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    story.apply("bob", value!({"a": "1"}), Force::No).unwrap();
    let entries = decode_managed(story.live.as_ref().unwrap()).unwrap();
    let times: Vec<_> = entries
        .iter()
        .map(|entry| (entry.manager.as_str(), entry.time.is_some()))
        .collect();
    assert_eq!(times, [("bob", false), ("alice", true)]);
}

#[test]
fn an_update_takes_what_it_changes_and_nothing_else() {
    let mut story = Story::new();
    story
        .apply("alice", value!({"a": "1", "b": "1"}), Force::No)
        .unwrap();
    story.update("editor", |object| object.set_at(&["data", "b"], "2".into()));
    assert_eq!(story.owned("alice"), [".data.a"]);
    assert_eq!(story.owned("editor"), [".data.b"]);
}

#[test]
fn the_oldest_of_many_updaters_are_joined() {
    let mut story = Story::new();
    story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    for number in 0..15 {
        story.now = format!("2024-01-01T00:00:{number:02}Z");
        story.update(&format!("u{number:02}"), |object| {
            object.set_at(&["data", &format!("k{number}")], "x".into());
        });
    }
    let entries = decode_managed(story.live.as_ref().unwrap()).unwrap();
    assert_eq!(
        entries
            .iter()
            .filter(|entry| entry.operation == Operation::Update)
            .count(),
        10
    );
    let joined = entries
        .iter()
        .find(|entry| entry.manager == "ancient-changes")
        .unwrap();
    assert_eq!(joined.fields.len(), 6);
    assert_eq!(joined.time.as_deref(), Some("2024-01-01T00:00:05Z"));
}

#[test]
fn what_was_there_before_the_first_apply_has_an_owner() {
    let mut story = Story::new();
    story.live = Some(value!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "cm", "uid": "1"}, "data": {"a": "1"}}));
    let error = story
        .apply("alice", value!({"a": "2"}), Force::No)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a"
    );
    story.apply("alice", value!({"b": "2"}), Force::No).unwrap();
    assert_eq!(story.owned("before-first-apply"), [".data", ".data.a"]);
}

#[test]
fn cleared_owners_stay_cleared_through_updates() {
    let mut story = Story::new();
    story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    story.update("editor", |object| {
        object.set_at(&["metadata", "managedFields"], value!([{}]))
    });
    assert_eq!(
        story
            .live
            .as_ref()
            .unwrap()
            .at(&["metadata", "managedFields"]),
        None
    );
    story.update("editor", |object| object.set_at(&["data", "b"], "2".into()));
    assert_eq!(
        story
            .live
            .as_ref()
            .unwrap()
            .at(&["metadata", "managedFields"]),
        None
    );
}

#[test]
fn broken_owners_sent_by_a_client_are_not_taken() {
    let mut story = Story::new();
    story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    story.update("editor", |object| {
        object.set_at(
            &["metadata", "managedFields"],
            value!([{"manager": "x", "operation": "Nonsense"}]),
        );
    });
    assert_eq!(story.owned("alice"), [".data.a"]);
}

#[test]
fn a_configuration_says_nothing_of_owners_and_has_the_right_version() {
    let mut story = Story::new();
    story.typ = config_map_type();
    let with_owners = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "managedFields": []}});
    let other_version =
        value!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "cm"}});
    for (applied, wanted) in [
        (with_owners, "metadata.managedFields must be nil"),
        (
            other_version,
            "Incorrect version specified in apply patch. Specified patch version: v2, expected: v1",
        ),
    ] {
        let result = apply(&ApplyInput {
            live: None,
            applied: &applied,
            typ: &story.typ,
            manager: "alice",
            api_version: "v1",
            subresource: "",
            force: Force::No,
            reset: &FieldSet::new(),
            now: "2024-01-01T00:00:00Z",
            versions: &SameShape(&story.typ),
        });
        assert_eq!(result, Err(ApplyError::BadRequest(wanted.into())));
    }
}

#[test]
fn times_alone_are_no_change() {
    let mut story = Story::new();
    story.apply("alice", value!({"a": "1"}), Force::No).unwrap();
    let live = story.live.clone().unwrap();
    let mut later = live.clone();
    let mut fields = later
        .at(&["metadata", "managedFields"])
        .unwrap()
        .as_list()
        .unwrap()[0]
        .clone();
    fields.set_at(&["time"], "2030-01-01T00:00:00Z".into());
    later.set_at(&["metadata", "managedFields"], Value::from(vec![fields]));
    let mut changed = later.clone();
    changed.set_at(&["data", "a"], "2".into());
    keep_timestamps(&live, &mut later);
    assert_eq!(later, live);
    let before = changed.clone();
    keep_timestamps(&live, &mut changed);
    assert_eq!(changed, before);
}

#[test]
fn owned_fields_follow_a_type_that_became_atomic() {
    let granular = Type::from_structural(&crate::Structural::parse_accepted(
        &value!({"type": "object", "properties":
        {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}}}),
    ));
    let atomic = Type::from_structural(&crate::Structural::parse_accepted(
        &value!({"type": "object", "properties":
        {"spec": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}}}}}),
    ));
    let object = value!({"spec": {"a": "1"}});
    let owned = field_set(&object, &granular);
    let adapted = crate::typed::reconcile(&owned, &atomic).unwrap();
    assert_eq!(adapted, field_set(&object, &atomic));
    assert_eq!(crate::typed::reconcile(&adapted, &atomic), None);
}
