//! Probes and those who follow them.

use crate::place::{Place, container, dial, get, is_ready, place, restarts, until};
use crate::trial;
use libtest_mimic::Trial;
use std::collections::BTreeSet;
use trueup_cluster::{Form, LiveObject};
use trueup_object::{GroupVersionKind, Value, value};
use trueup_testkit::FaultRates;

pub fn tests() -> Vec<Trial> {
    vec![
        trial(
            "readiness_follows_the_process_and_endpoints_follow_readiness",
            readiness,
        ),
        trial("a_process_that_is_sick_is_started_again", liveness),
        trial("commands_and_sockets_are_probes_too", other_probes),
        trial(
            "a_deployment_goes_from_one_version_to_the_next",
            rolling_update,
        ),
        trial(
            "writes_that_fail_or_lose_their_answer_hold_up_nothing_for_good",
            rough_rolling_update,
        ),
    ]
}

fn web(version: &str) -> Value {
    value!({
        "name": "app", "image": (format!("web:{version}")), "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "VERSION", "value": version}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1},
    })
}

async fn addresses(place: &Place) -> BTreeSet<(String, bool)> {
    let slices = place
        .list(&GroupVersionKind::new(
            "discovery.k8s.io/v1",
            "EndpointSlice",
        ))
        .await;
    let endpoints = |slice: &LiveObject| {
        let list = slice.value().get("endpoints").and_then(Value::as_list);
        list.map(<[Value]>::to_vec).unwrap_or_default()
    };
    let one = |endpoint: Value| {
        let address = endpoint
            .get("addresses")?
            .as_list()?
            .first()?
            .as_str()?
            .to_owned();
        Some((address, endpoint.at(&["conditions", "ready"])?.as_bool()?))
    };
    slices.iter().flat_map(endpoints).filter_map(one).collect()
}

async fn until_endpoints(place: &Place, expected: &BTreeSet<(String, bool)>) {
    until(&format!("endpoints are {expected:?}"), async || {
        (addresses(place).await == *expected).then_some(())
    })
    .await;
}

async fn readiness() {
    let place = place().await;
    place
        .apply(
            value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}}),
        )
        .await;
    place.pod("web", web("1"), value!({})).await;
    let pod = place.until_ready("web").await;
    let ip = pod.value().str_at(&["status", "podIP"]).unwrap().to_owned();
    until_endpoints(&place, &[(ip.clone(), true)].into()).await;
    get(dial(&pod), "/become-unready").await.unwrap();
    place
        .until("web", "is not ready", |pod| !is_ready(pod))
        .await;
    until_endpoints(&place, &[(ip.clone(), false)].into()).await;
    place
        .until_told(
            "web",
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
        )
        .await;
    get(dial(&pod), "/become-ready").await.unwrap();
    let pod = place.until_ready("web").await;
    until_endpoints(&place, &[(ip, true)].into()).await;
    assert_eq!(restarts(pod.value()), 0);
}

async fn liveness() {
    let place = place().await;
    let mut app = web("1");
    app.set_at(
        &["livenessProbe"],
        value!({"httpGet": {"path": "/healthy", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}),
    );
    place.pod("web", app, value!({})).await;
    let pod = place.until_ready("web").await;
    get(dial(&pod), "/become-sick").await.unwrap();
    let again = |pod: &Value| restarts(pod) == 1 && is_ready(pod);
    let pod = place.until("web", "is ready again", again).await;
    let last = container(pod.value())
        .at(&["lastState", "terminated"])
        .unwrap()
        .clone();
    // Ended by SIGTERM.
    assert_eq!(last.i64_at(&["exitCode"]), Some(143));
    place
        .until_told(
            "web",
            "Container app failed liveness probe, will be restarted",
        )
        .await;
    get(dial(&pod), "/exit").await.unwrap_err();
    let thrice = |pod: &Value| restarts(pod) == 2 && is_ready(pod);
    let pod = place
        .until("web", "is ready for the third time", thrice)
        .await;
    assert_eq!(
        container(pod.value()).i64_at(&["lastState", "terminated", "exitCode"]),
        Some(7)
    );
}

async fn other_probes() {
    let place = place().await;
    let mut app = web("1");
    app.set_at(
        &["startupProbe"],
        value!({"tcpSocket": {"port": "http"}, "periodSeconds": 1, "failureThreshold": 60}),
    );
    let command = value!(["sh", "-c", "test \"$VERSION\" = 1"]);
    app.set_at(&["readinessProbe"], value!({"exec": {"command": command}}));
    place.pod("good", app.clone(), value!({})).await;
    let command = value!(["sh", "-c", "exit 9"]);
    app.set_at(
        &["readinessProbe"],
        value!({"exec": {"command": command}, "periodSeconds": 1}),
    );
    place.pod("bad", app, value!({})).await;
    place.until_ready("good").await;
    place
        .until_told(
            "bad",
            "Readiness probe failed: the command exited with code 9",
        )
        .await;
    assert!(!is_ready(place.get("bad").await.value()));
}

fn deployment(version: &str) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [(web(version))], "terminationGracePeriodSeconds": 2}},
        },
    })
}

async fn until_rolled_out(place: &Place, version: &str) -> Vec<LiveObject> {
    until(&format!("version {version} is rolled out"), async || {
        let reference = place.reference("Deployment", "web");
        let live = place.user.get(&reference, Form::Full).await.unwrap();
        let count = |key| live.value().i64_at(&["status", key]).unwrap_or_default();
        let pods = place.pods().await;
        let rolled_out = live.value().i64_at(&["status", "observedGeneration"])
            == Some(live.generation())
            && ["replicas", "updatedReplicas", "availableReplicas"].map(count) == [3, 3, 3];
        (rolled_out && pods.len() == 3).then_some(pods)
    })
    .await
}

async fn rolling_update() {
    roll(&place().await).await;
}

async fn rough_rolling_update() {
    let place = place().await;
    place.cluster().faults().unwrap().set_rates(FaultRates {
        // Each silence lasts a whole time-out of a request, in real time:
        // schedules in virtual time play those.
        silence: 0,
        ..FaultRates::ROUGH
    });
    roll(&place).await;
}

async fn roll(place: &Place) {
    place.apply(deployment("1")).await;
    let before = until_rolled_out(place, "1").await;
    for pod in &before {
        assert_eq!(get(dial(pod), "/").await.unwrap(), "1");
    }
    place.apply(deployment("2")).await;
    let after = until_rolled_out(place, "2").await;
    let addresses: BTreeSet<_> = after.iter().map(dial).collect();
    assert_eq!(addresses.len(), 3);
    for pod in &after {
        assert_eq!(get(dial(pod), "/").await.unwrap(), "2");
    }
    for pod in before.iter().filter(|pod| !addresses.contains(&dial(pod))) {
        assert!(
            get(dial(pod), "/").await.is_err(),
            "the old process is gone"
        );
    }
}
