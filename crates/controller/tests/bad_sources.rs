//! Sources that can't be had: said at their own objects, and healed when the
//! cause goes.

use super::bad_input::with_a_good_neighbour;
use super::world::{URL, World, condition, map};
use trueup_object::{Value, value};
use trueup_source::FetchErrorKind;
use trueup_testkit::virtual_time;

#[test]
fn a_repository_that_does_not_answer_says_why_and_heals() {
    virtual_time(async {
        for (kind, reason) in [
            (FetchErrorKind::Unreachable, "GitOperationFailed"),
            (FetchErrorKind::Authentication, "AuthenticationFailed"),
            (FetchErrorKind::Timeout, "GitOperationFailed"),
        ] {
            let (world, old) = with_a_good_neighbour().await;
            world.remote.fail(URL, kind, u32::MAX);
            let revision = world.push(
                "unseen",
                &[
                    ("good/g.yaml", &map("g", &[("new", "x")])),
                    ("apps/a.yaml", &map("a", &[])),
                ],
            );
            world
                .until("the failure is said", async || {
                    condition(&world.repository_status().await, "FetchFailed")
                        .is_some_and(|it| it.0 == "True" && it.1 == reason)
                })
                .await;
            let status = world.repository_status().await;
            assert_eq!(condition(&status, "Ready").unwrap().0, "False");
            assert_eq!(
                status.str_at(&["artifact", "revision"]),
                Some(old.as_str()),
                "the artifact stays"
            );
            world.applied("apps", &old).await;
            world.remote.heal();
            world.applied("good", &revision).await;
            assert_eq!(
                condition(&world.repository_status().await, "FetchFailed"),
                None
            );
        }
    });
}

#[test]
fn an_unknown_branch_is_named_and_heals_when_it_appears() {
    virtual_time(async {
        let (world, _) = with_a_good_neighbour().await;
        let branch = |name: &str| value!({"spec": {"ref": {"branch": name}}});
        world
            .patch(
                "source.toolkit.fluxcd.io/v1",
                "GitRepository",
                "fleet",
                "person",
                branch("gone"),
            )
            .await;
        world
            .until("the failure is said", async || {
                condition(&world.repository_status().await, "Ready")
                    .is_some_and(|it| it.0 == "False" && it.2.contains("gone"))
            })
            .await;
        let tip = world.remote.tip(URL, "main").unwrap();
        world.remote.set_reference(URL, "refs/heads/gone", &tip);
        world.applied("apps", &format!("gone@sha1:{tip}")).await;
    });
}

#[test]
fn a_missing_source_and_a_missing_secret_are_named() {
    virtual_time(async {
        let world = World::new(22).await;
        world.kustomization("apps", "./apps", Value::map()).await;
        let message = world.fails("apps", "ArtifactFailed").await;
        assert_eq!(message, "Source 'GitRepository/fleet/fleet' not found");
        world.rest().await;
        assert!(
            !world.told("not found"),
            "no event of what may be yet to come"
        );
        let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        world.applied("apps", &revision).await;
        let secret = value!({"spec": {"secretRef": {"name": "login"}}});
        world
            .patch(
                "source.toolkit.fluxcd.io/v1",
                "GitRepository",
                "fleet",
                "person",
                secret,
            )
            .await;
        world
            .until("the secret is missed", async || {
                condition(&world.repository_status().await, "Ready").is_some_and(|it| {
                    it.1 == "AuthenticationFailed" && it.2.contains("fleet/login")
                })
            })
            .await;
        let secret = value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "fleet"},
            "stringData": {"username": "me", "password": "secret"}});
        world.apply(&secret).await;
        let began = tokio::time::Instant::now();
        world
            .until("the secret is found", async || {
                condition(&world.repository_status().await, "Ready")
                    .is_some_and(|it| it.0 == "True")
            })
            .await;
        assert!(
            began.elapsed() < std::time::Duration::from_secs(1),
            "woken by the secret"
        );
    });
}
