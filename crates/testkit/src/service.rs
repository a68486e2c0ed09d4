//! The service that stands between client and server.

use crate::faults::{Fault, Faults, Kill, Plan};
use crate::record::WriteFate;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use std::task::{Context, Poll};
use tokio::time::sleep;
use tower::{BoxError, Service};
use trueup_cluster::{NotSent, RequestBody};
use trueup_object::{to_json, value};

/// The body of an answer that passed through.
pub type FaultyBody = UnsyncBoxBody<Bytes, BoxError>;

/// A service in whose way things go wrong as its [`Faults`] say.
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    faults: Faults,
    service: S,
    generation: u64,
}

impl<S> Faulty<S> {
    pub(crate) fn new(faults: Faults, service: S, generation: u64) -> Self {
        Self {
            faults,
            service,
            generation,
        }
    }
}

impl<S, B> Service<Request<RequestBody>> for Faulty<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<FaultyBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<FaultyBody>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let fresh = self.service.clone();
        let service = std::mem::replace(&mut self.service, fresh);
        let passage = Passage {
            faults: self.faults.clone(),
            generation: self.generation,
        };
        Box::pin(async move { passage.carry(service, request).await })
    }
}

/// The way of one request.
struct Passage {
    faults: Faults,
    generation: u64,
}

impl Passage {
    async fn carry<S, B>(
        self,
        service: S,
        request: Request<RequestBody>,
    ) -> Result<Response<FaultyBody>, BoxError>
    where
        S: Service<Request<RequestBody>, Response = Response<B>>,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if self.faults.is_cut_off(self.generation) {
            return std::future::pending().await;
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let plan = self.faults.plan(&head, &body);
        if !plan.delay.is_zero() {
            sleep(plan.delay).await;
        }
        self.before(&plan).await?;
        if let Some(Fault::Refused(code)) = plan.fault {
            self.faults.settle(plan.write, WriteFate::NotSent);
            return Ok(refusal(code));
        }
        if let Some(denial) = &plan.denial {
            self.faults.settle(plan.write, WriteFate::NotSent);
            return Ok(status(denial.code, denial.reason, &denial.message));
        }
        if let Some(act) = self.faults.interjection(&head) {
            act.await;
        }
        let watches = head
            .uri
            .query()
            .is_some_and(|query| query.contains("watch="));
        if watches && self.faults.was_kept_away(head.uri.path()).await {
            return Ok(status(410, "Expired", "too old resource version"));
        }
        let mut service = service;
        let response = service
            .call(Request::from_parts(head, body.into()))
            .await
            .map_err(Into::into)?;
        self.after(&plan, response.status()).await?;
        let body = response.map(|body| body.map_err(Into::into).boxed_unsync());
        Ok(if watches {
            body.map(|body| self.breakable(body))
        } else {
            body
        })
    }

    /// Faults and the cut-off that come before the server.
    async fn before(&self, plan: &Plan) -> Result<(), BoxError> {
        if let Some(Kill::BeforeWrite(_)) = plan.kill {
            self.faults.settle(plan.write, WriteFate::NotSent);
            self.faults.kill_now();
        }
        if self.faults.is_cut_off(self.generation) {
            self.faults.settle(plan.write, WriteFate::NotSent);
            return std::future::pending().await;
        }
        match plan.fault {
            Some(Fault::NotSent) => {
                self.faults.settle(plan.write, WriteFate::NotSent);
                Err(Box::new(NotSent("fault: connection refused".into())))
            }
            Some(Fault::Silence) => {
                self.faults.settle(plan.write, WriteFate::NotSent);
                std::future::pending().await
            }
            _ => Ok(()),
        }
    }

    /// Faults and the cut-off that come after it.
    async fn after(&self, plan: &Plan, status: StatusCode) -> Result<(), BoxError> {
        let code = status.as_u16();
        if let Some(Kill::AfterWrite(_)) = plan.kill {
            self.faults.kill_now();
        }
        if self.faults.is_cut_off(self.generation) {
            self.faults.settle(plan.write, WriteFate::AnswerLost(code));
            return std::future::pending().await;
        }
        match plan.fault {
            Some(Fault::AnswerLost) => {
                self.faults.settle(plan.write, WriteFate::AnswerLost(code));
                Err("fault: connection reset".into())
            }
            Some(Fault::SilenceAfter) => {
                self.faults.settle(plan.write, WriteFate::AnswerLost(code));
                std::future::pending().await
            }
            _ => {
                self.faults.settle(plan.write, WriteFate::Answered(code));
                Ok(())
            }
        }
    }

    /// A watch's stream that may break at any piece, at a call of
    /// [`Faults::drop_watches`], and falls silent when the client is cut off.
    fn breakable(self, body: FaultyBody) -> FaultyBody {
        let mut drops = self.faults.drops();
        drops.mark_unchanged();
        let start = (body, drops, self, Broken::No);
        let frames = stream::unfold(start, |(mut body, mut drops, passage, broken)| async move {
            if broken == Broken::Yes {
                return None;
            }
            let frame: Option<Result<Frame<Bytes>, BoxError>> = tokio::select! {
                biased;
                () = passage.faults.cut_off(passage.generation) => std::future::pending().await,
                () = drops.changed() => Some(Err("fault: watch dropped".into())),
                frame = body.frame() => frame,
            };
            match frame? {
                Ok(frame) if !passage.faults.drops_piece() => {
                    Some((Ok(frame), (body, drops, passage, Broken::No)))
                }
                Ok(_) => Some((
                    Err("fault: watch dropped".into()),
                    (body, drops, passage, Broken::Yes),
                )),
                Err(error) => Some((Err(error), (body, drops, passage, Broken::Yes))),
            }
        });
        StreamBody::new(frames.boxed()).boxed_unsync()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Broken {
    No,
    Yes,
}

fn refusal(code: u16) -> Response<FaultyBody> {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    status(code, reason, "fault")
}

fn status(code: u16, reason: &str, message: &str) -> Response<FaultyBody> {
    let body = value!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": (i64::from(code)),
    });
    let body = Full::new(Bytes::from(to_json(&body)))
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
