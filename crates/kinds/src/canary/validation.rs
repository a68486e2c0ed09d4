//! What the API accepts and can't be done.

use super::decode::FieldError;
use super::{CanaryAnalysis, CanarySpec};

/// The provider that shifts no traffic: Services only.
pub const KUBERNETES_PROVIDER: &str = "kubernetes";
/// The provider of Knative's Services.
const KNATIVE_PROVIDER: &str = "knative";
/// The kinds of targets.
const TARGET_KINDS: [&str; 3] = ["DaemonSet", "Deployment", "Service"];
/// The kinds of autoscalers.
const AUTOSCALER_KINDS: [&str; 2] = ["HorizontalPodAutoscaler", "ScaledObject"];

impl CanarySpec {
    /// Everything that can't be done as it is asked for, given the provider
    /// of the installation. Flagger refuses some of it in its log only, and
    /// with the rest its runs stand still for ever.
    #[must_use]
    pub fn problems(&self, default_provider: &str) -> Vec<FieldError> {
        let mut problems = Vec::new();
        self.check_references(&mut problems);
        if self.service.port == 0 {
            problems.push(FieldError::new("spec.service.port", "must be given"));
        }
        if self.progress_deadline_seconds.is_some_and(|it| it < 0) {
            problems.push(negative("spec.progressDeadlineSeconds"));
        }
        let stepless = self.provider_or(default_provider) == KUBERNETES_PROVIDER;
        if !self.skip_analysis {
            self.analysis.check_steps(stepless, &mut problems);
        }
        self.analysis.check_numbers(&mut problems);
        problems
    }

    /// References to objects of other namespaces than `own`, where these are
    /// forbidden.
    #[must_use]
    pub fn cross_namespace_problems(&self, name: &str, own: &str) -> Vec<FieldError> {
        let metrics = self.analysis.metrics.iter().enumerate();
        let templates = metrics.filter_map(|(index, metric)| {
            let path = format!("spec.analysis.metrics[{index}].templateRef.namespace");
            Some((path, "metric template", metric.template_ref.as_ref()?))
        });
        let alerts = self.analysis.alerts.iter().enumerate();
        let providers = alerts.map(|(index, alert)| {
            let path = format!("spec.analysis.alerts[{index}].providerRef.namespace");
            (path, "alert provider", &alert.provider_ref)
        });
        let upstream = self.upstream_ref.iter();
        upstream
            .map(|it| ("spec.upstreamRef.namespace".to_owned(), "gloo upstream", it))
            .chain(templates)
            .chain(providers)
            .filter(|(_, _, reference)| reference.namespace_or(own) != own)
            .map(|(path, what, reference)| {
                let there = &reference.namespace;
                let message = format!(
                    "can't access {what} {}.{there} from {name}.{own}, cross-namespace references are blocked",
                    reference.name
                );
                FieldError::new(path, message)
            })
            .collect()
    }

    fn check_references(&self, problems: &mut Vec<FieldError>) {
        let target = &self.target_ref;
        if target.name.is_empty() {
            problems.push(FieldError::new("spec.targetRef.name", "must be given"));
        }
        if !TARGET_KINDS.contains(&target.kind.as_str()) {
            problems.push(unknown("spec.targetRef.kind", &target.kind, &TARGET_KINDS));
        }
        if target.is_knative() != (self.provider == KNATIVE_PROVIDER) {
            let message = "a Service of Knative and the provider knative go together";
            problems.push(FieldError::new("spec.provider", message));
        }
        let Some(scaler) = &self.autoscaler_ref else {
            return;
        };
        if target.is_knative() {
            let message = "a Service of Knative scales itself";
            problems.push(FieldError::new("spec.autoscalerRef", message));
        }
        if !AUTOSCALER_KINDS.contains(&scaler.kind.as_str()) {
            let path = "spec.autoscalerRef.kind";
            problems.push(unknown(path, &scaler.kind, &AUTOSCALER_KINDS));
        }
    }
}

impl CanaryAnalysis {
    /// Whether the run has an end: each weight must be above the one before.
    fn check_steps(&self, stepless: bool, problems: &mut Vec<FieldError>) {
        let counts_iterations = stepless || self.iterations > 0;
        if counts_iterations || self.step_weight > 0 {
            return;
        }
        if self.step_weights.is_empty() {
            let message = "one of stepWeight, stepWeights and iterations must be above 0";
            problems.push(FieldError::new("spec.analysis", message));
            return;
        }
        let mut before = 0;
        for (index, weight) in self.step_weights.iter().enumerate() {
            if *weight <= before {
                let path = format!("spec.analysis.stepWeights[{index}]");
                let message = format!("{weight} is not above {before}, the weight before");
                problems.push(FieldError::new(path, message));
                return;
            }
            before = *weight;
        }
    }

    fn check_numbers(&self, problems: &mut Vec<FieldError>) {
        for (field, number) in [
            ("iterations", self.iterations),
            ("maxWeight", self.max_weight),
            ("mirrorWeight", self.mirror_weight),
            ("stepWeight", self.step_weight),
            ("stepWeightPromotion", self.step_weight_promotion),
        ] {
            if number < 0 {
                problems.push(negative(&format!("spec.analysis.{field}")));
            }
        }
        let affinity = self.session_affinity.as_ref();
        if affinity.is_some_and(|it| it.cookie_name == it.primary_cookie_name) {
            let path = "spec.analysis.sessionAffinity.primaryCookieName";
            let message = "must differ from cookieName";
            problems.push(FieldError::new(path, message));
        }
    }
}

fn negative(path: &str) -> FieldError {
    FieldError::new(path, "must not be below 0")
}

fn unknown(path: &str, given: &str, known: &[&str]) -> FieldError {
    let known = known.join(", ");
    FieldError::new(path, format!("{given:?} is none of {known}"))
}
