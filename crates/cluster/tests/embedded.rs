//! The client against the embedded API server.

use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use trueup_cluster::{
    ApplyOptions, DeleteOptions, Deletion, ErrorClass, Form, Identity, Leadership, LeaseElection,
    LeaseTimes, Precedence, Scope, Session, Verb, WatchEvent, WatchSpec, WriteOptions,
    keep_discovery_fresh,
};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, value};
use trueup_testkit::{FaultRates, TestCluster, virtual_time};

fn config_map(namespace: &Text, name: &str, text: &str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": (namespace.clone())}, "data": {"text": text},
    })
}

fn reference(namespace: &Text, name: &str) -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::new("v1", "ConfigMap"),
        namespace: namespace.clone(),
        name: name.into(),
    }
}

fn definition() -> Value {
    value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

#[test]
fn an_object_is_applied_read_and_deleted() {
    virtual_time(async {
        let cluster = TestCluster::embedded(1);
        let (session, namespace) = (cluster.session(), cluster.namespace("c").await.unwrap());
        let manifest = config_map(&namespace, "a", "1");
        let tried = session
            .apply(&manifest, &ApplyOptions::new("me").dry_run())
            .await
            .unwrap();
        assert_eq!(tried.value().str_at(&["data", "text"]), Some("1"));
        assert!(
            session
                .find(&reference(&namespace, "a"), Form::Full)
                .await
                .unwrap()
                .is_none()
        );
        let live = session
            .apply(&manifest, &ApplyOptions::new("me"))
            .await
            .unwrap();
        assert!(
            std::str::from_utf8(live.managed_fields().unwrap())
                .unwrap()
                .contains("f:text")
        );
        let read = session
            .get(&reference(&namespace, "a"), Form::Metadata)
            .await
            .unwrap();
        assert_eq!((read.uid(), read.value().get("data")), (live.uid(), None));

        let other = config_map(&namespace, "a", "2");
        let conflict = session
            .apply(&other, &ApplyOptions::new("you"))
            .await
            .unwrap_err();
        assert!(conflict.is_apply_conflict());
        assert_eq!(conflict.causes()[0].field, ".data.text");
        session
            .apply(&other, &ApplyOptions::new("you").taking_over())
            .await
            .unwrap();

        let wrong = DeleteOptions::of_uid("not-this-one");
        let error = session
            .delete(&reference(&namespace, "a"), &wrong)
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Conflict);
        let gone = session
            .delete(
                &reference(&namespace, "a"),
                &DeleteOptions::of_uid(live.uid()),
            )
            .await;
        assert!(matches!(gone, Ok(Deletion::Gone)));
        let error = session
            .delete(&reference(&namespace, "a"), &DeleteOptions::default())
            .await
            .unwrap_err();
        assert!(error.is_not_found());
    });
}

#[test]
fn a_new_definition_can_be_used_at_once() {
    virtual_time(async {
        let cluster = TestCluster::embedded(2);
        let (session, namespace) = (cluster.session(), cluster.namespace("c").await.unwrap());
        let fresh = tokio::spawn(keep_discovery_fresh(cluster.cluster().clone()));
        let mut watch = session.watch(WatchSpec {
            kind: GroupVersionKind::new("example.com/v1", "Widget"),
            scope: Scope::all(),
            form: Form::Metadata,
        });
        assert!(
            matches!(watch.next().await.unwrap(), WatchEvent::Error(error) if error.class() == ErrorClass::KindMissing)
        );
        session
            .apply(&definition(), &ApplyOptions::new("me"))
            .await
            .unwrap();
        let widget = value!({
            "apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": {"name": "w", "namespace": (namespace.clone())}, "spec": {"a": 1},
        });
        session
            .apply(&widget, &ApplyOptions::new("me"))
            .await
            .unwrap();
        let applied = watch.filter_map(async |event| match event {
            WatchEvent::Applied(object) => Some(object),
            _ => None,
        });
        let object = tokio::time::timeout(Duration::from_secs(5), Box::pin(applied).next()).await;
        assert_eq!(
            object.unwrap().unwrap().reference().to_string(),
            format!("Widget/{namespace}/w")
        );
        fresh.abort();
    });
}

/// What a watch has told, kept.
async fn follow(
    session: Session,
    namespace: Text,
    seen: Arc<std::sync::Mutex<std::collections::BTreeMap<Text, Text>>>,
) {
    let mut watch = session.watch(WatchSpec {
        kind: GroupVersionKind::new("v1", "ConfigMap"),
        scope: Scope {
            namespace: Some(namespace),
            label_selector: "own=yes".into(),
            ..Scope::default()
        },
        form: Form::Full,
    });
    while let Some(event) = watch.next().await {
        match event {
            WatchEvent::Applied(object) => {
                let text = object
                    .value()
                    .str_at(&["data", "text"])
                    .unwrap_or_default()
                    .into();
                seen.lock().unwrap().insert(object.name().clone(), text);
            }
            WatchEvent::Deleted(deleted) => {
                seen.lock().unwrap().remove(&deleted.reference.name);
            }
            _ => {}
        }
    }
}

#[test]
fn a_watch_through_faults_ends_up_knowing_exactly_what_is_there() {
    for seed in 0..12 {
        virtual_time(async move {
            let cluster = TestCluster::embedded(seed);
            let namespace = cluster.namespace("c").await.unwrap();
            let user = cluster.undisturbed().session();
            let faults = cluster.faults().unwrap();
            faults.set_rates(FaultRates {
                watch_drop: 200,
                ..FaultRates::ROUGH
            });
            let seen = Arc::default();
            let task = tokio::spawn(follow(
                cluster.session(),
                namespace.clone(),
                Arc::clone(&seen),
            ));
            let mut random = fastrand::Rng::with_seed(seed);
            for step in 0..150 {
                let name = format!("c{}", random.u32(0..6));
                let mut object = config_map(&namespace, &name, &step.to_string());
                if random.u32(0..3) > 0 {
                    // Losing the label looks like a deletion.
                    let own = if random.u32(0..4) > 0 { "yes" } else { "no" };
                    object.set_at(&["metadata", "labels", "own"], own.into());
                    user.apply(&object, &ApplyOptions::new("user"))
                        .await
                        .unwrap();
                } else {
                    let _ = user
                        .delete(&reference(&namespace, &name), &DeleteOptions::default())
                        .await;
                }
                if random.u32(0..20) == 0 {
                    faults.drop_watches();
                }
                tokio::time::sleep(Duration::from_millis(random.u64(0..400))).await;
            }
            faults.calm();
            tokio::time::sleep(Duration::from_secs(60)).await;
            let scope = Scope::namespace(&namespace).labelled("own=yes");
            let kind = GroupVersionKind::new("v1", "ConfigMap");
            let there = user.list(&kind, &scope, Form::Full).await.unwrap();
            let there: std::collections::BTreeMap<Text, Text> = there
                .objects
                .iter()
                .map(|object| {
                    (
                        object.name().clone(),
                        object.value().str_at(&["data", "text"]).unwrap().into(),
                    )
                })
                .collect();
            assert_eq!(*seen.lock().unwrap(), there, "seed {seed}");
            task.abort();
        });
    }
}

#[test]
fn a_tenant_may_do_only_what_it_is_allowed() {
    virtual_time(async {
        let cluster = TestCluster::embedded(3);
        let namespace = cluster.namespace("c").await.unwrap();
        let tenant = cluster
            .cluster()
            .session_as(Identity::service_account(&namespace, "deployer"));
        let object = config_map(&namespace, "a", "1");
        let error = tenant
            .create(&object, &WriteOptions::new("me"))
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Forbidden);
        assert!(
            error
                .message()
                .contains(&format!("system:serviceaccount:{namespace}:deployer"))
        );
        cluster
            .session()
            .create(&object, &WriteOptions::new("me"))
            .await
            .unwrap();
        assert_eq!(
            cluster.cluster().counters().of(Verb::Create, "configmaps"),
            2
        );
    });
}

#[test]
fn of_three_candidates_one_leads_and_another_follows_when_it_goes() {
    virtual_time(async {
        let cluster = TestCluster::embedded(4);
        let namespace = cluster.namespace("c").await.unwrap();
        let clock = cluster.wall_clock();
        let candidate = |name: &str| {
            let session = cluster.session();
            LeaseElection::new(
                session,
                &namespace,
                "x-leader-election",
                name,
                LeaseTimes::FLUX,
                clock.clone(),
            )
        };
        let mut candidates = vec![candidate("a"), candidate("b"), candidate("c")];
        let leaders = async |candidates: &mut Vec<LeaseElection>| {
            let mut leaders = Vec::new();
            for (index, candidate) in candidates.iter_mut().enumerate() {
                if candidate.try_once().await == Leadership::Leading {
                    leaders.push(index);
                }
            }
            leaders
        };
        assert_eq!(leaders(&mut candidates).await, [0]);
        // The first dies without giving up.
        candidates.remove(0);
        let begun = tokio::time::Instant::now();
        loop {
            let now = leaders(&mut candidates).await;
            assert!(now.len() < 2);
            if !now.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        assert_eq!(begun.elapsed().as_secs(), 35);
        // The second gives up: no waiting.
        candidates[0].release().await;
        candidates.remove(0);
        assert_eq!(leaders(&mut candidates).await, [0]);
    });
}

/// Processes that take part in two elections, the second after the first.
fn process(cluster: &TestCluster, namespace: &str, name: &str) -> Vec<tokio::task::JoinHandle<()>> {
    let election = |lease: &str| {
        let (session, clock) = (cluster.session(), cluster.wall_clock());
        LeaseElection::new(session, namespace, lease, name, LeaseTimes::FLUX, clock)
    };
    let (first, second) = (election("first"), election("second"));
    let standby = || Leadership::unknown();
    let (tell, told) = tokio::sync::watch::channel(standby());
    let patience = LeaseTimes::FLUX.lease_duration;
    let second = second.after(Precedence::new(&first, told, patience));
    let (tell_second, _) = tokio::sync::watch::channel(standby());
    vec![
        tokio::spawn(first.run(tell, std::future::pending())),
        tokio::spawn(second.run(tell_second, std::future::pending())),
    ]
}

async fn holders(cluster: &TestCluster, namespace: &str) -> [String; 2] {
    let mut holders = [String::new(), String::new()];
    for (holder, name) in holders.iter_mut().zip(["first", "second"]) {
        let lease = ObjectRef {
            kind: GroupVersionKind::new("coordination.k8s.io/v1", "Lease"),
            namespace: namespace.into(),
            name: name.into(),
        };
        let found = cluster.session().find(&lease, Form::Full).await.unwrap();
        let spec = found.and_then(|it| {
            let holder = it.value().str_at(&["spec", "holderIdentity"]);
            holder.map(str::to_owned)
        });
        *holder = spec.unwrap_or_default();
    }
    holders
}

/// A lease that another program holds.
fn lease(namespace: &str, name: &str, holder: &str, renewals: i64) -> Value {
    value!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 35, "leaseTransitions": renewals}})
}

/// Writes a lease whoever holds it; what is not named stays.
async fn take(cluster: &TestCluster, lease: &Value) {
    let manager = lease.str_at(&["spec", "holderIdentity"]).unwrap();
    let options = ApplyOptions::new(manager).taking_over();
    cluster.session().apply(lease, &options).await.unwrap();
}

#[test]
fn of_two_elections_one_after_the_other_one_process_leads_both() {
    virtual_time(async {
        let cluster = TestCluster::embedded(5);
        let namespace = cluster.namespace("p").await.unwrap();
        let write = async |name: &str, holder: &str, renewals: i64| {
            let object = lease(&namespace, name, holder, renewals);
            take(&cluster, &object).await;
        };
        // Each lease is held by another process, which falls silent.
        write("first", "x", 0).await;
        write("second", "y", 0).await;
        let a = process(&cluster, &namespace, "a");
        let b = process(&cluster, &namespace, "b");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let [first, second] = holders(&cluster, &namespace).await;
        assert!(first == second && ["a", "b"].contains(&first.as_str()));
        let (leads, follows) = if first == "a" { (a, b) } else { (b, a) };
        // Another takes the first lease from under its holder, and keeps it:
        // the second is given up for it, and taken alone when it is not wanted.
        for renewals in 1..30 {
            write("first", "x", renewals).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            let [now, second] = holders(&cluster, &namespace).await;
            assert_eq!(now, "x");
            let since_s = renewals * 5;
            if (15..=30).contains(&since_s) {
                assert_eq!(second, "", "after {since_s} s");
            }
        }
        let [_, alone] = holders(&cluster, &namespace).await;
        assert!(["a", "b"].contains(&alone.as_str()), "{alone:?}");
        // It says that it wants the second one, too: it is given up for it,
        // and left alone however long it takes.
        for renewals in 30..60 {
            let mut object = lease(&namespace, "first", "x", renewals);
            let mark = ["metadata", "annotations", "trueup.dev/leads-next"];
            object.set_at(&mark, "x".into());
            take(&cluster, &object).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            let [_, second] = holders(&cluster, &namespace).await;
            assert!(second.is_empty() || renewals < 33, "{second:?}");
        }
        // One who takes the lease over and knows nothing of that leaves what
        // the other has said.
        for renewals in 60..90 {
            write("first", "z", renewals).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let [_, alone] = holders(&cluster, &namespace).await;
        assert!(["a", "b"].contains(&alone.as_str()), "{alone:?}");
        leads
            .iter()
            .chain(&follows)
            .for_each(tokio::task::JoinHandle::abort);
    });
}
