//! Limits on the client's side.

use crate::script::{Script, config_map};
use trueup_cluster::{ClusterOptions, Form, RateLimit, Verb};
use trueup_object::{GroupVersionKind, ObjectRef};
use trueup_testkit::virtual_time;

#[test]
fn a_burst_goes_at_once_and_the_rest_at_its_rate() {
    virtual_time(async {
        let script = Script::new();
        script.on("GET /api/v1/namespaces", &config_map("a", "1", 1));
        let options = ClusterOptions {
            rate_limit: Some(RateLimit {
                per_second: 10.0,
                burst: 5,
            }),
            ..ClusterOptions::default()
        };
        let session = script.cluster_with(options).session();
        let reference = ObjectRef {
            kind: GroupVersionKind::new("v1", "ConfigMap"),
            namespace: "n".into(),
            name: "a".into(),
        };
        let begun = tokio::time::Instant::now();
        // Two permits go to discovery.
        for _ in 0..3 {
            session.get(&reference, Form::Full).await.unwrap();
        }
        assert_eq!(begun.elapsed().as_millis(), 0);
        for _ in 0..20 {
            session.get(&reference, Form::Full).await.unwrap();
        }
        assert_eq!(begun.elapsed().as_millis() / 100, 20);
        let counters = session.cluster().counters();
        assert_eq!(counters.of(Verb::Get, "configmaps"), 23);
        assert_eq!(counters.of_verb(Verb::Discover), 2);
        assert_eq!(counters.since(&counters).total(), 0);
    });
}
