//! Sending one request: limit, time-out, repetition, counting.

use crate::error::{Secrecy, Subject};
use crate::pace::Backoff;
use crate::{ApiError, Cluster, ErrorClass, Identity, RequestRecord, Session, Verb};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use trueup_object::Text;

/// The largest answer that is read: one page of a list, or one object.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Shortest and longest pause between attempts of one request.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

const JSON: &str = "application/json";

/// A request, ready to be sent as often as needed.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub subject: Subject,
    /// For the counters.
    pub resource: Text,
    pub method: Method,
    pub path: String,
    pub accept: &'static str,
    pub content_type: Option<&'static str>,
    pub body: Bytes,
}

impl Call {
    pub fn read(subject: Subject, path: String, resource: Text) -> Self {
        Self {
            subject,
            resource,
            method: Method::GET,
            path,
            accept: JSON,
            content_type: None,
            body: Bytes::new(),
        }
    }

    pub fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    pub fn sending(self, method: Method, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            method,
            content_type: Some(content_type),
            body: body.into(),
            ..self
        }
    }

    fn failed(&self, class: ErrorClass, message: &str) -> ApiError {
        ApiError::of(&self.subject, class, message)
    }

    fn request(&self, cluster: &Cluster, identity: &Identity) -> Result<Request<Body>, ApiError> {
        let unbuildable = |error: &dyn std::fmt::Display| {
            self.failed(ErrorClass::Unbuildable, &error.to_string())
        };
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(ACCEPT, self.accept)
            .header(USER_AGENT, cluster.inner.options.user_agent.as_str());
        if let Some(content_type) = self.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if self.subject.verb == Verb::Watch {
            request = request.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        for (name, value) in identity.headers() {
            request = request.header(name, value);
        }
        request
            .body(Body::from(self.body.clone()))
            .map_err(|error| unbuildable(&error))
    }
}

impl Session {
    /// Sends, and reads the whole answer.
    pub(crate) async fn call(&self, call: &Call) -> Result<Bytes, ApiError> {
        self.attempt(call).await
    }

    /// Sends, and hands out the body of a success as it comes.
    pub(crate) async fn open(&self, call: &Call) -> Result<Body, ApiError> {
        self.attempt(call).await
    }

    /// Repeats what may be repeated: reads that failed for a moment, and
    /// anything that the server was too busy to begin.
    async fn attempt<T: Answer>(&self, call: &Call) -> Result<T, ApiError> {
        let options = &self.cluster().inner.options;
        let mut backoff: Option<Backoff> = None;
        let mut left = options.attempts;
        loop {
            let error = match self.attempt_once(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            left = left.saturating_sub(1);
            if left == 0 || !repeatable(&error) {
                return Err(error);
            }
            let backoff = backoff.get_or_insert_with(|| {
                Backoff::new(RETRY_PAUSE.0, RETRY_PAUSE.1, self.cluster().fork_random())
            });
            sleep(backoff.next_pause(error.retry_after())).await;
        }
    }

    async fn attempt_once<T: Answer>(&self, call: &Call) -> Result<T, ApiError> {
        let inner = &self.cluster().inner;
        if let Some(pace) = &inner.pace {
            pace.permit().await;
        }
        let request = call.request(self.cluster(), self.identity())?;
        let started = Instant::now();
        let answered = timeout(inner.options.request_timeout, async {
            let response = inner
                .client
                .send(request)
                .await
                .map_err(|error| transport_error(call, &error))?;
            let code = response.status().as_u16();
            if response.status().is_success() {
                return T::read(call, response.into_body())
                    .await
                    .map(|answer| (code, answer));
            }
            Err(refusal(call, response).await)
        })
        .await
        .unwrap_or_else(|_| {
            let seconds = inner.options.request_timeout.as_secs_f32();
            Err(call.failed(
                ErrorClass::AnswerLost,
                &format!("no answer within {seconds} s"),
            ))
        });
        let code = answered
            .as_ref()
            .map_or_else(ApiError::code, |(code, _)| *code);
        self.record(call, code, started.elapsed());
        answered.map(|(_, answer)| answer)
    }

    fn record(&self, call: &Call, code: u16, took: Duration) {
        let inner = &self.cluster().inner;
        let record = RequestRecord {
            verb: call.subject.verb,
            resource: call.resource.clone(),
            code,
            took,
        };
        inner.counters.count(&record);
        if let Some(observer) = &inner.options.observer {
            observer.finished(&record);
        }
    }
}

/// How much of a success is read before the request counts as done.
trait Answer: Sized {
    fn read(call: &Call, body: Body) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

impl Answer for Bytes {
    async fn read(call: &Call, body: Body) -> Result<Self, ApiError> {
        match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(call.failed(
                ErrorClass::Undecodable,
                &format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"),
            )),
            Err(error) => Err(call.failed(ErrorClass::AnswerLost, &chain(error.as_ref()))),
        }
    }
}

impl Answer for Body {
    async fn read(_: &Call, body: Body) -> Result<Self, ApiError> {
        Ok(body)
    }
}

fn repeatable(error: &ApiError) -> bool {
    error.class() == ErrorClass::TooManyRequests
        || error.class() == ErrorClass::Unreachable
        || (error.verb().is_read() && error.is_transient())
}

/// Reads a `Status` out of an answer that is no success.
async fn refusal(call: &Call, response: Response<Body>) -> ApiError {
    /// More than any genuine Status, which may list every conflicting field.
    const MAX_STATUS_BYTES: usize = 4 << 20;
    let code = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    let body = Limited::new(response.into_body(), MAX_STATUS_BYTES)
        .collect()
        .await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    ApiError::from_answer(&call.subject, code, &body, retry_after)
}

/// A failure below HTTP. Only a connection that was never made is sure not to
/// have done anything.
fn transport_error(call: &Call, error: &kube::Error) -> ApiError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut class = ErrorClass::AnswerLost;
    while let Some(cause) = source {
        let connecting = cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        if connecting || cause.is::<NotSent>() {
            class = ErrorClass::Unreachable;
        }
        source = cause.source();
    }
    call.failed(class, &chain(error))
}

/// A transport returns this, anywhere in its error's chain, to say that the
/// request never left.
#[derive(Debug, thiserror::Error)]
#[error("not sent: {0}")]
pub struct NotSent(pub String);

/// An error with its causes, each once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

/// Whether what the server says of this kind may be passed on.
pub(crate) fn secrecy_of(group: &str, kind: &str) -> Secrecy {
    if group.is_empty() && kind == "Secret" {
        Secrecy::HidesValues
    } else {
        Secrecy::Open
    }
}
