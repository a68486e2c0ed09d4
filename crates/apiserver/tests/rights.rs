//! Who may do what, seen from outside.

use crate::support::{admin, send, still_server};
use trueup_apiserver::core::Identity;
use trueup_object::value;

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";

fn bob() -> Identity {
    Identity {
        user: "bob".into(),
        groups: vec!["system:authenticated".into()],
        ..Identity::default()
    }
}

#[test]
fn nothing_is_allowed_until_a_binding_says_so_and_no_more_than_it_says() {
    let server = still_server();
    let pods = "/api/v1/namespaces/default/pods";
    let (status, answer) = send(&server, &bob(), "GET", pods, None);
    assert_eq!(status, 403);
    assert_eq!(
        answer.str_at(&["message"]),
        Some(
            "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
        )
    );
    let role = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"},
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["*"]}
        ]
    });
    admin(&server, "POST", ROLES, Some(role));
    let binding = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"}]
    });
    admin(&server, "POST", BINDINGS, Some(binding));
    assert_eq!(send(&server, &bob(), "GET", pods, None).0, 200);
    assert_eq!(
        send(
            &server,
            &bob(),
            "GET",
            "/api/v1/namespaces/kube-system/pods",
            None
        )
        .0,
        403
    );
    assert_eq!(send(&server, &bob(), "DELETE", pods, None).0, 403);
}

#[test]
fn star_verbs_on_roles_let_escalate_but_create_alone_does_not() {
    let server = still_server();
    let allow = |name: &str, verbs: &str, user: &str| {
        let role = value!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name},
            "rules": [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": [verbs, "patch"]}]
        });
        admin(&server, "POST", ROLES, Some(role));
        let binding = value!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
        });
        admin(&server, "POST", BINDINGS, Some(binding));
    };
    allow("writer", "create", "bob");
    let secrets = |name: &str| {
        value!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
        })
    };
    let (status, answer) = send(&server, &bob(), "POST", ROLES, Some(secrets("grab")));
    assert_eq!(status, 403);
    assert!(
        answer
            .str_at(&["message"])
            .unwrap()
            .contains("is attempting to grant RBAC permissions not currently held")
    );
    let patch = value!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    assert_eq!(
        send(
            &server,
            &bob(),
            "PATCH",
            &format!("{ROLES}/writer"),
            Some(patch)
        )
        .0,
        403
    );
    allow("escalator", "escalate", "bob");
    assert_eq!(
        send(&server, &bob(), "POST", ROLES, Some(secrets("grab"))).0,
        201
    );
}

#[test]
fn discovery_is_for_everybody_known_and_health_for_everybody() {
    let server = still_server();
    let nobody = trueup_apiserver::edge::authentication::anonymous();
    assert_eq!(send(&server, &nobody, "GET", "/healthz", None).0, 200);
    assert_eq!(send(&server, &nobody, "GET", "/apis", None).0, 403);
    assert_eq!(send(&server, &bob(), "GET", "/apis", None).0, 200);
    assert_eq!(send(&server, &bob(), "GET", "/metrics", None).0, 403);
}

#[test]
fn a_token_works_until_its_account_goes() {
    let server = still_server();
    let target = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let request =
        value!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let token = admin(&server, "POST", target, Some(request));
    let token = token.str_at(&["status", "token"]).unwrap().to_owned();
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let review = value!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let answer = admin(&server, "POST", reviews, Some(review.clone()));
    assert_eq!(
        answer.str_at(&["status", "user", "username"]),
        Some("system:serviceaccount:default:default")
    );
    admin(
        &server,
        "DELETE",
        "/api/v1/namespaces/default/serviceaccounts/default",
        None,
    );
    let answer = admin(&server, "POST", reviews, Some(review));
    assert_eq!(answer.at(&["status", "authenticated"]), None);
}
