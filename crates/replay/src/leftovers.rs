//! What a scenario needs before it starts, and what it leaves behind.

use crate::Scenario;
use crate::player::{Answer, Ground, exchange};
use crate::transport::{Caller, Transport};
use std::collections::BTreeSet;
use std::time::Duration;
use trueup_object::{Value, from_json, to_json, value};

/// How long objects of an earlier run may take to go.
const GONE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a server may take to make what every namespace has.
const DEFAULTS_TIMEOUT: Duration = Duration::from_secs(10);
/// How often is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// What to remove once a scenario has been played.
#[derive(Debug)]
pub(crate) struct Leftovers<'a, T> {
    scenario: &'a Scenario,
    transport: &'a T,
    /// Paths of objects outside the scenario's namespace, oldest first.
    made: Vec<Made>,
    /// Paths of objects that have had finalizers.
    finalized: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Made {
    path: String,
    /// Whether it gathers the rules of other roles: then it goes before them,
    /// lest its controller make them anew.
    aggregates: bool,
}

impl<'a, T: Transport> Leftovers<'a, T> {
    /// Nothing is left behind yet.
    pub fn new(scenario: &'a Scenario, transport: &'a T) -> Self {
        Self {
            scenario,
            transport,
            made: Vec::new(),
            finalized: BTreeSet::new(),
        }
    }

    /// Makes the scenario's namespace. On shared ground whatever an earlier
    /// run has left is removed first, and the namespace's default objects are
    /// waited for.
    pub async fn prepare(&self, ground: Ground) -> Result<(), String> {
        if ground == Ground::Shared {
            for path in self.fixed_names() {
                self.remove_and_wait(&path).await?;
            }
        }
        let Some(namespace) = &self.scenario.namespace else {
            return Ok(());
        };
        let path = format!("/api/v1/namespaces/{namespace}");
        if ground == Ground::Shared {
            self.remove_and_wait(&path).await?;
        }
        let body = value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": (namespace.as_str())}});
        let made = self.send("POST", "/api/v1/namespaces", Some(&body)).await?;
        if made.status != 201 {
            let got = String::from_utf8_lossy(&made.raw);
            return Err(format!("namespace {namespace}: {} {got}", made.status));
        }
        if ground == Ground::Shared {
            for default in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
                // A server need not make them.
                self.wait(&format!("{path}/{default}"), 200, DEFAULTS_TIMEOUT)
                    .await?;
            }
        }
        Ok(())
    }

    /// The paths of the objects with fixed names that the scenario makes
    /// outside its namespace.
    fn fixed_names(&self) -> BTreeSet<String> {
        let posted = self.scenario.steps.iter().filter_map(|step| {
            let request = step.request.as_ref()?;
            let body = from_json(request.body.as_ref()?.get().as_bytes()).ok()?;
            let name = body.str_at(&["metadata", "name"])?;
            let made = request.method == "POST" && step.response.status == 201;
            (made && !self.stays_inside(&request.path) && !name.is_empty())
                .then(|| format!("{}/{name}", without_query(&request.path)))
        });
        posted.collect()
    }

    /// Whether what is made at a path goes with the scenario's namespace, or
    /// is not kept at all.
    fn stays_inside(&self, path: &str) -> bool {
        let own = self.scenario.namespace.as_ref();
        path.contains("dryRun=")
            || own.is_some_and(|own| path.contains(&format!("/namespaces/{own}/")))
    }

    /// Remembers what an answer tells of.
    pub fn learn(&mut self, method: &str, path: &str, answer: &Answer) {
        let (Some(metadata), 200 | 201) = (answer.body.get("metadata"), answer.status) else {
            return;
        };
        let (posted, name) = (
            method == "POST",
            metadata.str_at(&["name"]).unwrap_or_default(),
        );
        if !matches!(method, "POST" | "PUT" | "PATCH") || name.is_empty() {
            return;
        }
        let mut object = without_query(path).to_owned();
        if posted {
            object = format!("{object}/{name}");
        }
        if metadata.get("finalizers").is_some() && !path.contains("dryRun=") {
            self.finalized.insert(object.clone());
        }
        if answer.status == 201 && !self.stays_inside(path) {
            let aggregates = answer.body.get("aggregationRule").is_some();
            self.made.push(Made {
                path: object,
                aggregates,
            });
        }
    }

    /// Removes finalizers, then objects outside the namespace, then the
    /// namespace. Does not wait until they are gone.
    pub async fn remove(mut self) -> Result<(), String> {
        let free = value!({"metadata": {"finalizers": (Value::Null)}});
        for path in &self.finalized {
            self.send("PATCH", path, Some(&free)).await?;
        }
        self.made.reverse();
        self.made.sort_by_key(|made| !made.aggregates);
        for made in &self.made {
            self.send("DELETE", &made.path, None).await?;
        }
        if let Some(namespace) = &self.scenario.namespace {
            self.send("DELETE", &format!("/api/v1/namespaces/{namespace}"), None)
                .await?;
        }
        Ok(())
    }

    async fn remove_and_wait(&self, path: &str) -> Result<(), String> {
        let found = self.send("GET", path, None).await?;
        if found.status == 404 {
            return Ok(());
        }
        if found.body.at(&["metadata", "deletionTimestamp"]).is_none() {
            self.send("DELETE", path, None).await?;
        }
        match self.wait(path, 404, GONE_TIMEOUT).await? {
            true => Ok(()),
            false => Err(format!("{path} of an earlier run does not go")),
        }
    }

    /// Waits until a path answers with a status; tells whether it did.
    async fn wait(&self, path: &str, status: u16, timeout: Duration) -> Result<bool, String> {
        let started = tokio::time::Instant::now();
        loop {
            if self.send("GET", path, None).await?.status == status {
                return Ok(true);
            }
            if started.elapsed() > timeout {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        ask(self.transport, method, path, body).await
    }
}

/// Whether a server has custom resource definitions: scenarios that show the
/// whole server must be played while it has none.
pub async fn has_definitions<T: Transport>(transport: &T) -> Result<bool, String> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?limit=1";
    let answer = ask(transport, "GET", path, None).await?;
    let items = answer.body.get("items").and_then(Value::as_list);
    let items = items.ok_or_else(|| format!("GET {path}: {}", answer.status))?;
    Ok(!items.is_empty())
}

/// Sends a request that is no part of the conversation.
async fn ask<T: Transport>(
    transport: &T,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer, String> {
    let mut request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("accept", "application/json")
        .header("user-agent", "recorder/1.0");
    if body.is_some() {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        request = request.header("content-type", content_type);
    }
    let request = request
        .body(body.map(to_json).unwrap_or_default().into())
        .map_err(|error| format!("{path}: {error}"))?;
    exchange(transport, Caller::Administrator, request)
        .await
        .map_err(|error| format!("{method} {path}: {error}"))
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}
