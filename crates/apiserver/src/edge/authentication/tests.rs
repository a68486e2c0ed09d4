use super::*;
use crate::edge::authorization::Attributes;
use crate::storage::MemoryStorage;
use http::{HeaderMap, HeaderName, HeaderValue};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(key, value)| {
            (
                HeaderName::from_static(key),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

fn claims(issued: i64) -> Claims {
    Claims {
        binding: TokenBinding {
            namespace: "apps".into(),
            account: "sa".into(),
            account_uid: "u".into(),
            object: None,
            node: None,
        },
        audiences: vec![API_AUDIENCE.into()],
        issued_at_seconds: issued,
        expires_at_seconds: issued + 600,
        id: "one".into(),
    }
}

#[test]
fn a_token_is_good_only_in_its_time_for_its_audience_and_by_its_key() {
    let key = SigningKey::generate().unwrap();
    let token = claims(1000).sign(&key).unwrap();
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let verify = |token: &str, audience: &str, seconds| {
        Claims::verify(&key, token, &[audience.into()], at(seconds))
    };
    assert_eq!(verify(&token, API_AUDIENCE, 1001).unwrap(), claims(1000));
    assert_eq!(verify(&token, API_AUDIENCE, 1600), Err(TokenError::Expired));
    assert_eq!(verify(&token, API_AUDIENCE, 999), Err(TokenError::NotYet));
    assert_eq!(
        verify(&token, "other", 1001).unwrap_err().to_string(),
        "[invalid bearer token, token audiences [\"https://kubernetes.default.svc\"] is invalid for the target audiences [\"other\"]]"
    );
    assert_eq!(
        verify("x.y", API_AUDIENCE, 1001),
        Err(TokenError::Malformed)
    );
    let other = claims(1000).sign(&SigningKey::generate().unwrap()).unwrap();
    assert_eq!(
        verify(&other, API_AUDIENCE, 1001),
        Err(TokenError::Signature)
    );
    let kept = SigningKey::from_pkcs8(key.to_pkcs8()).unwrap();
    assert!(Claims::verify(&kept, &token, &[API_AUDIENCE.into()], at(1001)).is_ok());
}

#[test]
fn a_token_ends_with_its_account() {
    let store = Store::open(Box::new(MemoryStorage)).unwrap();
    let key = SigningKey::generate().unwrap();
    let token = claims(1000).sign(&key).unwrap();
    let authentication = Authentication::new(Vec::new(), key);
    let now = Timestamp::from_second(1001).unwrap();
    assert_eq!(
        authentication.identify(&store, &token, &[API_AUDIENCE.into()], now),
        Err(TokenError::Account(
            "serviceaccounts \"sa\" not found".into()
        ))
    );
}

#[test]
fn nobody_is_anonymous_with_a_wrong_token() {
    let store = Store::open(Box::new(MemoryStorage)).unwrap();
    let known = StaticToken {
        token: "secret".into(),
        identity: Identity::admin(),
    };
    let authentication = Authentication::new(vec![known], SigningKey::generate().unwrap());
    let now = Timestamp::UNIX_EPOCH;
    let who = |header| authentication.authenticate(&store, header, now);
    assert_eq!(who(None).unwrap(), anonymous());
    assert_eq!(who(Some("Basic YTpi")).unwrap(), anonymous());
    assert_eq!(who(Some("Bearer secret")).unwrap(), Identity::admin());
    assert_eq!(who(Some("Bearer wrong")).unwrap_err().code, 401);
}

fn act_as(
    asker: &Identity,
    pairs: &[(&'static str, &'static str)],
    holds: impl Fn(&str) -> bool,
) -> Result<Identity, ApiError> {
    let asked = Impersonation::read(&headers(pairs)).unwrap().unwrap();
    let request = Attributes::of(&crate::core::Request::new(
        "GET",
        "/api/v1/namespaces/n/pods",
    ));
    asked.resolve(asker, &request, &|needed| {
        let may = holds(needed.verb.as_str());
        may.then_some(()).ok_or_else(|| needed.forbidden(asker, ""))
    })
}

#[test]
fn impersonation_adds_the_groups_that_are_implied() {
    let identity = |pairs: &[_]| act_as(&Identity::admin(), pairs, |_| true).unwrap();
    assert_eq!(
        identity(&[("impersonate-user", "bob")]).groups,
        [AUTHENTICATED]
    );
    assert_eq!(
        identity(&[("impersonate-user", "system:serviceaccount:ns:sa")]).groups,
        [
            "system:serviceaccounts",
            "system:serviceaccounts:ns",
            AUTHENTICATED
        ]
    );
    assert_eq!(
        identity(&[("impersonate-user", ANONYMOUS)]).groups,
        [UNAUTHENTICATED]
    );
    assert_eq!(
        identity(&[("impersonate-user", "system:node:a")]).groups,
        ["system:nodes", AUTHENTICATED]
    );
    let masters = identity(&[
        ("impersonate-user", "bob"),
        ("impersonate-group", "system:masters"),
    ]);
    assert_eq!(masters.groups, ["system:masters", AUTHENTICATED]);
    let extra = identity(&[
        ("impersonate-user", "bob"),
        ("impersonate-extra-a%2fb", "x"),
    ])
    .extra;
    assert_eq!(extra.get("a/b").unwrap(), &["x"]);
    assert_eq!(Impersonation::read(&HeaderMap::new()).unwrap(), None);
}

#[test]
fn the_constrained_way_is_asked_first_and_named_in_the_refusal() {
    let bob = Identity {
        user: "bob".into(),
        ..Identity::default()
    };
    let pairs = [("impersonate-user", "eve")];
    let none = act_as(&bob, &pairs, |_| false).unwrap_err();
    assert_eq!(
        none.message,
        "pods is forbidden: User \"bob\" cannot impersonate-on:user-info:list resource \"pods\" in API group \"\" in the namespace \"n\""
    );
    assert!(act_as(&bob, &pairs, |verb| verb == "impersonate").is_ok());
    let constrained =
        |verb: &str| verb == "impersonate-on:user-info:list" || verb == "impersonate:user-info";
    assert!(act_as(&bob, &pairs, constrained).is_ok());
    let masters = [
        ("impersonate-user", "eve"),
        ("impersonate-group", "system:masters"),
    ];
    let refused = act_as(&bob, &masters, constrained).unwrap_err();
    assert!(
        refused
            .message
            .ends_with("impersonating the system:masters group is not allowed"),
        "{refused}"
    );
}

#[test]
fn groups_without_a_user_are_refused() {
    let error = Impersonation::read(&headers(&[("impersonate-group", "a")])).unwrap_err();
    assert_eq!(
        error.message,
        "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"a\"}, Extra:map[string][]string(nil)} without impersonating a user name"
    );
}
