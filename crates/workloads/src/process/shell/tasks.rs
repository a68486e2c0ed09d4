//! What is done beside the shell, and tells it.

use super::{Happened, News};
use crate::process::child::{Control, Supervised};
use crate::process::dial::Dial;
use crate::process::environment::{
    Expanding, Source, Sources, environment_of, order_of, sources_of,
};
use crate::process::machine::{Observation, PodSpec, What};
use crate::process::supervisor::Order;
use crate::process::{LogKey, ProcessLogs, Program};
use std::sync::Arc;
use tokio::sync::mpsc;
use trueup_cluster::{ApiError, DeleteOptions, Form, LiveObject, Patch, Session, WriteOptions};
use trueup_object::{GroupVersionKind, Map, ObjectRef, Text, Value, value};

/// As whom the node writes.
const MANAGER: &str = "kubelet";

/// The way from a task to the API and back to the shell.
#[derive(Clone)]
pub(super) struct Posts {
    pub session: Session,
    pub uid: Text,
    pub news: mpsc::Sender<News>,
}

impl Posts {
    async fn tell(&self, what: Happened) {
        let news = News {
            uid: self.uid.clone(),
            what,
        };
        // Without a shell there is nobody to tell.
        let _ = self.news.send(news).await;
    }

    pub(super) async fn observed(&self, container: usize, run: u32, what: What) {
        let observation = Observation {
            container,
            run,
            what,
        };
        self.tell(Happened::Observed(observation)).await;
    }

    pub(super) async fn announce(self, reference: ObjectRef, annotations: Map) {
        let patch = Patch::Merge(value!({"metadata": {"annotations": annotations}}));
        let options = WriteOptions::new(MANAGER);
        let outcome = self.session.patch(&reference, &patch, &options).await;
        self.tell(Happened::Announced(outcome)).await;
    }

    pub(super) async fn write_status(self, reference: ObjectRef, version: Text, status: Value) {
        let written = self
            .session
            .patch_status(&reference, &status, Some(&version), MANAGER)
            .await;
        self.tell(Happened::Written(written)).await;
    }

    /// Writes the last status and deletes the Pod for good.
    pub(super) async fn finish(self, reference: ObjectRef, uid: Text, status: Option<Value>) {
        let outcome = self.finish_pod(&reference, &uid, status).await;
        self.tell(Happened::Finished(outcome)).await;
    }

    async fn finish_pod(
        &self,
        reference: &ObjectRef,
        uid: &Text,
        status: Option<Value>,
    ) -> Result<(), ApiError> {
        let missing_is_fine = |error: ApiError| {
            if error.is_not_found() {
                Ok(())
            } else {
                Err(error)
            }
        };
        if let Some(status) = status {
            let written = self
                .session
                .patch_status(reference, &status, None, MANAGER)
                .await;
            written.map(drop).or_else(missing_is_fine)?;
        }
        let options = DeleteOptions {
            grace_period_s: Some(0),
            ..DeleteOptions::of_uid(uid)
        };
        let deleted = self.session.delete(reference, &options).await;
        deleted.map(drop).or_else(missing_is_fine)
    }
}

/// One run of a container, from its order to its end.
pub(super) struct Start {
    pub posts: Posts,
    pub pod: LiveObject,
    pub spec: Arc<PodSpec>,
    pub dial: Arc<Dial>,
    pub supervisor: Program,
    pub logs: ProcessLogs,
    pub log: LogKey,
    pub container: usize,
    pub run: u32,
}

impl Start {
    pub(super) async fn run(self, controls: mpsc::Receiver<Control>) {
        let order = match self.order().await {
            Ok(order) => order,
            Err(message) => {
                let reason = "CreateContainerConfigError".into();
                return self.tell(What::Refused { reason, message }).await;
            }
        };
        let environment = Arc::new(order.environment.clone());
        self.posts
            .tell(Happened::Environment(self.container, environment))
            .await;
        let process = match Supervised::start(&self.supervisor, &order).await {
            Ok(process) => process,
            Err(why) => return self.tell(What::NotExecuted(why)).await,
        };
        drop(order);
        self.tell(What::Started).await;
        let print = |output: &[u8]| self.logs.append(&self.log, output);
        let code = process.follow(controls, print).await;
        self.tell(What::Exited(code)).await;
    }

    async fn tell(&self, what: What) {
        self.posts.observed(self.container, self.run, what).await;
    }

    /// What is to be run, or why it can't be.
    async fn order(&self) -> Result<Order, String> {
        let container = self.spec.containers.get(self.container);
        let container = container.ok_or("the Pod has no such container")?;
        let runnable = container
            .runnable
            .as_ref()
            .map_err(|refusal| refusal.message.clone())?;
        let mut sources = Sources::new();
        for source in sources_of(&container.value) {
            let object = self
                .find(&source)
                .await
                .map_err(|error| error.to_string())?;
            sources.insert(source, object);
        }
        let own = self.dial.variables(self.container);
        let environment = environment_of(self.pod.value(), &container.value, own, &sources)?;
        order_of(&runnable.invocation, &environment, Expanding::References)
    }

    async fn find(&self, (kind, name): &Source) -> Result<Option<Value>, ApiError> {
        let reference = ObjectRef {
            kind: GroupVersionKind::new("v1", kind.name()),
            namespace: self.pod.namespace().clone(),
            name: name.clone(),
        };
        let object = self.posts.session.find(&reference, Form::Full).await?;
        Ok(object.map(|object| object.value().clone()))
    }
}
