//! Requests to the process, and what its objects hold.

use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// A kind that the writers write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    ConfigMap,
    /// Defined by a CustomResourceDefinition.
    Widget,
}

pub const KINDS: [Kind; 2] = [Kind::ConfigMap, Kind::Widget];

impl Kind {
    pub fn collection(self) -> &'static str {
        match self {
            Self::ConfigMap => "/api/v1/namespaces/default/configmaps",
            Self::Widget => "/apis/example.com/v1/namespaces/default/widgets",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::ConfigMap => "data",
            Self::Widget => "spec",
        }
    }

    /// An object that holds a number three times over.
    pub fn object(self, name: &str, writer: usize, count: u64) -> Value {
        let (version, kind) = match self {
            Self::ConfigMap => ("v1", "ConfigMap"),
            Self::Widget => ("example.com/v1", "Widget"),
        };
        let number = count.to_string();
        json!({
            "apiVersion": version, "kind": kind,
            "metadata": {"name": name, "labels": {"writer": format!("w{writer}")}},
            self.field(): {"count": number, "copy": number, "fill": fill(count)}
        })
    }

    /// The number that an object holds; a torn one fails the test.
    pub fn count(self, object: &Value) -> u64 {
        let field = &object[self.field()];
        let count = field["count"].as_str().unwrap_or_default();
        assert_eq!(field["copy"].as_str(), Some(count), "torn: {object}");
        let count = count.parse().unwrap_or_else(|_| panic!("torn: {object}"));
        assert_eq!(
            field["fill"].as_str(),
            Some(fill(count).as_str()),
            "torn: {object}"
        );
        assert!(object["metadata"]["uid"].is_string(), "torn: {object}");
        assert!(
            object["metadata"]["managedFields"].is_array(),
            "torn: {object}"
        );
        count
    }
}

fn fill(count: u64) -> String {
    "x".repeat((count * 397 % 6000) as usize)
}

/// The revision of an object or list.
pub fn revision(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str();
    text.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no resourceVersion: {object}"))
}

/// Status and body of an answer; `None` where the server went before it gave
/// a status. A body that was cut is null.
pub async fn send(
    client: &Client,
    method: &str,
    target: &str,
    body: Option<Value>,
) -> Option<(u16, Value)> {
    let content_type = match method {
        "PATCH" => "application/apply-patch+yaml",
        _ => "application/json",
    };
    let body = body.map_or_else(Vec::new, |body| serde_json::to_vec(&body).unwrap());
    let request = http::Request::builder()
        .method(method)
        .uri(target)
        .header("content-type", content_type)
        .body(Body::from(body))
        .unwrap();
    let response = client.send(request).await.ok()?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect_bytes().await;
    let value = bytes
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Some((status, value.unwrap_or_default()))
}

/// The same for what must succeed.
pub async fn must(client: &Client, method: &str, target: &str, body: Option<Value>) -> Value {
    let (status, answer) = send(client, method, target, body)
        .await
        .expect("it answers");
    assert!(status < 300, "{method} {target}: {status} {answer}");
    answer
}

/// Defines the widgets and waits until they are served.
pub async fn define_widgets(client: &Client) {
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object", "additionalProperties": {"type": "string"}
    }}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]
        }
    });
    let target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    must(client, "POST", target, Some(definition)).await;
    while send(client, "GET", Kind::Widget.collection(), None)
        .await
        .is_none_or(|(status, _)| status != 200)
    {
        tokio::task::yield_now().await;
    }
}
