//! Requests that are told apart by a header or a cookie.

use crate::controllers::Where;
use crate::load::{Kind, PLAIN};
use crate::stage::on_stage;
use crate::tally::{Answered, Side};
use trueup_object::value;

/// Those that belong to the canary, and those that don't.
const KINDS: [Kind; 6] = [
    PLAIN,
    Kind {
        class: "insider",
        header: Some(("X-User", "insider")),
    },
    Kind {
        class: "outsider",
        header: Some(("X-User", "an insider")),
    },
    Kind {
        class: "volunteer",
        header: Some(("Cookie", "first=1; beta=always")),
    },
    Kind {
        class: "refuser",
        header: Some(("Cookie", "beta=never")),
    },
    Kind {
        class: "stranger",
        header: Some(("Cookie", "alpha=always")),
    },
];
const CHOSEN: [&str; 2] = ["insider", "volunteer"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs with cargo xtask e2e"]
async fn all_requests_with_a_header_or_a_cookie_go_to_the_canary_and_no_others() {
    on_stage("A/B by header and cookie", Where::Here, async |stage| {
        let analysis = value!({"iterations": 4, "match": [
            {"headers": {"x-user": {"exact": "insider"}}},
            {"headers": {"cookie": {"exact": "beta"}}},
        ]});
        stage.initialize(analysis).await;
        stage.start_load(&KINDS).await;
        stage.push("v2").await;
        stage.reaches("Succeeded").await;
        let what = "the primary answers everybody with the new version";
        stage
            .answers(what, |it| it.version == "v2" && it.side == Side::Primary)
            .await;
        stage.end_load().await;
        assert_eq!(stage.rules(), ["0", "match", "0"]);
        let tally = stage.tally();
        let is_chosen = |it: &Answered| CHOSEN.contains(&it.class);
        for kind in KINDS {
            let met = tally.count(|it| it.class == kind.class && it.rule == "match");
            assert!(met > 0, "no {} came during the test", kind.class);
        }
        let astray = tally.count(|it| {
            let goes_to_canary = it.rule == "match" && is_chosen(it);
            (it.side == Side::Canary) != goes_to_canary
        });
        assert_eq!(astray, 0, "{tally:?}");
        assert_eq!(tally.count(|it| it.is_error), 0);
    })
    .await;
}
