//! Comparing an answer with a recorded one, placeholders bound on first
//! sight.

use regex::Regex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let numbered = r"<(uid|rv|lrv|gen|hash|ip|nodePort|continue|sched):(\d+)>";
    let free = r"<(time|microtime|age|token|hash|server|lrv|rv|gitVersion|gitCommit|gitTreeState|buildDate|goVersion|platform)>";
    Regex::new(&format!("{numbered}|{free}")).unwrap()
});

/// Paths of texts that are our own words, or that nobody relies on.
static OWN_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"columnDefinitions\[\d+\]\.description$|storageVersionHash$|(components\.schemas|definitions).*\.description$")
        .unwrap()
});

/// Names of ReplicaSets in messages; how they are hashed is free.
static HASHED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^((?:ReplicaSet|Created new replica set|Found new replica set) "[a-z-]+-)[bcdf-hj-np-tv-z2-9]{8,10}(")"#).unwrap()
});

/// What each kind of placeholder looks like.
fn shape(kind: &str) -> &'static str {
    match kind {
        "uid" => r"[0-9a-f-]{36}",
        "rv" | "lrv" | "nodePort" | "sched" => r"\d+",
        "gen" => r"[a-z0-9]{5}",
        "hash" => r"[A-Za-z0-9]+",
        "ip" => r"[0-9a-f.:]+",
        "continue" => r"[A-Za-z0-9_-]+",
        "time" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "microtime" => r"\d{4}-\d\d-\d\dT[\d:.]+Z",
        "age" => r"(?:\d+[smhdy])+",
        "token" | "server" => r"\S+",
        _ => ".*",
    }
}

/// Values of placeholders, and the differences found so far.
#[derive(Default)]
pub struct Comparison {
    bound: HashMap<String, String>,
    /// The differences, each with its place.
    pub differences: Vec<String>,
}

impl Comparison {
    fn differs(&mut self, at: &str, what: &str) {
        self.differences.push(format!(
            "{at}: {}",
            what.chars().take(600).collect::<String>()
        ));
    }

    /// A recorded text with the values that this server gave.
    pub fn fill_text(&self, text: &str, escape: Escape) -> String {
        let filled = PLACEHOLDER.replace_all(text, |found: &regex::Captures<'_>| {
            let value = self
                .bound
                .get(&found[0])
                .cloned()
                .unwrap_or_else(|| found[0].to_owned());
            // A token in a query must not be read as something else.
            if escape == Escape::Query && found.get(1).is_some_and(|it| it.as_str() == "continue") {
                value
                    .replace('%', "%25")
                    .replace('+', "%2B")
                    .replace('=', "%3D")
                    .replace('/', "%2F")
            } else {
                value
            }
        });
        filled.into_owned()
    }

    /// A recorded value of a request with the values that this server gave.
    pub fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.starts_with("<nodePort:") => self
                .bound
                .get(text)
                .and_then(|it| it.parse::<i64>().ok())
                .map_or(value.clone(), Value::from),
            Value::String(text) => self.fill_text(text, Escape::None).into(),
            Value::Array(list) => list.iter().map(|item| self.fill(item)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, item)| (self.fill_text(key, Escape::None), self.fill(item)))
                .collect(),
            _ => value.clone(),
        }
    }

    /// Compares two texts.
    pub fn text(&mut self, want: &str, got: &str, at: &str) {
        // A message that names a ReplicaSet was recorded with its hash.
        let want = &*HASHED.replace(want, "$1<hash>$2");
        let (mut pattern, mut end) = ("(?s)^".to_owned(), 0);
        let mut names: Vec<String> = Vec::new();
        let mut repeats: Vec<(String, String)> = Vec::new();
        for found in PLACEHOLDER.captures_iter(want) {
            let whole = found.get(0).unwrap();
            pattern.push_str(&regex::escape(&want[end..whole.start()]));
            end = whole.end();
            let kind = found.get(1).or(found.get(3)).unwrap().as_str();
            match (found.get(1), self.bound.get(whole.as_str())) {
                (None, _) => pattern.push_str(shape(kind)),
                (Some(_), Some(value)) => pattern.push_str(&regex::escape(value)),
                (Some(_), None) if names.iter().any(|name| name == whole.as_str()) => {
                    // The same new placeholder again in one text.
                    let group = format!("r{}", repeats.len());
                    pattern.push_str(&format!("(?P<{group}>{})", shape(kind)));
                    repeats.push((group, whole.as_str().to_owned()));
                }
                (Some(_), None) => {
                    pattern.push_str(&format!("(?P<g{}>{})", names.len(), shape(kind)));
                    names.push(whole.as_str().to_owned());
                }
            }
        }
        pattern.push_str(&format!("{}$", regex::escape(&want[end..])));
        let pattern = Regex::new(&pattern).unwrap();
        let Some(found) = pattern.captures(got) else {
            return self.differs(at, &format!("want {want:?}, got {got:?}"));
        };
        for (index, name) in names.iter().enumerate() {
            self.bind(name, &found[format!("g{index}").as_str()], at);
        }
        for (group, name) in repeats {
            if self.bound.get(&name).map(String::as_str) != Some(&found[group.as_str()]) {
                self.differs(at, &format!("{name} has two values in {got:?}"));
            }
        }
    }

    fn bind(&mut self, name: &str, value: &str, at: &str) {
        let kind = name.split(':').next().unwrap();
        if matches!(kind, "<uid" | "<rv") {
            let same = |(other, bound): (&String, &String)| {
                other.starts_with(&format!("{kind}:")) && bound == value
            };
            if self.bound.iter().any(same) {
                self.differs(
                    at,
                    &format!("{name} is {value}, which another placeholder is already"),
                );
            }
        }
        self.bound.insert(name.to_owned(), value.to_owned());
    }

    /// Compares two values.
    pub fn value(&mut self, want: &Value, got: &Value, at: &str, order: Order) {
        if OWN_WORDS.is_match(at) {
            return;
        }
        match (want, got) {
            (Value::String(text), _) if PLACEHOLDER.is_match(text) => {
                let got = got.as_str().map_or_else(|| got.to_string(), str::to_owned);
                self.text(text, &got, at);
            }
            (Value::String(text), Value::String(got)) if HASHED.is_match(text) => {
                self.text(text, got, at);
            }
            (Value::Object(want), Value::Object(got)) => self.objects(want, got, at, order),
            (Value::Array(want), Value::Array(got)) => {
                if want.len() != got.len() {
                    let got = serde_json::to_string(got).unwrap();
                    self.differs(at, &format!("want {} items, got {got}", want.len()));
                    return;
                }
                for (index, (want, got)) in want.iter().zip(got).enumerate() {
                    self.value(want, got, &format!("{at}[{index}]"), order);
                }
            }
            _ if same_scalar(want, got) => {}
            _ => self.differs(at, &format!("want {want}, got {got}")),
        }
    }

    fn objects(
        &mut self,
        want: &serde_json::Map<String, Value>,
        got: &serde_json::Map<String, Value>,
        at: &str,
        order: Order,
    ) {
        let want = self.with_bound_keys(want, got, at);
        let sort = |list: &Value| {
            let mut list = list.clone();
            if let Value::Array(items) = &mut list {
                items.sort_by_key(|entry| {
                    ["operation", "manager", "apiVersion", "subresource"]
                        .map(|key| entry[key].as_str().unwrap_or("").to_owned())
                });
            }
            list
        };
        for (key, wanted) in &want {
            let at = format!("{at}.{key}");
            match got.get(key) {
                None if OWN_WORDS.is_match(&at) => {}
                None => self.differs(&at, &format!("missing, want {wanted}")),
                Some(got) if key == "managedFields" && order == Order::Free => {
                    self.value(&sort(wanted), &sort(got), &at, order);
                }
                Some(got) => self.value(wanted, got, &at, order),
            }
        }
        for (key, extra) in got.iter().filter(|(key, _)| !want.contains_key(*key)) {
            self.differs(&format!("{at}.{key}"), &format!("not expected: {extra}"));
        }
    }

    /// The wanted keys; those that hold a placeholder not seen yet take the
    /// value of the one key that looks like them.
    fn with_bound_keys(
        &mut self,
        want: &serde_json::Map<String, Value>,
        got: &serde_json::Map<String, Value>,
        at: &str,
    ) -> serde_json::Map<String, Value> {
        let mut keys: serde_json::Map<String, Value> = want
            .iter()
            .map(|(key, value)| (self.fill_text(key, Escape::None), value.clone()))
            .collect();
        let open: Vec<String> = keys
            .keys()
            .filter(|key| PLACEHOLDER.is_match(key))
            .cloned()
            .collect();
        for key in open {
            let start = key.split('"').next().unwrap();
            let like = got
                .keys()
                .find(|other| !keys.contains_key(*other) && other.split('"').next() == Some(start));
            if let Some(like) = like.cloned() {
                self.text(&key, &like, &format!("{at} key"));
                let value = keys.remove(&key).unwrap();
                keys.insert(like, value);
            }
        }
        keys
    }
}

/// Whether values go into a query.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    None,
    Query,
}

/// Whether the order of `managedFields` matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Free,
    Strict,
}

fn same_scalar(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(want), Value::Number(got)) => want == got || want.as_f64() == got.as_f64(),
        _ => want == got,
    }
}

/// Sorts causes whose order the recorded server leaves to chance, in the
/// message too.
pub fn sort_causes(body: &mut Value) {
    let Some(causes) = body
        .pointer("/details/causes")
        .and_then(Value::as_array)
        .cloned()
    else {
        return;
    };
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or("").to_owned();
    let mut sorted = causes.clone();
    if causes
        .iter()
        .all(|cause| cause["reason"] == "FieldManagerConflict")
    {
        sorted.sort_by_key(|cause| text(cause, "message"));
    } else {
        sorted.sort_by_key(|cause| ["field", "reason", "message"].map(|key| text(cause, key)));
        let listed = |causes: &[Value]| {
            let items: Vec<String> = causes
                .iter()
                .map(|it| format!("{}: {}", text(it, "field"), text(it, "message")))
                .collect();
            format!("[{}]", items.join(", "))
        };
        let message = text(body, "message").replace(&listed(&causes), &listed(&sorted));
        body["message"] = message.into();
    }
    body["details"]["causes"] = sorted.into();
}
