//! Requests and answers of each provider, as its API has them.

use super::*;
use trueup_kinds::LocalReference;

fn spec(kind: &str, address: &str) -> MetricProvider {
    MetricProvider {
        kind: kind.into(),
        address: address.into(),
        ..MetricProvider::default()
    }
}

fn with_secret(kind: &str, address: &str) -> MetricProvider {
    MetricProvider {
        secret_ref: Some(LocalReference::default()),
        ..spec(kind, address)
    }
}

fn credentials(pairs: &[(&str, &str)]) -> Credentials {
    pairs.iter().copied().collect()
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

#[track_caller]
fn provider(spec: &MetricProvider, secret: &Credentials) -> Provider {
    Provider::new(spec, Some(secret), "1m").unwrap()
}

#[track_caller]
fn refused(spec: &MetricProvider, secret: Option<&Credentials>, interval: &str) -> String {
    Provider::new(spec, secret, interval)
        .unwrap_err()
        .to_string()
}

fn value(provider: &Provider, status: u16, body: &str) -> Result<f64, QueryError> {
    let answer = provider.value(&ReceivedAnswer::new(status, body))?;
    Ok(answer.value)
}

#[track_caller]
fn kind_of(provider: &Provider, status: u16, body: &str) -> QueryErrorKind {
    value(provider, status, body).unwrap_err().kind
}

fn prometheus() -> Provider {
    provider(
        &spec("prometheus", "http://prometheus:9090"),
        &Credentials::default(),
    )
}

#[test]
fn prometheus_is_asked_with_single_blanks() {
    let query = "\n  sum(rate(a{b=\"c\"}[1m]))\n\t* 100";
    let request = prometheus().request(query, now()).unwrap();
    assert_eq!(
        request.address.to_url(),
        "http://prometheus:9090/api/v1/query?query=+sum%28rate%28a%7Bb%3D%22c%22%7D%5B1m%5D%29%29+%2A+100"
    );
    assert_eq!(request.timeout_ms, 5_000);
    assert_eq!(request.header("authorization"), None);
}

#[test]
fn prometheus_takes_a_token_or_a_password_and_headers() {
    let mut spec = with_secret("prometheus", "https://p/prefix/");
    spec.headers = [("X-Scope-OrgID".into(), vec!["tenant1".into()])].into();
    spec.insecure_skip_verify = true;
    let ask = |secret: &[(&str, &str)]| {
        let provider = provider(&spec, &credentials(secret));
        provider.request("up", now()).unwrap()
    };
    let request = ask(&[("token", "t0k"), ("username", "u")]);
    assert_eq!(request.header("authorization"), Some("Bearer t0k"));
    assert_eq!(request.header("x-scope-orgid"), Some("tenant1"));
    assert_eq!(request.certificates, Certificates::Unverified);
    assert_eq!(
        request.address.to_url(),
        "https://p/prefix/api/v1/query?query=up"
    );
    let request = ask(&[("username", "username"), ("password", "password")]);
    assert_eq!(
        request.header("authorization"),
        Some("Basic dXNlcm5hbWU6cGFzc3dvcmQ=")
    );
    assert_eq!(
        refused(&spec, None, "1m"),
        "prometheus credentials does not contain a username"
    );
    assert_eq!(
        refused(&spec, Some(&credentials(&[("username", "u")])), "1m"),
        "prometheus credentials does not contain a password"
    );
}

fn vector(samples: &[&str]) -> String {
    let series: Vec<String> = samples
        .iter()
        .map(|sample| format!(r#"{{"metric":{{}},"value":[1545905245.458,{sample}]}}"#))
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
        series.join(",")
    )
}

#[test]
fn answers_of_prometheus_are_told_apart() {
    use QueryErrorKind::{Malformed, ManyValues, NoValues, NotANumber};
    let provider = prometheus();
    assert_eq!(value(&provider, 200, &vector(&["\"100\""])), Ok(100.0));
    assert_eq!(
        value(&provider, 200, &vector(&["\"+Inf\""])),
        Ok(f64::INFINITY)
    );
    let many = provider.value(&ReceivedAnswer::new(200, vector(&["\"1\"", "\"2\""])));
    assert_eq!(
        many,
        Ok(Answer {
            value: 2.0,
            series: 2
        })
    );
    let scalar = r#"{"data":{"resultType":"scalar","result":[1,"7"]}}"#;
    assert_eq!(value(&provider, 200, scalar), Ok(7.0));
    let matrix =
        r#"{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"NaN"]]}]}}"#;
    for (body, kind) in [
        (vector(&[]), NoValues),
        ("{}".to_owned(), NoValues),
        (vector(&["\"NaN\""]), NotANumber),
        (matrix.to_owned(), ManyValues),
        (vector(&["\"many\""]), Malformed),
        (vector(&["1"]), Malformed),
        (vector(&["null"]), Malformed),
        (
            r#"{"data":{"resultType":"vector","result":[{}]}}"#.to_owned(),
            Malformed,
        ),
        (
            r#"{"data":{"resultType":"vector","result":[{"value":[1]}]}}"#.to_owned(),
            Malformed,
        ),
        (
            r#"{"data":{"resultType":"string","result":[1,"a"]}}"#.to_owned(),
            Malformed,
        ),
        ("<html>".to_owned(), Malformed),
        (String::new(), Malformed),
    ] {
        assert_eq!(kind_of(&provider, 200, &body), kind, "{body}");
    }
    let words = |body: &str| value(&provider, 200, body).unwrap_err().to_string();
    assert_eq!(words(&vector(&[])), "no values found");
    assert_eq!(words(&vector(&["\"NaN\""])), "no values found (NaN)");
    assert_eq!(words(matrix), "query returned multiple values");
}

#[test]
fn refusals_of_prometheus_are_quoted() {
    let body = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let error = value(&prometheus(), 400, body).unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        format!("error response: Status 400 Bad Request: {body}")
    );
}

#[test]
fn more_series_than_the_limit_are_too_much() {
    let samples = vec!["\"1\""; MAX_ANSWER_SERIES + 1];
    let kind = kind_of(&prometheus(), 200, &vector(&samples));
    assert_eq!(kind, QueryErrorKind::TooMuch);
    let long = "x".repeat(MAX_QUERY_BYTES + 1);
    assert!(prometheus().request(&long, now()).is_err());
}

#[test]
fn no_message_and_no_debug_holds_a_secret() {
    let secrets = credentials(&[
        ("token", "tok-s3cret"),
        ("org", "org-s3cret"),
        ("username", "usr-s3cret"),
        ("password", "pwd-s3cret"),
        ("datadog_api_key", "api-s3cret"),
        ("datadog_application_key", "app-s3cret"),
        ("newrelic_account_id", "acc-s3cret"),
        ("newrelic_query_key", "key-s3cret"),
        ("aws_access_key_id", "aid-s3cret"),
        ("aws_secret_access_key", "ask-s3cret"),
        ("aws_session_token", "ast-s3cret"),
    ]);
    let echo = "tok-s3cret org-s3cret usr-s3cret pwd-s3cret api-s3cret app-s3cret \
                key-s3cret ask-s3cret ast-s3cret";
    for kind in [
        "prometheus",
        "datadog",
        "cloudwatch",
        "newrelic",
        "graphite",
        "influxdb",
    ] {
        let spec = MetricProvider {
            region: "eu-west-1".into(),
            ..with_secret(kind, "http://u:adr-s3cret@host/path")
        };
        let provider = provider(&spec, &secrets);
        let request = provider.request("[]", now()).unwrap();
        let mut shown = format!("{provider:?} {request:?}");
        for status in [200, 400, 403, 500] {
            let answer = ReceivedAnswer::new(status, echo);
            for error in [
                provider.value(&answer).err(),
                provider.availability(&answer).err(),
            ] {
                shown += &error.map(|error| error.to_string()).unwrap_or_default();
            }
        }
        assert!(!shown.contains("s3cret"), "{kind}: {shown}");
    }
}

#[test]
fn prometheus_is_there_where_one_is_one() {
    let provider = prometheus();
    let request = provider.availability_request(now()).unwrap();
    assert!(request.address.query().ends_with("vector%281%29"));
    let found = |status, body: &str| provider.availability(&ReceivedAnswer::new(status, body));
    assert_eq!(found(200, &vector(&["\"1\""])), Ok(()));
    let other = found(200, &vector(&["\"2\""])).unwrap_err();
    assert_eq!(other.to_string(), "value is not 1 for query: vector(1)");
    let away = found(502, "").unwrap_err().to_string();
    assert!(
        away.starts_with("running query failed: error response: Status 502"),
        "{away}"
    );
}

#[test]
fn types_that_come_later_are_refused_by_name() {
    for kind in [
        "stackdriver",
        "dynatrace",
        "splunk",
        "keptn",
        "externalmetrics",
    ] {
        let words = refused(&spec(kind, "http://a"), None, "1m");
        assert_eq!(words, format!("the provider type {kind} is not served yet"));
    }
    let unknown = provider(&spec("other", "http://a"), &Credentials::default());
    assert!(matches!(unknown, Provider::Prometheus(_)));
}

#[test]
fn addresses_that_are_none_are_refused() {
    for (address, shown) in [
        ("", ""),
        (":::", ":::"),
        ("p:9090", "p:9090"),
        ("u:pw@h", "***"),
    ] {
        let words = refused(&spec("prometheus", address), None, "1m");
        assert_eq!(
            words,
            format!("prometheus address {shown} is not a valid URL")
        );
    }
}

fn datadog() -> Provider {
    let secret = credentials(&[
        ("datadog_api_key", "api-key\n"),
        ("datadog_application_key", "app-key"),
    ]);
    provider(&with_secret("datadog", ""), &secret)
}

#[test]
fn datadog_is_asked_about_ten_intervals() {
    let request = datadog()
        .request("avg:system.cpu.user{*}by{host}", now())
        .unwrap();
    assert_eq!(
        request.address.to_url(),
        "https://api.datadoghq.com/api/v1/query?from=1767322445\
         &query=avg%3Asystem.cpu.user%7B%2A%7Dby%7Bhost%7D&to=1767323045"
    );
    assert_eq!(request.header("DD-API-KEY"), Some("api-key"));
    assert_eq!(request.header("DD-APPLICATION-KEY"), Some("app-key"));
    let request = datadog().availability_request(now()).unwrap();
    assert_eq!(
        request.address.to_url(),
        "https://api.datadoghq.com/api/v1/validate"
    );
}

#[test]
fn datadogs_oldest_point_is_the_value() {
    let body = r#"{"series":[{"pointlist":[[1577232000000,1.11111],[1577318400000,56294.4]]}]}"#;
    assert_eq!(value(&datadog(), 200, body), Ok(1.11111));
    for body in [
        r#"{"series":[]}"#,
        r#"{"series":[{"pointlist":[]}]}"#,
        r#"{"series":[{"pointlist":[[1]]}]}"#,
        r#"{"series":[{"pointlist":[[1,null]]}]}"#,
        "{}",
    ] {
        let error = value(&datadog(), 200, body).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("invalid response: {body}: no values found")
        );
        assert!(error.is_no_data());
    }
    let error = value(&datadog(), 403, "Forbidden").unwrap_err();
    assert_eq!(
        error.to_string(),
        "error response: Forbidden: 403 Forbidden"
    );
}

#[test]
fn datadog_needs_keys_and_an_interval() {
    let spec = with_secret("datadog", "");
    assert_eq!(
        refused(&spec, None, "1m"),
        "datadog credentials does not contain datadog_api_key"
    );
    let secret = credentials(&[("datadog_api_key", "a"), ("datadog_application_key", "b")]);
    assert_eq!(
        refused(&spec, Some(&secret), "1x"),
        "error parsing metric interval: time: unknown unit \"x\" in duration \"1x\""
    );
}

fn newrelic() -> Provider {
    let secret = credentials(&[
        ("newrelic_query_key", "query-key"),
        ("newrelic_account_id", "51312"),
    ]);
    provider(&with_secret("newrelic", ""), &secret)
}

#[test]
fn newrelic_is_asked_since_an_interval_ago() {
    let request = newrelic()
        .request("SELECT sum(a) / 1 FROM Metric", now())
        .unwrap();
    assert_eq!(
        request.address.to_url(),
        "https://insights-api.newrelic.com/v1/accounts/51312/query\
         ?nrql=SELECT+sum%28a%29+%2F+1+FROM+Metric+SINCE+60+seconds+ago"
    );
    assert_eq!(request.header("X-Query-Key"), Some("query-key"));
}

#[test]
fn newrelic_has_one_number() {
    assert_eq!(
        value(&newrelic(), 200, r#"{"results":[{"result":1.5}]}"#),
        Ok(1.5)
    );
    for body in [
        r#"{"results":[]}"#,
        r#"{"results":[{}]}"#,
        r#"{"results":[{"result":null}]}"#,
        r#"{"results":[{"result":1},{"result":2}]}"#,
    ] {
        assert_eq!(
            kind_of(&newrelic(), 200, body),
            QueryErrorKind::NoValues,
            "{body}"
        );
    }
    assert_eq!(kind_of(&newrelic(), 401, "no"), QueryErrorKind::Refused);
    assert_eq!(kind_of(&newrelic(), 200, "no"), QueryErrorKind::Malformed);
}

#[test]
fn an_account_cannot_lead_out_of_its_path() {
    let secret = credentials(&[
        ("newrelic_query_key", "k"),
        ("newrelic_account_id", "../../x?y"),
    ]);
    let provider = provider(&with_secret("newrelic", ""), &secret);
    let request = provider.request("q", now()).unwrap();
    assert_eq!(request.address.path(), "/v1/accounts/..%2F..%2Fx%3Fy/query");
}

fn graphite() -> Provider {
    let secret = credentials(&[("username", "username"), ("password", "password")]);
    provider(&with_secret("graphite", "http://graphite:8080/g/"), &secret)
}

#[test]
fn graphite_is_asked_by_the_templates_own_query() {
    let query = "target=sumSeries(app.http.*.*.count)&from=-2min&bad=%zz&a;b=c";
    let request = graphite().request(query, now()).unwrap();
    assert_eq!(
        request.address.to_url(),
        "http://graphite:8080/g/render?format=json&from=-2min\
         &target=sumSeries%28app.http.%2A.%2A.count%29"
    );
    assert!(
        request
            .header("authorization")
            .unwrap()
            .starts_with("Basic ")
    );
    let request = graphite().availability_request(now()).unwrap();
    assert_eq!(request.address.query(), "format=json&target=test");
}

#[test]
fn graphites_last_value_is_the_value() {
    let body = r#"[{"datapoints":[[10,1],[null,2],["75.5",3],[null,4]],"target":"t","tags":{}}]"#;
    assert_eq!(value(&graphite(), 200, body), Ok(75.5));
    for body in ["[]", r#"[{"target":"t","datapoints":[[null,1]]}]"#] {
        assert_eq!(kind_of(&graphite(), 200, body), QueryErrorKind::NoValues);
        assert_eq!(
            graphite().availability(&ReceivedAnswer::new(200, body)),
            Ok(())
        );
    }
    for body in [
        "[",
        r#"[{"datapoints":[["x",1]]}]"#,
        r#"[{"datapoints":[[{},1]]}]"#,
    ] {
        assert_eq!(kind_of(&graphite(), 200, body), QueryErrorKind::Malformed);
        assert!(
            graphite()
                .availability(&ReceivedAnswer::new(200, body))
                .is_err()
        );
    }
    let error = value(&graphite(), 500, "oh").unwrap_err();
    assert_eq!(error.to_string(), "error response: oh");
}

fn influxdb() -> Provider {
    let secret = credentials(&[("token", "x"), ("org", "my org")]);
    provider(&with_secret("influxdb", "http://influx:8086"), &secret)
}

#[test]
fn influxdb_is_asked_in_flux() {
    let request = influxdb().request("from(bucket: \"b\")", now()).unwrap();
    assert_eq!(
        request.address.to_url(),
        "http://influx:8086/api/v2/query?org=my+org"
    );
    assert_eq!(request.header("authorization"), Some("Token x"));
    assert_eq!(request.timeout_ms, 15_000);
    assert_eq!(
        String::from_utf8(request.body).unwrap(),
        r#"{"dialect":{"annotations":["datatype","group","default"],"delimiter":",","header":true},"query":"from(bucket: \"b\")","type":"flux"}"#
    );
    let spec = with_secret("influxdb", "http://a");
    assert_eq!(
        refused(&spec, Some(&credentials(&[("org", "o")])), "1m"),
        "influxdb credentials does not contain an authentication token"
    );
}

fn flux_table(types: &str, rows: &str) -> String {
    format!(
        "#datatype,string,long,{types},string\r\n#group,false,false,false,true\r\n\
         #default,_result,,,\r\n,result,table,_value,_field\r\n{rows}"
    )
}

#[test]
fn influxdbs_first_record_is_the_value() {
    let table = flux_table("double", ",,0,1.4,f\r\n,,0,6.6,f\r\n\r\n");
    assert_eq!(value(&influxdb(), 200, &table), Ok(1.4));
    let quoted = flux_table("double", ",\"a,\"\"b\",0,2,f\r\n");
    assert_eq!(value(&influxdb(), 200, &quoted), Ok(2.0));
    for (body, kind) in [
        (String::new(), QueryErrorKind::NoValues),
        ("\r\n\r\n".to_owned(), QueryErrorKind::NoValues),
        (flux_table("double", ""), QueryErrorKind::NoValues),
        (flux_table("double", ",,0,,f\r\n"), QueryErrorKind::NoValues),
        (
            flux_table("double", ",,0,NaN,f\r\n"),
            QueryErrorKind::NotANumber,
        ),
        (flux_table("long", ",,0,1,f\r\n"), QueryErrorKind::Malformed),
        (
            flux_table("double", ",,0,x,f\r\n"),
            QueryErrorKind::Malformed,
        ),
        (
            flux_table("double", ",\"open,0,1,f\r\n"),
            QueryErrorKind::Malformed,
        ),
        (
            flux_table("double", ",\"a\"b,0,1,f\r\n"),
            QueryErrorKind::Malformed,
        ),
        (
            ",error,reference\r\n,query failed,897\r\n".to_owned(),
            QueryErrorKind::Refused,
        ),
    ] {
        assert_eq!(kind_of(&influxdb(), 200, &body), kind, "{body}");
    }
    let body = r#"{"code":"unauthorized","message":"unauthorized access"}"#;
    assert_eq!(
        value(&influxdb(), 401, body).unwrap_err().to_string(),
        "error accessing influxdb query api: unauthorized: unauthorized access"
    );
}

fn cloudwatch() -> Provider {
    let spec = MetricProvider {
        region: "eu-west-1".into(),
        ..spec("cloudwatch", "")
    };
    let account = credentials(&[
        ("aws_access_key_id", "AKIDEXAMPLE"),
        ("aws_secret_access_key", "secret"),
        ("aws_session_token", "lent"),
    ]);
    provider(&spec, &account)
}

#[test]
fn cloudwatch_is_asked_about_ten_intervals_and_signed() {
    let query = r#"[{"Id":"e1","Expression":"m1 / m2","ReturnData":true}]"#;
    let request = cloudwatch().request(query, now()).unwrap();
    assert_eq!(
        request.address.to_url(),
        "https://monitoring.eu-west-1.amazonaws.com/"
    );
    assert_eq!(
        String::from_utf8(request.body.clone()).unwrap(),
        r#"{"EndTime":1767323045,"MaxDatapoints":20,"MetricDataQueries":[{"Expression":"m1 / m2","Id":"e1","ReturnData":true}],"StartTime":1767322445}"#
    );
    assert_eq!(
        request.header("x-amz-target"),
        Some("GraniteServiceVersion20100801.GetMetricData")
    );
    assert_eq!(request.header("x-amz-security-token"), Some("lent"));
    let authorization = request.header("authorization").unwrap();
    assert!(
        authorization.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/monitoring/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, \
             Signature="
        ),
        "{authorization}"
    );
    for query in ["", "{}", "[1]", "not json"] {
        let error = cloudwatch().request(query, now()).unwrap_err().to_string();
        assert!(error.starts_with("error unmarshaling query: "), "{error}");
    }
}

#[test]
fn cloudwatchs_first_value_is_the_value() {
    let body = r#"{"MetricDataResults":[{"Id":"e1","Values":[100.0,3],"StatusCode":"Complete"}]}"#;
    assert_eq!(value(&cloudwatch(), 200, body), Ok(100.0));
    for body in [
        "{}",
        r#"{"MetricDataResults":[]}"#,
        r#"{"MetricDataResults":[{"Values":[]}]}"#,
    ] {
        assert_eq!(kind_of(&cloudwatch(), 200, body), QueryErrorKind::NoValues);
    }
    assert_eq!(kind_of(&cloudwatch(), 403, "no"), QueryErrorKind::Refused);
    for (status, there) in [(200, true), (400, true), (403, false), (500, false)] {
        let answer = ReceivedAnswer::new(status, "");
        assert_eq!(
            cloudwatch().availability(&answer).is_ok(),
            there,
            "{status}"
        );
    }
}

#[test]
fn cloudwatch_needs_a_region_and_an_account() {
    for region in ["", "evil.example/"] {
        let spec = MetricProvider {
            region: region.into(),
            ..spec("cloudwatch", "")
        };
        assert_eq!(refused(&spec, None, "1m"), "region not specified");
    }
    let spec = MetricProvider {
        region: "cn-north-1".into(),
        ..spec("cloudwatch", "")
    };
    assert_eq!(
        refused(&spec, None, "1m"),
        "cloudwatch credentials does not contain aws_access_key_id"
    );
}
