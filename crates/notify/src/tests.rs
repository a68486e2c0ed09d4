use super::*;
use trueup_kinds::LocalReference;
use trueup_kinds::canary::{AlertSeverity, Canary, HttpMatch};

const SLACK_ADDRESS: &str = "https://hooks.example.com/services/T0/B0/s3cret";

fn alert(severity: AlertSeverity) -> Alert {
    Alert {
        name: "podinfo".into(),
        namespace: "test".into(),
        message: "New revision detected, progressing canary analysis.".into(),
        severity,
        fields: vec![AlertField::new("Target", "Deployment/podinfo.test")],
    }
}

fn provider(kind: &str) -> AlertProviderSpec {
    AlertProviderSpec {
        kind: kind.into(),
        address: SLACK_ADDRESS.into(),
        ..AlertProviderSpec::default()
    }
}

fn request(provider: &AlertProviderSpec, severity: AlertSeverity) -> OutgoingRequest {
    alert_request(provider, None, &alert(severity))
        .unwrap()
        .unwrap()
}

fn body(kind: &str, severity: AlertSeverity) -> String {
    String::from_utf8(request(&provider(kind), severity).body).unwrap()
}

fn slack_body(color: &str) -> String {
    format!(
        r#"{{"channel":"general","username":"flagger","icon_url":"","icon_emoji":":rocket:","attachments":[{{"color":"{color}","author_name":"podinfo.test","text":"New revision detected, progressing canary analysis.","mrkdwn_in":["text"],"fields":[{{"title":"Target","value":"Deployment/podinfo.test","short":false}}]}}]}}"#
    )
}

#[test]
fn slack_discord_and_rocket_get_slacks_messages() {
    for kind in ["slack", "discord"] {
        assert_eq!(body(kind, AlertSeverity::Info), slack_body("good"));
        assert_eq!(body(kind, AlertSeverity::Warn), slack_body("good"));
        assert_eq!(body(kind, AlertSeverity::Error), slack_body("danger"));
    }
    assert_eq!(body("rocket", AlertSeverity::Info), slack_body("#0076D7"));
    assert_eq!(body("rocket", AlertSeverity::Error), slack_body("#FF0000"));
}

#[test]
fn teams_gets_a_message_card() {
    let card = |color: &str| {
        format!(
            r#"{{"@type":"MessageCard","@context":"http://schema.org/extensions","themeColor":"{color}","summary":"podinfo.test","sections":[{{"activityTitle":"New revision detected, progressing canary analysis.","activitySubtitle":"podinfo.test","facts":[{{"name":"Target","value":"Deployment/podinfo.test"}}]}}]}}"#
        )
    };
    assert_eq!(body("msteams", AlertSeverity::Warn), card("0076D7"));
    assert_eq!(body("msteams", AlertSeverity::Error), card("FF0000"));
}

#[test]
fn google_chat_gets_a_card_with_a_section_for_each_field() {
    assert_eq!(
        body("gchat", AlertSeverity::Info),
        r#"{"cards":[{"header":{"title":"Flagger","subtitle":"podinfo.test","imageUrl":"https://flagger.app/favicon.png"},"sections":[{"widgets":[{"textParagraph":{"text":"<font color=#848484><strong>New revision detected, progressing canary analysis.</strong></font>"}}]},{"widgets":[{"textParagraph":{"text":"Target<br><font color=#848484><strong>Deployment/podinfo.test</strong></font>"}}]}]}]}"#
    );
}

#[test]
fn markup_in_words_is_none_in_google_chat() {
    let hostile = Alert {
        message: "<a href=x>&".into(),
        ..alert(AlertSeverity::Info)
    };
    let request = alert_request(&provider("gchat"), None, &hostile);
    let body = String::from_utf8(request.unwrap().unwrap().body).unwrap();
    assert!(body.contains("&lt;a href=x&gt;&amp;"), "{body}");
}

#[test]
fn addresses_of_discord_end_in_slack() {
    for (given, used) in [
        (
            "https://d.example/api/webhooks/1/x",
            "https://d.example/api/webhooks/1/x/slack",
        ),
        (
            "https://d.example/api/webhooks/1/x/",
            "https://d.example/api/webhooks/1/x/slack",
        ),
        (
            "https://d.example/api/webhooks/1/x/slack",
            "https://d.example/api/webhooks/1/x/slack",
        ),
        (
            "https://d.example/x?wait=true",
            "https://d.example/x/slack?wait=true",
        ),
    ] {
        let provider = AlertProviderSpec {
            address: given.into(),
            ..provider("discord")
        };
        let request = request(&provider, AlertSeverity::Info);
        assert_eq!(request.address.to_url(), used);
    }
}

#[test]
fn secrets_hold_address_and_token_and_are_never_shown() {
    let by_secret = AlertProviderSpec {
        address: "https://ignored.example".into(),
        secret_ref: Some(LocalReference {
            name: "hook".into(),
        }),
        channel: "ops".into(),
        username: "bot".into(),
        proxy: "http://me:pa55word@proxy:3128".into(),
        ..provider("slack")
    };
    let secret: Credentials = [("address", SLACK_ADDRESS), ("token", "xoxb-t0ken")]
        .into_iter()
        .collect();
    let request = alert_request(&by_secret, Some(&secret), &alert(AlertSeverity::Info))
        .unwrap()
        .unwrap();
    assert_eq!(request.address.to_url(), SLACK_ADDRESS);
    assert_eq!(request.header("authorization"), Some("Bearer xoxb-t0ken"));
    let shown = format!("{request:?}");
    for secret in ["s3cret", "t0ken", "pa55word"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let body = String::from_utf8(request.body).unwrap();
    assert!(
        body.starts_with(r#"{"channel":"ops","username":"bot""#),
        "{body}"
    );
    let empty = Credentials::default();
    for secret in [None, Some(&empty)] {
        let error = alert_request(&by_secret, secret, &alert(AlertSeverity::Info));
        assert_eq!(error, Err(AlertError::Secret));
    }
}

#[test]
fn only_slack_gets_a_token() {
    let secret: Credentials = [("address", SLACK_ADDRESS), ("token", "t")]
        .into_iter()
        .collect();
    for kind in ["discord", "rocket", "msteams", "gchat"] {
        let provider = AlertProviderSpec {
            secret_ref: Some(LocalReference::default()),
            ..provider(kind)
        };
        let request = alert_request(&provider, Some(&secret), &alert(AlertSeverity::Info));
        assert_eq!(
            request.unwrap().unwrap().header("authorization"),
            None,
            "{kind}"
        );
    }
}

#[test]
fn what_cannot_be_sent_is_refused_without_showing_the_address() {
    let with = |kind: &str, address: &str, proxy: &str| AlertProviderSpec {
        address: address.into(),
        proxy: proxy.into(),
        ..provider(kind)
    };
    let refused = |provider| alert_request(&provider, None, &alert(AlertSeverity::Info));
    assert_eq!(refused(with("slack", "", "")), Ok(None));
    assert_eq!(
        refused(with("pager", "https://a", "")),
        Err(AlertError::Type("pager".into()))
    );
    for kind in ["slack", "discord", "rocket", "msteams", "gchat"] {
        let error = refused(with(kind, "hooks.example/s3cret", "")).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    assert_eq!(
        refused(with("gchat", "https://a", "socks5://b")),
        Err(AlertError::Proxy("Google Chat"))
    );
}

#[test]
fn who_asks_for_little_is_told_of_all_that_matters_more() {
    use AlertSeverity::{Error, Info, Warn};
    for (least, told) in [
        (Info, &[Info, Warn, Error][..]),
        (Warn, &[Warn, Error]),
        (Error, &[Error]),
    ] {
        for severity in [Info, Warn, Error] {
            assert_eq!(is_wanted(least, severity), told.contains(&severity));
        }
    }
    // Flagger's documents say so; its program then tells of nothing.
    let unsaid: AlertSeverity = serde_json::from_str("\"\"").unwrap();
    assert!(is_wanted(unsaid, Info));
}

fn canary() -> Canary {
    let mut canary = Canary::default();
    canary.metadata.namespace = "test".into();
    canary.spec.target_ref.kind = "Deployment".into();
    canary.spec.target_ref.name = "podinfo".into();
    canary.spec.analysis.threshold = 5;
    canary
}

fn routing(canary: &Canary) -> Option<String> {
    let fields = alert_fields(canary);
    let shown: Vec<(&str, &str)> = fields[..3]
        .iter()
        .map(|field| (field.name.as_str(), field.value.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("Target", "Deployment/podinfo.test"),
            ("Failed checks threshold", "5"),
            ("Progress deadline", "600s"),
        ]
    );
    fields.get(3).map(|field| {
        assert_eq!(field.name, "Traffic routing");
        field.value.clone()
    })
}

#[test]
fn fields_tell_how_traffic_is_routed() {
    let mut canary = canary();
    assert_eq!(routing(&canary), None);
    canary.spec.analysis.step_weights = vec![1, 2, 10, 80];
    assert_eq!(
        routing(&canary).as_deref(),
        Some("Weight steps: 1,2,10,80 max: 0")
    );
    canary.spec.analysis.step_weight = 10;
    canary.spec.analysis.max_weight = 50;
    assert_eq!(routing(&canary).as_deref(), Some("Weight step: 10 max: 50"));
    canary.spec.analysis.iterations = 10;
    assert_eq!(routing(&canary).as_deref(), Some("Blue/Green"));
    canary.spec.analysis.matches = vec![HttpMatch::default()];
    assert_eq!(routing(&canary).as_deref(), Some("A/B Testing"));
}

#[test]
fn answers_of_200_to_299_are_good() {
    for status in [200, 204, 299] {
        assert_eq!(judge_answer(&ReceivedAnswer::new(status, "")), Ok(()));
    }
    let error = judge_answer(&ReceivedAnswer::new(403, "invalid_token\n")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sending notification bad response 403: invalid_token"
    );
}
