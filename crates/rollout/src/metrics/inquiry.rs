//! One check from its question to its verdict: whoever drives it sends the
//! requests that it asks for, one after the other, and gives the answers back.

use super::{
    Answer, BuiltinCheck, BuiltinQuery, Check, CheckSource, CheckSubject, Observer, Prometheus,
    Provider, QueryError, QueryRenderer, TargetWorkload, TemplateModel, Verdict, builtin_query,
    is_prometheus_duration, judge,
};
use jiff::Timestamp;
use trueup_kinds::canary::MetricTemplateSpec;
use trueup_kinds::outgoing::{Credentials, OutgoingRequest, ReceivedAnswer};

/// A `MetricTemplate` as far as it could be read.
#[derive(Clone, Copy, Debug)]
pub enum TemplateInput<'a> {
    /// It is there, and so is the Secret that it refers to, if any.
    Found {
        /// The template.
        spec: &'a MetricTemplateSpec,
        /// The data of its Secret; for CloudWatch without one the account of
        /// the process.
        credentials: Option<&'a Credentials>,
    },
    /// The template can't be read, and why.
    Unreadable(&'a str),
    /// Its Secret can't be read.
    SecretUnreadable {
        /// The Secret's name.
        secret: &'a str,
        /// Why.
        error: &'a str,
    },
}

/// All that a check is made with.
#[derive(Clone, Copy)]
pub struct CheckContext<'a> {
    /// The Canary's names, for messages and queries.
    pub model: &'a TemplateModel,
    /// See [`super::metrics_provider`].
    pub metrics_provider: &'a str,
    /// The target.
    pub workload: TargetWorkload,
    /// The Prometheus of builtin and inline queries.
    pub metrics_server: &'a str,
    /// Executes templates of queries.
    pub render: QueryRenderer<'a>,
    /// The time.
    pub now: Timestamp,
}

/// What a check wants next.
#[derive(Debug)]
pub enum Turn {
    /// A request is to be sent; its answer goes to [`Inquiry::answer`].
    Send {
        /// The request.
        request: Box<OutgoingRequest>,
        /// What waits for the answer.
        inquiry: Box<Inquiry>,
    },
    /// The end.
    Done(Verdict),
}

/// A check that waits for an answer.
#[derive(Debug)]
pub struct Inquiry {
    check: Check,
    model: TemplateModel,
    metrics_provider: String,
    provider: Provider,
    now: Timestamp,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The query itself was asked; without answer this is asked next.
    Query { all_requests: Option<String> },
    /// Whether there were requests at all was asked.
    AllRequests,
}

/// Begins a check. `template` is what was found of the template that a check
/// with [`CheckSource::Template`] names.
#[must_use]
pub fn begin_check(
    check: &Check,
    context: CheckContext<'_>,
    template: Option<TemplateInput<'_>>,
) -> Turn {
    let model = context.model.for_metric(&check.interval, &check.variables);
    match prepare(check, &model, context, template) {
        Ok((provider, query)) => {
            let inquiry = Inquiry {
                check: check.clone(),
                model,
                metrics_provider: context.metrics_provider.to_owned(),
                provider,
                now: context.now,
                stage: Stage::Query {
                    all_requests: query.all_requests,
                },
            };
            inquiry.send(&query.query)
        }
        Err(message) => Turn::Done(Verdict::Error { message }),
    }
}

impl Inquiry {
    /// The turn after an answer, or after a request that got none: then why,
    /// in words without address and headers.
    #[must_use]
    pub fn answer(self, answer: Result<ReceivedAnswer, String>) -> Turn {
        let value = match answer {
            Ok(answer) => self.provider.value(&answer),
            Err(reason) => Err(QueryError::failed(format!("request failed: {reason}"))),
        };
        let no_data = value.as_ref().is_err_and(QueryError::is_no_data);
        match self.stage {
            Stage::Query {
                all_requests: Some(ref query),
            } if no_data => {
                let query = query.clone();
                let stage = Stage::AllRequests;
                Self { stage, ..self }.send(&query)
            }
            Stage::Query { .. } => self.judge(value),
            Stage::AllRequests => {
                let none_succeeded = value.is_ok_and(|answer| answer.value > 0.0);
                self.judge(if none_succeeded {
                    Ok(Answer::only(0.0))
                } else {
                    Err(QueryError::no_values())
                })
            }
        }
    }

    fn send(self, query: &str) -> Turn {
        match self.provider.request(query, self.now) {
            Ok(request) => Turn::Send {
                request: Box::new(request),
                inquiry: Box::new(self),
            },
            Err(error) => self.judge(Err(error)),
        }
    }

    fn judge(self, value: Result<Answer, QueryError>) -> Turn {
        let value = value.map(|answer| Answer {
            value: self.scaled(answer.value),
            ..answer
        });
        let subject = CheckSubject {
            model: &self.model,
            metrics_provider: &self.metrics_provider,
        };
        Turn::Done(judge(&self.check, subject, value))
    }

    fn scaled(&self, value: f64) -> f64 {
        match self.check.source {
            CheckSource::Builtin(BuiltinCheck::Duration) => {
                let observer = Observer::of_provider(&self.metrics_provider);
                value * observer.milliseconds_per_unit()
            }
            _ => value,
        }
    }
}

/// Whom to ask what; or the words of the event that says why nobody is asked.
fn prepare(
    check: &Check,
    model: &TemplateModel,
    context: CheckContext<'_>,
    template: Option<TemplateInput<'_>>,
) -> Result<(Provider, BuiltinQuery), String> {
    match &check.source {
        CheckSource::Builtin(builtin) => {
            if !is_prometheus_duration(&check.interval) {
                return Err(format!(
                    "Prometheus query failed: the interval {:?} of {} is no duration",
                    check.interval, check.name
                ));
            }
            let observer = Observer::of_provider(context.metrics_provider);
            let query = builtin_query(observer, *builtin, context.workload, model);
            Ok((metrics_server(context)?, query))
        }
        CheckSource::Inline(query) => {
            let query = (context.render)(query, model)
                .map_err(|error| format!("Prometheus query failed for {}: {error}", check.name))?;
            Ok((metrics_server(context)?, plain(query)))
        }
        CheckSource::Template { name, namespace } => {
            let input = template.unwrap_or(TemplateInput::Unreadable("it was not looked for"));
            prepare_template(check, model, context, input)
                .map_err(|words| format!("Metric template {name}.{namespace} {words}"))
        }
        CheckSource::Missing => Err(
            "Metric query failed for no usable metrics template and query were configured"
                .to_owned(),
        ),
    }
}

fn metrics_server(context: CheckContext<'_>) -> Result<Provider, String> {
    Prometheus::of_metrics_server(context.metrics_server)
        .map(Provider::Prometheus)
        .map_err(|error| format!("Error building Prometheus client: {error}"))
}

fn prepare_template(
    check: &Check,
    model: &TemplateModel,
    context: CheckContext<'_>,
    input: TemplateInput<'_>,
) -> Result<(Provider, BuiltinQuery), String> {
    let (spec, credentials) = match input {
        TemplateInput::Found { spec, credentials } => (spec, credentials),
        TemplateInput::Unreadable(error) => return Err(format!("error: {error}")),
        TemplateInput::SecretUnreadable { secret, error } => {
            return Err(format!("secret {secret} error: {error}"));
        }
    };
    let provider = Provider::new(&spec.provider, credentials, &check.interval)
        .map_err(|error| format!("provider {} error: {error}", spec.provider.kind))?;
    let query = (context.render)(&spec.query, model)
        .map_err(|error| format!("query render error: {error}"))?;
    Ok((provider, plain(query)))
}

const fn plain(query: String) -> BuiltinQuery {
    BuiltinQuery {
        query,
        all_requests: None,
    }
}
