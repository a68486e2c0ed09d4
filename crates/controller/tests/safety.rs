//! What a Kustomization may ask for beyond Flux: fewer deletions, consent,
//! a plan, the good objects alone, a suspension that ends.

use super::world::{World, condition, map};
use std::time::Duration;
use trueup_kinds::Approval;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const REFUSED: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: apps}\nspec: {ports: [{port: 99999}]}\n";

/// Files `apps/NAME.yaml`, each a ConfigMap.
fn maps(names: &[&str]) -> Vec<(String, String)> {
    let file = |name: &&str| (format!("apps/{name}.yaml"), map(name, &[]));
    names.iter().map(file).collect()
}

fn push(world: &World, subject: &str, files: &[(String, String)]) -> String {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    world.push(subject, &files)
}

/// A world whose Kustomization `apps` has applied these ConfigMaps.
async fn with_maps(names: &[&str]) -> World {
    let world = World::new(61).await;
    let revision = push(&world, "first", &maps(names));
    world.repository().await;
    world.kustomization("apps", "./apps", Value::map()).await;
    world.applied("apps", &revision).await;
    world
}

async fn annotate(world: &World, key: &str, text: impl Into<Value>) {
    let mut patch = Value::map();
    patch.set_at(&["metadata", "annotations", key], text.into());
    world.patch_kustomization("apps", patch).await;
}

async fn annotation(world: &World, key: &str) -> Option<String> {
    let object = world
        .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps")
        .await?;
    let text = object.str_at(&["metadata", "annotations", key])?;
    Some(text.to_owned())
}

async fn message(world: &World, kind: &str) -> String {
    let status = world.kustomization_status("apps").await;
    condition(&status, kind).unwrap().2
}

/// Waits until deletions are held at a revision; answers what is asked for.
async fn held(world: &World, revision: &str) -> Approval {
    world
        .until(&format!("deletions of {revision} are held"), async || {
            let status = world.kustomization_status("apps").await;
            condition(&status, "DeletionsHeld").is_some_and(|it| it.2.contains(revision))
        })
        .await;
    Approval::asked_for(&message(world, "DeletionsHeld").await).unwrap()
}

async fn exist(world: &World, names: &[&str]) -> Vec<bool> {
    let mut found = Vec::new();
    for name in names {
        found.push(world.config_map(name).await.is_some());
    }
    found
}

#[test]
fn over_the_limit_nothing_is_deleted_all_else_applied_and_one_approval_is_used_once() {
    virtual_time(async {
        let world = with_maps(&["a", "b", "c", "d"]).await;
        annotate(&world, "trueup.dev/max-deletions", "2").await;
        let revision = push(&world, "three less, one more", &maps(&["a", "new"]));
        let approval = held(&world, &revision).await;
        let names = ["a", "b", "c", "d", "new"];
        assert_eq!(exist(&world, &names).await, [true; 5]);
        let said = message(&world, "Ready").await;
        assert!(
            said.starts_with("3 of 5 objects would be deleted"),
            "{said}"
        );
        assert!(
            said.ends_with("To allow it once: trueup approve kustomization apps -n fleet"),
            "{said}"
        );
        let whole = message(&world, "DeletionsHeld").await;
        for name in ["ConfigMap/apps/b", "ConfigMap/apps/c", "ConfigMap/apps/d"] {
            assert!(whole.contains(name), "{whole}");
        }
        assert!(world.told("DeletionsHeld: 3 of 5"), "{:#?}", world.lines());
        annotate(&world, Approval::ANNOTATION, approval.to_string()).await;
        world.applied("apps", &revision).await;
        world.rest().await;
        assert_eq!(
            exist(&world, &names).await,
            [true, false, false, false, true]
        );
        assert_eq!(annotation(&world, Approval::ANNOTATION).await, None);
        let status = world.kustomization_status("apps").await;
        assert_eq!(condition(&status, "DeletionsHeld"), None);
        assert_eq!(condition(&status, "Stalled"), None);
        assert!(world.told("DeletionsApproved"), "{:#?}", world.lines());
    });
}

#[test]
fn an_approval_of_a_smaller_set_or_of_nonsense_allows_nothing() {
    virtual_time(async {
        let world = with_maps(&["a", "b", "c", "d", "e"]).await;
        annotate(&world, "trueup.dev/max-deletions", "20%").await;
        let two = push(&world, "two less", &maps(&["a", "b", "c"]));
        let approval = held(&world, &two).await;
        let three = push(&world, "three less", &maps(&["a", "b"]));
        annotate(&world, Approval::ANNOTATION, approval.to_string()).await;
        held(&world, &three).await;
        annotate(&world, Approval::ANNOTATION, "all of them").await;
        world.rest().await;
        assert_eq!(exist(&world, &["c", "d", "e"]).await, [true; 3]);
        let one = push(&world, "one less", &maps(&["a", "b", "c", "d"]));
        world.applied("apps", &one).await;
        assert_eq!(exist(&world, &["c", "d", "e"]).await, [true, true, false]);
    });
}

#[test]
fn who_wants_to_be_asked_is_asked_for_one_object_or_for_all() {
    virtual_time(async {
        let world = with_maps(&["a", "b"]).await;
        let marked = map("precious", &[]).replace(
            "  name: precious",
            "  annotations: {trueup.dev/prune: confirm}\n  name: precious",
        );
        let mut files = maps(&["a", "b"]);
        files.push(("apps/precious.yaml".to_owned(), marked));
        let with = push(&world, "precious", &files);
        world.applied("apps", &with).await;
        let without = push(&world, "neither b nor precious", &maps(&["a"]));
        let approval = held(&world, &without).await;
        assert_eq!(exist(&world, &["b", "precious"]).await, [false, true]);
        annotate(&world, Approval::ANNOTATION, approval.to_string()).await;
        world.applied("apps", &without).await;
        assert_eq!(exist(&world, &["precious"]).await, [false]);
        annotate(&world, "trueup.dev/prune", "confirm").await;
        let none = push(&world, "nothing", &maps(&["other"]));
        held(&world, &none).await;
        assert_eq!(exist(&world, &["a", "other"]).await, [true, true]);
        annotate(&world, "trueup.dev/prune", Value::Null).await;
        world.applied("apps", &none).await;
        assert_eq!(exist(&world, &["a"]).await, [false]);
    });
}

#[test]
fn an_annotation_that_is_not_understood_stops_its_object_alone_until_it_is_put_right() {
    virtual_time(async {
        let world = with_maps(&["a", "b"]).await;
        world.kustomization("good", "./good", Value::map()).await;
        for (key, text) in [
            ("trueup.dev/max-deletions", "some"),
            ("trueup.dev/prune", "confrim"),
            ("trueup.dev/mode", "paln"),
            ("trueup.dev/apply", "\u{1b}[31mpartial"),
        ] {
            annotate(&world, key, text).await;
            let said = world.fails("apps", "InvalidAnnotation").await;
            assert!(said.contains(key) && !said.contains('\u{1b}'), "{said}");
            let mut files = maps(&["a"]);
            files.push(("good/g.yaml".to_owned(), map("g", &[("key", key)])));
            let revision = push(&world, key, &files);
            world.applied("good", &revision).await;
            assert_eq!(exist(&world, &["b"]).await, [true]);
            let status = world.kustomization_status("apps").await;
            assert_eq!(condition(&status, "Stalled").unwrap().0, "True");
            files.push(("apps/b.yaml".to_owned(), map("b", &[])));
            push(&world, "b again", &files);
            annotate(&world, key, Value::Null).await;
            world
                .until("ready again", async || {
                    let status = world.kustomization_status("apps").await;
                    condition(&status, "Ready").is_some_and(|it| it.0 == "True")
                })
                .await;
        }
    });
}

#[test]
fn plan_mode_writes_nothing_but_the_plan_and_leaving_it_applies() {
    virtual_time(async {
        let world = with_maps(&["a", "b"]).await;
        annotate(&world, "trueup.dev/mode", "plan").await;
        world.rest().await;
        let before = world.faults.writes().len();
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: apps}\nstringData: {password: hunter2}\n";
        let far = map("far", &[]).replace("namespace: apps", "namespace: far");
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: far}\n";
        let a = map("a", &[("key", "new")]);
        let revision = world.push(
            "much",
            &[
                ("apps/a.yaml", &a),
                ("apps/far.yaml", &far),
                ("apps/namespace.yaml", namespace),
                ("apps/secret.yaml", secret),
                ("apps/x.yaml", REFUSED),
            ],
        );
        world
            .until("the plan is there", async || {
                let status = world.kustomization_status("apps").await;
                condition(&status, "Planned").is_some_and(|it| it.2.contains(&revision))
            })
            .await;
        world.rest().await;
        let writes = world.faults.writes()[before..].to_vec();
        let kept: Vec<&str> = writes
            .iter()
            .filter(|it| !it.is_dry_run())
            .map(|it| it.path.as_str())
            .filter(|path| !path.contains("/events") && !path.contains("gitrepositories"))
            .collect();
        let status_path =
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/fleet/kustomizations/apps/status";
        assert!(
            !kept.is_empty() && kept.iter().all(|it| *it == status_path),
            "{kept:#?}"
        );
        let plan = message(&world, "Planned").await;
        for line in [
            "3 to create, 1 to change, 1 to delete, 1 refused; nothing was written",
            "refused: Service/apps/x dry-run failed (Invalid)",
            "ConfigMap/apps/b to delete",
            "ConfigMap/apps/a to change (.data",
            "Namespace/far to create",
            "ConfigMap/far/far to create",
            "Secret/apps/s to create",
        ] {
            assert!(plan.contains(line), "{line} in {plan}");
        }
        assert!(
            !plan.contains("hunter2") && !plan.contains("aHVudGVyMg"),
            "{plan}"
        );
        assert_eq!(message(&world, "Ready").await, plan.lines().next().unwrap());
        let good = world.push("good", &[("apps/a.yaml", &a)]);
        annotate(&world, "trueup.dev/mode", Value::Null).await;
        world.applied("apps", &good).await;
        assert_eq!(exist(&world, &["a", "b"]).await, [true, false]);
        let status = world.kustomization_status("apps").await;
        assert_eq!(condition(&status, "Planned"), None);
    });
}

#[test]
fn a_change_of_a_secret_is_planned_without_its_values() {
    virtual_time(async {
        let secret = |password: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: apps}}\nstringData: {{password: {password}}}\n"
            )
        };
        let world = World::new(62).await;
        let first = world.push("first", &[("apps/s.yaml", &secret("hunter2"))]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &first).await;
        annotate(&world, "trueup.dev/mode", "plan").await;
        let second = world.push("second", &[("apps/s.yaml", &secret("topsecret"))]);
        world
            .until("the plan is there", async || {
                let status = world.kustomization_status("apps").await;
                condition(&status, "Planned").is_some_and(|it| it.2.contains(&second))
            })
            .await;
        let plan = message(&world, "Planned").await;
        assert!(
            plan.contains("Secret/apps/s to change (.data.password *** → ***)"),
            "{plan}"
        );
        world.delete_kustomization("apps").await;
        assert!(
            world.get("v1", "Secret", "s").await.is_some(),
            "in plan mode nothing is deleted"
        );
    });
}

#[test]
fn what_was_made_from_a_secret_is_planned_without_its_values() {
    virtual_time(async {
        let world = World::new(63).await;
        let secret = |text: &str| {
            value!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "variables", "namespace": "fleet",
                    "labels": {"reconcile.fluxcd.io/watch": "Enabled"}},
                "stringData": {"password": text}})
        };
        world.apply(&secret("hunter2")).await;
        let made = map("a", &[("key", "${password}")]);
        let first = world.push("first", &[("apps/a.yaml", &made)]);
        world.repository().await;
        let spec = value!({"postBuild": {"substituteFrom": [
            {"kind": "Secret", "name": "variables"},
        ]}});
        world.kustomization("apps", "./apps", spec).await;
        world.applied("apps", &first).await;
        annotate(&world, "trueup.dev/mode", "plan").await;
        world.apply(&secret("topsecret")).await;
        world
            .until("the change is planned", async || {
                let status = world.kustomization_status("apps").await;
                condition(&status, "Planned").is_some_and(|it| it.2.contains("to change"))
            })
            .await;
        let plan = message(&world, "Planned").await;
        assert!(
            plan.contains("ConfigMap/apps/a to change (.data.key *** → ***)"),
            "{plan}"
        );
        for line in [plan].into_iter().chain(world.lines()) {
            assert!(
                !line.contains("hunter2") && !line.contains("topsecret"),
                "{line}"
            );
        }
    });
}

#[test]
fn the_good_objects_are_applied_although_one_is_refused_and_nothing_is_pruned() {
    virtual_time(async {
        let world = with_maps(&["a", "b"]).await;
        annotate(&world, "trueup.dev/apply", "partial").await;
        let (a, c) = (map("a", &[("key", "new")]), map("c", &[]));
        let files = [
            ("apps/a.yaml", a.as_str()),
            ("apps/c.yaml", &c),
            ("apps/x.yaml", REFUSED),
        ];
        let bad = world.push("bad", &files);
        let said = world.fails("apps", "ReconciliationFailed").await;
        assert!(
            said.starts_with("1 refused and left out, the others are applied, nothing is deleted:\nService/apps/x dry-run failed (Invalid)"),
            "{said}"
        );
        world.rest().await;
        assert_eq!(exist(&world, &["a", "b", "c"]).await, [true; 3]);
        let live = world.config_map("a").await.unwrap();
        assert_eq!(live.str_at(&["data", "key"]), Some("new"));
        let status = world.kustomization_status("apps").await;
        assert_eq!(
            status.str_at(&["lastAttemptedRevision"]),
            Some(bad.as_str())
        );
        assert_ne!(status.str_at(&["lastAppliedRevision"]), Some(bad.as_str()));
        world.delete("v1", "ConfigMap", "c").await;
        world
            .until("drift of good objects is corrected", async || {
                world.config_map("c").await.is_some()
            })
            .await;
        let good = world.push("good", &files[..2]);
        world.applied("apps", &good).await;
        assert_eq!(exist(&world, &["b"]).await, [false]);
    });
}

#[test]
fn a_suspension_ends_by_itself_at_its_time() {
    virtual_time(async {
        let world = with_maps(&["a"]).await;
        let until = |seconds: i64| {
            let at = world.clock.now() + jiff::SignedDuration::from_secs(seconds);
            at.to_string()
        };
        let suspended = |until: &str| {
            value!({"spec": {"suspend": true}, "metadata": {"annotations": {
                "trueup.dev/suspend-reason": "a drill", "trueup.dev/suspend-by": "me",
                "trueup.dev/suspend-until": until}}})
        };
        world
            .patch_kustomization("apps", suspended(&until(300)))
            .await;
        let revision = push(&world, "more", &maps(&["a", "b"]));
        tokio::time::sleep(Duration::from_secs(290)).await;
        assert_eq!(exist(&world, &["b"]).await, [false]);
        world.applied("apps", &revision).await;
        assert!(world.told("Resumed: resumed: the suspension by me until"));
        assert!(world.told("is over (a drill)"), "{:#?}", world.lines());
        assert_eq!(annotation(&world, "trueup.dev/suspend-until").await, None);
        let suspend = |object: Value| object.at(&["spec", "suspend"]).and_then(Value::as_bool);
        let object = world
            .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps")
            .await;
        assert_ne!(object.and_then(suspend), Some(true));
        world
            .patch_kustomization("apps", suspended("next week"))
            .await;
        push(&world, "still more", &maps(&["a", "b", "c"]));
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(exist(&world, &["c"]).await, [false]);
        assert!(world.told("InvalidAnnotation: suspended until it is resumed"));
        world
            .patch_kustomization("apps", suspended(&until(60)))
            .await;
        world
            .until("an end set later counts", async || {
                world.config_map("c").await.is_some()
            })
            .await;
    });
}

#[test]
fn what_somebody_else_resumed_keeps_no_end_for_the_next_suspension() {
    virtual_time(async {
        let world = with_maps(&["a"]).await;
        let at = world.clock.now() + jiff::SignedDuration::from_secs(60);
        let suspended = value!({"spec": {"suspend": true}, "metadata": {"annotations": {
            "trueup.dev/suspend-until": at.to_string()}}});
        world.patch_kustomization("apps", suspended).await;
        let plain = |suspend: bool| value!({"spec": {"suspend": suspend}});
        world.patch_kustomization("apps", plain(false)).await;
        world
            .until("nothing is left of it", async || {
                annotation(&world, "trueup.dev/suspend-until")
                    .await
                    .is_none()
            })
            .await;
        world.patch_kustomization("apps", plain(true)).await;
        push(&world, "more", &maps(&["a", "b"]));
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(exist(&world, &["b"]).await, [false]);
    });
}
