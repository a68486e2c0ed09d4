//! What is told of an object's way into the cluster, in flux's words.

use super::text_at;
use crate::lines::Lines;
use crate::words::condition;
use trueup_object::{ObjectRef, Value};

/// The report: the object, the Canary that made it, its Kustomization, the
/// source.
pub fn text(
    object: &ObjectRef,
    canary: Option<&Value>,
    kustomization: &Value,
    source: Option<&Value>,
) -> String {
    let mut report = Report::default();
    report
        .lines
        .line("Object", &format!("{}/{}", object.kind.kind, object.name));
    report.lines.line("Namespace", &object.namespace);
    report.lines.line("Status", "Managed by Flux");
    if let Some(canary) = canary {
        report.canary(canary);
    }
    report.kustomization(kustomization);
    if let Some(source) = source {
        report.source(source);
    }
    report.lines.into_text()
}

#[derive(Default)]
struct Report {
    lines: Lines,
}

impl Report {
    /// The head of the part about one of our objects.
    fn part(&mut self, object: &Value) {
        self.lines.rule();
        self.lines.line(
            text_at(object, &["kind"]),
            text_at(object, &["metadata", "name"]),
        );
        self.lines
            .line("Namespace", text_at(object, &["metadata", "namespace"]));
    }

    fn canary(&mut self, canary: &Value) {
        self.part(canary);
        let target = |key: &str| text_at(canary, &["spec", "targetRef", key]);
        let target = format!("{}/{}", target("kind"), target("name"));
        self.lines.line("Target", &target);
        let phase = text_at(canary, &["status", "phase"]);
        self.lines.line("Phase", phase);
        self.ready(canary);
    }

    fn kustomization(&mut self, kustomization: &Value) {
        self.part(kustomization);
        for (name, path) in [
            ("Target", ["spec", "targetNamespace"]),
            ("Path", ["spec", "path"]),
            ("Revision", ["status", "lastAppliedRevision"]),
            ("Origin Revision", ["status", "lastAppliedOriginRevision"]),
        ] {
            self.lines.line(name, text_at(kustomization, &path));
        }
        self.ready(kustomization);
    }

    fn source(&mut self, source: &Value) {
        self.part(source);
        self.lines.line("URL", text_at(source, &["spec", "url"]));
        self.lines.line("Source", &made_of(source));
        let reference = |key: &str| text_at(source, &["spec", "ref", key]);
        let chosen = [
            ("Tag", reference("tag")),
            ("Tag", reference("semver")),
            ("Digest", reference("digest")),
            ("Branch", reference("branch")),
        ];
        if let Some((name, value)) = chosen.into_iter().find(|(_, value)| !value.is_empty()) {
            self.lines.line(name, value);
        }
        self.lines.line(
            "Revision",
            text_at(source, &["status", "artifact", "revision"]),
        );
        self.ready(source);
    }

    fn ready(&mut self, object: &Value) {
        let Some(ready) = condition(object, "Ready") else {
            return self.lines.line("Status", "Unknown");
        };
        let time = time(text_at(ready, &["lastTransitionTime"]));
        let status = match text_at(ready, &["status"]) {
            "False" => format!("Last reconciliation failed at {time}"),
            _ => format!("Last reconciled at {time}"),
        };
        self.lines.line("Status", &status);
        self.lines.line("Message", text_at(ready, &["message"]));
    }
}

/// `Kind/namespace/name` of what an artifact of others is made of; empty where
/// that is not told.
fn made_of(source: &Value) -> String {
    let text = |key: &str| text_at(source, &["spec", "sourceRef", key]);
    match (text("kind"), text("namespace"), text("name")) {
        ("", _, _) => String::new(),
        (kind, "", name) => {
            let own = text_at(source, &["metadata", "namespace"]);
            format!("{kind}/{own}/{name}")
        }
        (kind, namespace, name) => format!("{kind}/{namespace}/{name}"),
    }
}

/// A time as Go prints it: `2026-01-31 12:00:00 +0000 UTC`.
fn time(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::{GroupVersionKind, value};

    #[test]
    fn the_way_of_an_object_is_told_from_its_end_to_its_source() {
        let object = ObjectRef {
            kind: GroupVersionKind::new("apps/v1", "Deployment"),
            namespace: "apps".into(),
            name: "web".into(),
        };
        let ready = |status: &str, message: &str| {
            value!([{"type": "Ready", "status": status, "message": message,
                     "lastTransitionTime": "2026-01-31T12:00:00Z"}])
        };
        let mut kustomization = value!({
            "kind": "Kustomization", "metadata": {"name": "web", "namespace": "flux-system"},
            "spec": {"path": "./web", "targetNamespace": "apps"},
            "status": {"lastAppliedRevision": "main@sha1:a"},
        });
        kustomization.set_at(
            &["status", "conditions"],
            ready("True", "Applied revision: main@sha1:a"),
        );
        let mut source = value!({
            "kind": "GitRepository", "metadata": {"name": "fleet", "namespace": "flux-system"},
            "spec": {"url": "https://example.com/fleet", "ref": {"branch": "main"}},
            "status": {"artifact": {"revision": "main@sha1:b"}},
        });
        source.set_at(&["status", "conditions"], ready("False", "no such host"));
        let expected = "\
Object:          Deployment/web
Namespace:       apps
Status:          Managed by Flux
---
Kustomization:   web
Namespace:       flux-system
Target:          apps
Path:            ./web
Revision:        main@sha1:a
Status:          Last reconciled at 2026-01-31 12:00:00 +0000 UTC
Message:         Applied revision: main@sha1:a
---
GitRepository:   fleet
Namespace:       flux-system
URL:             https://example.com/fleet
Branch:          main
Revision:        main@sha1:b
Status:          Last reconciliation failed at 2026-01-31 12:00:00 +0000 UTC
Message:         no such host
";
        assert_eq!(text(&object, None, &kustomization, Some(&source)), expected);
    }

    #[test]
    fn what_a_canary_made_comes_by_way_of_it() {
        let object = ObjectRef {
            kind: GroupVersionKind::new("apps/v1", "Deployment"),
            namespace: "apps".into(),
            name: "web-primary".into(),
        };
        let canary = value!({
            "kind": "Canary", "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"targetRef": {"kind": "Deployment", "name": "web"}},
            "status": {"phase": "Progressing"},
        });
        let kustomization = value!({
            "kind": "Kustomization", "metadata": {"name": "apps", "namespace": "fleet"},
        });
        let expected = "\
Object:          Deployment/web-primary
Namespace:       apps
Status:          Managed by Flux
---
Canary:          web
Namespace:       apps
Target:          Deployment/web
Phase:           Progressing
Status:          Unknown
---
Kustomization:   apps
Namespace:       fleet
Status:          Unknown
";
        assert_eq!(text(&object, Some(&canary), &kustomization, None), expected);
    }
}
