//! Canaries as a person meets them: a run that waits at its gates, is promoted,
//! aborted, tried again, paused, suspended; and what other commands tell of it.

use crate::world::{World, in_a_world, with};
use trueup_object::{ObjectRef, Value, value};

/// Nobody listens there: a hook that is called says neither yes nor no.
const NOWHERE: &str = "http://127.0.0.1:9/gate";

fn deployment() -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
            },
        },
    })
}

/// A blue/green Canary with gates of some types that stay closed.
fn canary(gates: &[&str]) -> Value {
    let hooks = gates
        .iter()
        .map(|kind| value!({"name": (format!("{kind}-board")), "type": (*kind), "url": NOWHERE}));
    value!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "shop"},
        "spec": {
            "provider": "kubernetes",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "service": {"port": 80, "targetPort": 8080},
            "analysis": {
                "interval": "1s", "threshold": 3, "iterations": 2,
                "webhooks": (hooks.collect::<Value>()),
            },
        },
    })
}

impl World {
    fn shop(&self) -> ObjectRef {
        self.reference("flagger.app/v1beta1", "Canary", "shop")
    }

    /// Waits for a phase.
    async fn in_phase(&self, phase: &str) {
        let is_there = |it: &Value| it.str_at(&["status", "phase"]) == Some(phase);
        self.becomes(&self.shop(), is_there).await;
    }

    /// A Canary that was initialized.
    async fn shop_with(&self, gates: &[&str]) {
        self.apply(&deployment()).await;
        self.apply(&canary(gates)).await;
        self.in_phase("Initialized").await;
    }

    /// Waits until the target has no Pods.
    async fn rests(&self) {
        let target = self.reference("apps/v1", "Deployment", "shop");
        let is_at_rest = |it: &Value| it.i64_at(&["spec", "replicas"]) == Some(0);
        self.becomes(&target, is_at_rest).await;
    }

    async fn push(&self, image: &str) {
        let image = format!("shop={image}");
        self.kubectl(&["set", "image", "deployment/shop", &image])
            .await;
    }

    async fn image_of(&self, name: &str) -> String {
        let live = self
            .live(&self.reference("apps/v1", "Deployment", name))
            .await;
        let containers = live.at(&["spec", "template", "spec", "containers"]);
        let first = containers.and_then(Value::as_list).unwrap()[0].clone();
        first.str_at(&["image"]).unwrap().to_owned()
    }

    /// Runs `trueup canary`; it must end with a code and say this on standard
    /// error.
    async fn canary_says(&self, words: &[&str], code: i32, said: &str) {
        self.answers_with(&[&["canary"], words].concat(), code, said)
            .await;
    }

    async fn answers_with(&self, words: &[&str], code: i32, said: &str) {
        let answer = self.try_trueup(words).await;
        assert_eq!(answer.code, Some(code), "{answer:?}");
        assert!(answer.err.contains(said), "{said}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_at_each_gate_until_it_is_approved() {
    in_a_world("canary-gates", async |world| {
        world
            .shop_with(&["confirm-rollout", "confirm-promotion"])
            .await;
        let table = world.trueup(&["canary", "get"]).await.out;
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|it| it.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[0].join(" "),
            "NAME PHASE WEIGHT STEP FAILED CHECKS REVISION LAST TRANSITION MESSAGE"
        );
        assert_eq!(lines[1][..5], ["shop", "Initialized", "0", "-", "0/3"]);
        world
            .canary_says(
                &["approve", "shop"],
                1,
                "nothing to approve for canary shop",
            )
            .await;

        world.push("shop:2").await;
        world.in_phase("Waiting").await;
        let told = world.trueup(&["canary", "describe", "shop"]).await.out;
        let namespace = &world.namespace;
        let gate = format!(
            "Awaits:          confirm-rollout confirm-rollout-board; \
             `trueup canary approve shop -n {namespace}` opens it"
        );
        assert!(told.contains(&gate), "{told}");
        world
            .canary_says(&["promote", "shop"], 1, "trueup canary approve shop")
            .await;
        world
            .canary_says(&["approve", "shop"], 0, "✔ canary shop is approved")
            .await;

        world.in_phase("WaitingPromotion").await;
        assert_eq!(world.image_of("shop-primary").await, "shop:1");
        let told = world.trueup(&["canary", "describe", "shop"]).await.out;
        for words in [
            "Phase:           WaitingPromotion",
            "(step 2 of 2)",
            "confirm-promotion confirm-promotion-board",
            "Conditions:",
            "Checks:",
            "Passed",
            "Halt shop.",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        world
            .canary_says(&["approve", "shop"], 0, "✔ canary shop is approved")
            .await;
        world.in_phase("Succeeded").await;
        assert_eq!(world.image_of("shop-primary").await, "shop:2");
        world.rests().await;

        let events = world.trueup(&["events", "--for", "Canary/shop"]).await.out;
        assert!(events.contains("Promotion completed!"), "{events}");
        let all = world.trueup(&["get", "all"]).await.out;
        assert!(all.contains("canary/shop"), "{all}");
        let names = world.trueup(&["canary", "get", "-o", "name"]).await.out;
        assert_eq!(names, "canary.flagger.app/shop\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_aborted_tried_again_and_promoted_at_a_word() {
    in_a_world("canary-words", async |world| {
        world.shop_with(&["confirm-promotion"]).await;
        world
            .canary_says(&["abort", "shop"], 1, "nothing to abort for canary shop")
            .await;
        world.push("shop:2").await;
        world.in_phase("WaitingPromotion").await;
        world
            .canary_says(&["abort", "shop"], 0, "✔ canary shop is rolled back")
            .await;
        world.in_phase("Failed").await;
        world.rests().await;
        assert_eq!(world.image_of("shop-primary").await, "shop:1");
        world
            .canary_says(&["promote", "shop"], 1, "trueup canary retry shop")
            .await;

        world
            .canary_says(&["retry", "shop"], 0, "✔ canary shop is tried again")
            .await;
        world.in_phase("WaitingPromotion").await;
        world.trueup(&["canary", "pause", "shop"]).await;
        let is_suspended = |it: &Value| {
            let ready = crate::world::condition(it, "Ready");
            ready.and_then(|it| it.str_at(&["reason"])) == Some("Suspended")
        };
        world.becomes(&world.shop(), is_suspended).await;
        world
            .canary_says(&["promote", "shop"], 1, "canary shop is paused")
            .await;
        let wide = world.trueup(&["canary", "get", "-o", "wide"]).await.out;
        assert!(
            wide.contains("Deployment/shop") && wide.contains("True"),
            "{wide}"
        );
        world.trueup(&["canary", "resume", "--all"]).await;
        world
            .canary_says(&["promote", "shop"], 0, "✔ canary shop is promoted")
            .await;
        assert_eq!(world.image_of("shop-primary").await, "shop:2");
        world.rests().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pushed_is_promoted_and_tree_and_trace_know_what_was_made() {
    in_a_world("canary-git", async |world| {
        let manifests = [deployment(), canary(&[])].map(|it| trueup_object::to_yaml(&it));
        world
            .fleet
            .write("shop/shop.yaml", &manifests.join("---\n"));
        let first = world.fleet.push("A shop").await;
        world.deploy("shop").await;
        world.applied("shop", &first).await;
        world.in_phase("Initialized").await;
        world.rests().await;

        let tree = world.trueup(&["tree", "kustomization", "shop"]).await.out;
        for made in ["Deployment", "Service"] {
            let line = format!("{made}/{}/shop-primary", world.namespace);
            assert!(tree.contains(&line), "{line}: {tree}");
        }
        let trace = ["trace", "deployment", "shop-primary"];
        let traced = world.trueup(&trace).await.out;
        for part in ["Canary:          shop", "Kustomization:   shop"] {
            assert!(traced.contains(part), "{part}: {traced}");
        }

        world.fleet.edit("shop/shop.yaml", "shop:1", "shop:2");
        let second = world.fleet.push("Another shop").await;
        world.in_phase("Succeeded").await;
        assert_eq!(world.image_of("shop-primary").await, "shop:2");
        world.applied("shop", &second).await;
        let told = world.trueup(&["canary", "describe", "shop"]).await.out;
        assert!(told.contains(&second[..8]), "{told}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_can_not_be_read_is_told_and_stops_no_command() {
    in_a_world("canary-odd", async |world| {
        world.shop_with(&[]).await;
        let mut odd = with(canary(&[]), &["metadata", "name"], "odd");
        odd.set_at(&["spec", "analysis", "iterations"], Value::from(0.5));
        world.apply(&odd).await;
        let odd = world.reference("flagger.app/v1beta1", "Canary", "odd");
        let is_told = |it: &Value| crate::world::condition(it, "Stalled").is_some();
        world.becomes(&odd, is_told).await;
        let table = world.trueup(&["canary", "get"]).await.out;
        assert!(table.contains("spec.analysis.iterations"), "{table}");
        assert!(table.contains("Initialized"), "{table}");
        world
            .canary_says(&["describe", "odd"], 1, "spec.analysis.iterations")
            .await;
        world
            .canary_says(&["abort", "nobody"], 1, "not found")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_for_other_kinds_are_understood_of_canaries() {
    in_a_world("canary-flux-words", async |world| {
        world.shop_with(&[]).await;
        world
            .answers_with(&["reconcile", "canary", "shop"], 0, "✔ phase Initialized: ")
            .await;
        let why = ["--reason", "market day", "--by", "ann"];
        world
            .answers_with(
                &[&["suspend", "canary", "shop"][..], &why].concat(),
                0,
                "✔ canary suspended",
            )
            .await;
        let is_suspended = |it: &Value| {
            let ready = crate::world::condition(it, "Ready");
            ready.and_then(|it| it.str_at(&["reason"])) == Some("Suspended")
        };
        world.becomes(&world.shop(), is_suspended).await;
        let wide = world.trueup(&["get", "canaries", "-o", "wide"]).await.out;
        assert!(wide.contains("suspended by ann (market day): "), "{wide}");
        world
            .answers_with(&["reconcile", "canary", "shop"], 1, "resource is suspended")
            .await;
        world.push("shop:2").await;
        world
            .answers_with(&["resume", "canary", "shop"], 0, "✔ phase ")
            .await;
        world.in_phase("Succeeded").await;
        let is_clear = |it: &Value| {
            let annotations = it.at(&["metadata", "annotations"]);
            let reason = annotations.and_then(|it| it.get("trueup.dev/suspend-reason"));
            reason.is_none() && it.at(&["spec", "suspend"]).is_none()
        };
        world.becomes(&world.shop(), is_clear).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suspension_of_a_canary_ends_by_itself() {
    in_a_world("canary-suspended", async |world| {
        world.shop_with(&[]).await;
        world
            .trueup(&["suspend", "canary", "--all", "--for", "2s"])
            .await;
        let is_over =
            |it: &Value| it.at(&["spec", "suspend"]).and_then(Value::as_bool) == Some(false);
        world.becomes(&world.shop(), is_over).await;
        world.event(&world.shop(), "Resumed", &["is over"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn canaries_and_what_they_name_are_exported_and_deleted() {
    in_a_world("canary-export", async |world| {
        world.shop_with(&[]).await;
        let named = |kind: &str, name: &str, spec: Value| {
            let object = crate::world::object("flagger.app/v1beta1", kind, name);
            with(object, &["spec"], spec)
        };
        let template = value!({
            "provider": {"type": "prometheus", "address": "http://prometheus"},
            "query": "vector(1)",
        });
        let provider = value!({"type": "slack", "address": "https://example.com/hook"});
        world
            .apply(&named("MetricTemplate", "errors", template))
            .await;
        world
            .apply(&named("AlertProvider", "on-call", provider))
            .await;
        for (kind, name, expected) in [
            ("canary", "shop", "iterations: 2"),
            ("metrictemplate", "errors", "query: vector(1)"),
            ("alertprovider", "on-call", "type: slack"),
        ] {
            let printed = world.trueup(&["export", kind, name]).await.out;
            assert!(printed.contains(expected), "{printed}");
            assert!(!printed.contains("status:"), "{printed}");
            let all = world.trueup(&["export", kind, "--all"]).await.out;
            assert_eq!(all, printed);
        }
        let tree = world.trueup(&["tree", "canary", "shop"]).await.out;
        for made in ["Deployment", "Service"] {
            let line = format!("{made}/{}/shop-primary", world.namespace);
            assert!(tree.contains(&line), "{line}: {tree}");
        }
        world
            .answers_with(
                &["delete", "canary", "shop", "--silent"],
                0,
                "✔ canary deleted",
            )
            .await;
        world.is_gone(&world.shop()).await;
        world
            .answers_with(&["tree", "canary", "shop"], 1, "not found")
            .await;
    })
    .await;
}
