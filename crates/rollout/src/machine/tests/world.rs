//! A cluster with one `Canary`, its workloads, routes, hooks and metrics.

use super::workload::Workload;
use crate::machine::{
    Answer, Fit, HookOutcome, LiveRoutes, ObjectsSeen, Observation, Outcome, Question, References,
    Round, RoutesSeen, Settings, TargetChange, TargetRevision, TargetSeen, Tracking, Verdict,
    WorkloadSeen,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use trueup_kinds::Metadata;
use trueup_kinds::canary::{CanarySpec, CanaryStatus, KUBERNETES_PROVIDER, Phase, WebhookType};
use trueup_object::{Text, Value, decode, value};

/// What the world does by itself and on demand.
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) metadata: Metadata,
    pub(super) spec: CanarySpec,
    pub(super) status: CanaryStatus,
    pub(super) target: Option<Workload>,
    pub(super) primary: Option<Workload>,
    pub(super) configs: BTreeMap<Text, Text>,
    pub(super) routes: Option<LiveRoutes>,
    /// Whether the apex Service leads to the primary.
    pub(super) apex_leads_to_primary: bool,
    pub(super) services: bool,
    /// What the shell remembers of questions; lost with it.
    pub(super) answers: Vec<Answer>,
    /// What the next looks at the metrics find; afterwards `metrics`.
    pub(super) verdicts: Vec<Verdict>,
    pub(super) metrics: Verdict,
    /// What is told along with them.
    pub(super) notes: Vec<Text>,
    /// What was found in the last round of looking.
    found: Option<(Round, Verdict)>,
    /// Whether the primary's autoscaler is held.
    pub(super) is_held: bool,
    /// Hooks that don't consent, by name.
    pub(super) refusing: BTreeSet<String>,
    /// Revisions whose Pods never get ready.
    pub(super) broken: BTreeSet<String>,
    /// Whether the gateway has taken the routes over.
    pub(super) are_routes_in_force: bool,
    /// How often the target was made.
    targets_made: u32,
    /// Whether routes tell that they mirror.
    pub(super) tells_mirror: bool,
    pub(super) pod_delay: SignedDuration,
    pub(super) is_gone: bool,
}

/// Whether the status is one that Flagger wrote.
fn is_foreign(status: &CanaryStatus) -> bool {
    !status.last_applied_spec.is_empty() && status.last_tracked_revision.is_empty()
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_323_045 + second).expect("a second of this century")
}

impl World {
    /// A world in which `v1` runs and a `Canary` was just made.
    pub(super) fn new(fields: &Value) -> Self {
        let mut spec = value!({
            "provider": "istio",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "service": {"port": 9898},
        });
        for (key, field) in fields.as_map().expect("a map of fields") {
            spec.set_at(&[key.as_str()], field.clone());
        }
        let now = timestamp(0);
        let metadata = Metadata {
            name: "podinfo".into(),
            namespace: "test".into(),
            uid: "c0".into(),
            generation: 1,
            ..Metadata::default()
        };
        let pod_delay = SignedDuration::from_secs(5);
        Self {
            now,
            metadata,
            spec: decode(&spec).expect("a specification"),
            status: CanaryStatus::default(),
            target: Some(Workload::new("podinfo", "v1", now, SignedDuration::ZERO)),
            primary: None,
            configs: BTreeMap::new(),
            routes: None,
            apex_leads_to_primary: false,
            services: false,
            answers: Vec::new(),
            verdicts: Vec::new(),
            metrics: Verdict::Passed,
            notes: Vec::new(),
            found: None,
            is_held: false,
            refusing: BTreeSet::new(),
            broken: BTreeSet::new(),
            are_routes_in_force: true,
            targets_made: 1,
            tells_mirror: true,
            pod_delay,
            is_gone: false,
        }
    }

    pub(super) fn seconds(&self) -> i64 {
        self.now.as_second() - timestamp(0).as_second()
    }

    pub(super) fn shifts(&self) -> bool {
        self.spec.provider != KUBERNETES_PROVIDER
    }

    pub(super) fn settle(&mut self) {
        for workload in [&mut self.target, &mut self.primary].into_iter().flatten() {
            workload.settle(self.now, &self.broken);
        }
    }

    pub(super) fn next_change(&self) -> Option<Timestamp> {
        let workloads = [&self.target, &self.primary].into_iter().flatten();
        workloads
            .filter_map(|workload| workload.next_change(self.now))
            .min()
    }

    /// Pushes a revision.
    pub(super) fn push(&mut self, revision: &str) {
        if let Some(target) = &mut self.target {
            target.set_template(revision, self.now, self.pod_delay);
        }
    }

    /// Makes a target where there is none.
    pub(super) fn make_target(&mut self, revision: &str) {
        self.targets_made += 1;
        let target = Workload::new("podinfo", revision, self.now, self.pod_delay);
        self.target = Some(target);
    }

    pub(super) fn observe(&self) -> Observation {
        let absent = || WorkloadSeen {
            readiness: crate::machine::Readiness::Waiting("podinfo-primary not found".into()),
            ready_endpoints: Some(0),
        };
        let seen = |workload: &Option<Workload>| match workload {
            Some(workload) => workload.seen(self.now),
            None => absent(),
        };
        Observation {
            metadata: self.metadata.clone(),
            spec: self.spec.clone(),
            settings: Settings {
                default_provider: "istio".into(),
                least_interval: std::time::Duration::from_secs(10),
                references: References::AcrossNamespaces,
            },
            refusals: Vec::new(),
            target: self.target_seen(),
            primary: seen(&self.primary),
            canary: seen(&self.target),
            objects: self.objects_seen(),
            routes: self.routes_seen(),
            source_revision: Text::new(),
            answers: self.answers.clone(),
        }
    }

    fn objects_seen(&self) -> ObjectsSeen {
        let fit = |there: bool| if there { Fit::Fits } else { Fit::Missing };
        ObjectsSeen {
            services: fit(self.services),
            primary: fit(self.primary.is_some()),
            primary_scaler: Fit::Fits,
            apex: fit(self.apex_leads_to_primary),
            routes: Fit::Fits,
        }
    }

    fn routes_seen(&self) -> RoutesSeen {
        match self.routes {
            _ if !self.shifts() => RoutesSeen::None,
            None => RoutesSeen::Missing,
            Some(_) if !self.are_routes_in_force => RoutesSeen::Unusable("not accepted".into()),
            Some(live) => RoutesSeen::Live(LiveRoutes {
                mirrored: live.mirrored.filter(|_| self.tells_mirror),
                ..live
            }),
        }
    }

    pub(super) fn target_seen(&self) -> TargetSeen {
        let Some(target) = &self.target else {
            return TargetSeen::Missing("deployment podinfo.test get query error".into());
        };
        let status = &self.status;
        let revision: Text = target.template.as_str().into();
        let uid = format!("u{}/", self.targets_made);
        let tracked: Text = format!("{uid}{}", target.generation).into();
        if is_foreign(status) {
            return self.taken_over(revision, tracked);
        }
        let is_made_anew = !status.last_tracked_revision.starts_with(&uid);
        let change = if is_made_anew {
            TargetChange::New
        } else if revision == status.last_applied_spec {
            TargetChange::Same
        } else if revision == status.last_promoted_spec {
            TargetChange::BackToPromoted
        } else {
            TargetChange::New
        };
        let together = status.last_promoted_spec == status.last_applied_spec;
        let last_promoted_spec = match change {
            TargetChange::Same if !together => status.last_promoted_spec.clone(),
            _ => revision.clone(),
        };
        let tracking = Tracking {
            last_applied_spec: revision.clone(),
            last_promoted_spec,
            last_tracked_revision: tracked.clone(),
        };
        TargetSeen::Found(TargetRevision {
            revision,
            tracked,
            change,
            tracking: (change != TargetChange::New).then_some(tracking),
            configs: Some(self.configs.clone()),
        })
    }

    /// A target whose status has digests that can't be compared.
    fn taken_over(&self, revision: Text, tracked: Text) -> TargetSeen {
        let primary = self.primary.as_ref().map(|it| it.template.as_str());
        let is_like_primary = primary == Some(revision.as_str());
        let status = &self.status;
        let rests = matches!(status.phase, Phase::Initialized | Phase::Succeeded);
        let is_new = rests && !is_like_primary;
        let last_promoted_spec = match status.last_promoted_spec == status.last_applied_spec {
            together if together || is_like_primary => revision.clone(),
            _ => status.last_promoted_spec.clone(),
        };
        let tracking = Tracking {
            last_applied_spec: revision.clone(),
            last_promoted_spec,
            last_tracked_revision: tracked.clone(),
        };
        TargetSeen::Found(TargetRevision {
            revision,
            tracked,
            change: if is_new {
                TargetChange::New
            } else {
                TargetChange::Same
            },
            tracking: (!is_new).then_some(tracking),
            configs: Some(self.configs.clone()),
        })
    }

    /// What hooks and metrics answer; the metrics the same all round long.
    pub(super) fn answer(&mut self, question: Question, round: &Round) -> Outcome {
        match question {
            Question::Providers => Outcome::Providers(None),
            Question::Hooks { kind, .. } => Outcome::Hooks(self.call_hooks(kind)),
            Question::Checks => Outcome::Checks {
                verdict: self.look(round),
                notes: self.notes.clone(),
                readings: Vec::new(),
            },
        }
    }

    fn look(&mut self, round: &Round) -> Verdict {
        if let Some((last, verdict)) = &self.found
            && last == round
        {
            return verdict.clone();
        }
        let verdict = if self.verdicts.is_empty() {
            self.metrics.clone()
        } else {
            self.verdicts.remove(0)
        };
        self.found = Some((round.clone(), verdict.clone()));
        verdict
    }

    fn call_hooks(&self, kind: WebhookType) -> Vec<HookOutcome> {
        let mut outcomes = Vec::new();
        for webhook in self.spec.analysis.webhooks_of(kind) {
            let refuses = self.refusing.contains(webhook.name.as_str());
            outcomes.push(HookOutcome {
                name: webhook.name.clone(),
                refusal: refuses.then(|| "forbidden".into()),
            });
            let ends = if kind == WebhookType::Rollback {
                !refuses
            } else {
                refuses
            };
            if ends {
                break;
            }
        }
        outcomes
    }

    /// Whether traffic for the canary arrives.
    pub(super) fn canary_serves(&self) -> bool {
        let target = self.target.as_ref();
        target.is_some_and(|it| it.has_endpoints(self.now))
    }

    /// Whether traffic for the primary arrives.
    pub(super) fn primary_serves(&self) -> bool {
        let primary = self.primary.as_ref();
        primary.is_some_and(|it| it.has_endpoints(self.now))
    }

    /// Whether the primary serves what it is to be.
    pub(super) fn is_primary_ready(&self) -> bool {
        self.primary.as_ref().is_some_and(Workload::is_ready)
    }

    /// The canary's live weight.
    pub(super) fn live_weight(&self) -> i64 {
        self.routes.map_or(0, |routes| routes.canary_weight)
    }
}
