//! The log of a Pod's container, line by line.

use crate::error::Subject;
use crate::lines::{Lines, LinesEnd};
use crate::resource::Query;
use crate::session::subject;
use crate::transport::Call;
use crate::{ApiError, ErrorClass, Placement, ResourceInfo, Session, Verb};
use bytes::Bytes;
use trueup_object::{ObjectRef, Text};

/// Whether lines that come later are waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// What is there is read, and that is all.
    #[default]
    No,
    /// Lines are read as they come, until the server closes the stream.
    UntilClosed,
}

/// Which lines of a Pod's log are read: the parameters of the API's `log`
/// subresource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodLogOptions {
    /// Which container; only Pods with one may leave it out.
    pub container: Option<Text>,
    /// Whether lines that come later are waited for.
    pub follow: Follow,
    /// How many of the newest lines; all without.
    pub tail_lines: Option<u64>,
    /// How old lines may be, in seconds; at least 1.
    pub since_seconds: Option<u64>,
    /// After which time, RFC 3339; not together with `since_seconds`.
    pub since_time: Option<Text>,
}

/// The lines of a log, as they come.
pub struct PodLog {
    lines: Lines,
    subject: Subject,
}

impl PodLog {
    /// The next line that is not empty, without its end; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        let problem = match self.lines.next().await {
            Ok(line) => return Some(Ok(line)),
            Err(LinesEnd::Closed) => return None,
            Err(LinesEnd::Broken(cause)) => cause,
            Err(LinesEnd::TooLong) => "a line is longer than any is read".to_owned(),
        };
        Some(Err(ApiError::of(
            &self.subject,
            ErrorClass::AnswerLost,
            &problem,
        )))
    }
}

impl Session {
    /// Reads the log of a container of a Pod. Fails with
    /// [`ErrorClass::NotFound`] where there is no such Pod, and with the code
    /// 501 where the embedded API, which keeps no logs, is asked.
    pub async fn pod_log(
        &self,
        pod: &ObjectRef,
        options: &PodLogOptions,
    ) -> Result<PodLog, ApiError> {
        let resource = ResourceInfo::known("v1", "Pod", "pods", Placement::Namespaced);
        let number = |given: Option<u64>| given.map(|it| it.to_string()).unwrap_or_default();
        let follow = match options.follow {
            Follow::UntilClosed => "true",
            Follow::No => "",
        };
        let query = Query::default()
            .with(
                "container",
                options.container.as_deref().unwrap_or_default(),
            )
            .with("follow", follow)
            .with("tailLines", &number(options.tail_lines))
            .with("sinceSeconds", &number(options.since_seconds))
            .with(
                "sinceTime",
                options.since_time.as_deref().unwrap_or_default(),
            );
        let subject = subject(Verb::Get, pod);
        let path = resource.object_path(&pod.namespace, &pod.name, Some("log")) + query.as_str();
        let call = Call::read(subject.clone(), path, "pods/log".into()).accepting("*/*");
        Ok(PodLog {
            lines: Lines::new(self.open(&call).await?),
            subject,
        })
    }
}
