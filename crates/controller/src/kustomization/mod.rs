//! The shell of `Kustomization`: observe → decide → act → report.

mod apply;
mod build;
mod consent;
mod decide;
mod events;
mod execute;
mod failure;
mod finalize;
mod health;
mod kubeconfig;
mod memory;
mod observe;
mod preview;
mod prune;
mod references;
mod report;
mod target;

use crate::clusters::ANSWER_TIMEOUT_MS;
use crate::context::Context;
use crate::machine::{Cause, Event, Next, Start};
use crate::outcome::Ended;
use crate::status::{self, StatusError};
use crate::suspension;
use apply::Done;
use decide::{Course, Effect};
use execute::{Reached, Task};
use failure::{Cure, Failure, Stop};
use memory::{Mark, Memory, lock};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use target::Target;
use tokio_util::sync::CancellationToken;
use trueup_gocompat::format_duration;
use trueup_kinds::{Kustomization, message, reason, unserved_fields};
use trueup_plan::{Expressions, Guard, IgnoreRules, LeftFields, Mode, Preview};
use trueup_render::RenderRequest;
use trueup_source::ARTIFACT_TIMEOUT_MS;

pub(crate) use memory::Memories;

/// How soon a run comes again that has waited for its turn in vain.
const TURN_PAUSE_MS: u64 = 1_000;

/// Works on one Kustomization once.
pub(crate) async fn reconcile(
    context: &Arc<Context>,
    start: &Start,
    cancel: &CancellationToken,
) -> Ended {
    let memory = context.memories.of(&start.key);
    lock(&memory).begin();
    let mut run = Run {
        context,
        start,
        cancel,
        memory: &memory,
        target: None,
        mark: None,
        began_ms: context.clock.now_ms(),
        applying: None,
        done: Done::default(),
    };
    let outcome = run.go().await;
    let ended = match outcome {
        Ok(ended) => ended,
        Err(stop) => run.stopped(stop).await,
    };
    if lock(&memory).end(&context.live) {
        context.tell(Event::LiveChanged(start.key.clone()));
    }
    ended
}

/// One run and what it has come to so far.
struct Run<'a> {
    context: &'a Arc<Context>,
    start: &'a Start,
    cancel: &'a CancellationToken,
    memory: &'a Mutex<Memory>,
    target: Option<Target>,
    mark: Option<Mark>,
    began_ms: u64,
    /// The build, from where the cluster begins to be worked on.
    applying: Option<Arc<build::Build>>,
    done: Done,
}

impl Run<'_> {
    async fn go(&mut self) -> Result<Ended, Stop> {
        let (context, key) = (self.context, &self.start.key);
        let kustomization: Kustomization = status::read(context, key)?;
        match self.course(&kustomization) {
            Course::Nothing => Ok(suspension::rest(context, key, &kustomization).await),
            Course::Finalize => self.finalize(&kustomization).await,
            Course::Refuse(text) => {
                Err(Failure::new(reason::FIELD_NOT_SERVED, text, Cure::Specification).into())
            }
            Course::Reconcile => {
                let guard = consent::guard(&kustomization)?;
                suspension::clear(context, key, &kustomization).await?;
                if guard.mode == Mode::Apply {
                    status::add_finalizer::<Kustomization>(context, key).await?;
                }
                self.reconcile(&kustomization, &guard).await
            }
        }
    }

    fn course(&self, kustomization: &Kustomization) -> Course {
        let object = self.context.objects.get(&self.start.key);
        let unserved = object
            .map(|object| unserved_fields(object.value()))
            .unwrap_or_default();
        decide::course(kustomization, &unserved)
    }

    async fn finalize(&mut self, kustomization: &Kustomization) -> Result<Ended, Stop> {
        let (context, key) = (self.context, &self.start.key);
        let outcome = finalize::run(context, key, kustomization, self.memory, &mut self.done).await;
        let applied = Mark::applied(kustomization);
        events::changes(context, key, applied.as_ref(), &self.done);
        match outcome {
            Err(Stop::Failed(failure)) => Ok(finalize::retry(failure.message)),
            outcome => outcome,
        }
    }

    async fn reconcile(
        &mut self,
        kustomization: &Kustomization,
        guard: &Guard,
    ) -> Result<Ended, Stop> {
        let timeout = kustomization.spec.timeout_or_default();
        let work = self.work(kustomization, guard);
        let worked = tokio::time::timeout(timeout, work).await;
        let (context, key) = (self.context, &self.start.key);
        events::changes(context, key, self.mark.as_ref(), &self.done);
        let worked = match worked.unwrap_or_else(|_| Err(timed_out(timeout).into())) {
            Err(Stop::Failed(failure)) => return Err(self.explained(failure).await.into()),
            worked => worked?,
        };
        match worked {
            Worked::Ended(ended) => Ok(ended),
            Worked::Planned { mark, preview } => {
                Ok(preview::tell(context, key, &mark, &preview).await?)
            }
            Worked::Reached {
                mark,
                build,
                reached,
            } => self.reached(&mark, &build, reached).await,
        }
    }

    /// Everything that the time-out bounds. Where it is broken off, what was
    /// written is known to `self.done`, and the write under way is found by
    /// the next run.
    async fn work(&mut self, kustomization: &Kustomization, guard: &Guard) -> Result<Worked, Stop> {
        let (context, key) = (self.context, &self.start.key);
        let expressions = Expressions::compile(kustomization).map_err(|error| {
            let text = message::terminal(error);
            Failure::new(reason::INVALID_CEL_EXPRESSION, text, Cure::Specification)
        })?;
        let terms = self.terms(kustomization)?;
        let source = observe::source(context, kustomization)?;
        let mark = Mark::of(kustomization, &source.artifact);
        self.mark = Some(mark.clone());
        observe::dependencies(
            context,
            kustomization,
            &mark.revision,
            self.start.cycle.as_deref(),
            &expressions.ready,
        )?;
        if self.start.causes.contains(&Cause::Discovery) {
            // Which kinds have namespaces decides what is made.
            lock(self.memory).build = None;
        }
        let target = self.target(kustomization).await?;
        // Another cluster begins without what is remembered of the last one.
        lock(self.memory).checks = Arc::new(expressions.checks);
        let substitution =
            references::substitution(context, key, kustomization, self.memory).await?;
        let order = build::Order {
            target: &target,
            key,
            kustomization,
            request: RenderRequest::of(kustomization).with_substitution(substitution),
            source: &source,
            causes: &self.start.causes,
            terms,
        };
        let made = build::build(context, &order, self.memory).await?;
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if made.is_remembered()
            && guard.mode == Mode::Apply
            && let Some(ended) = self.unaffected(kustomization, &mark).await?
        {
            return Ok(Worked::Ended(ended));
        }
        let build = made.into_build();
        let task = Task {
            context,
            target: &target,
            key,
            kustomization,
            guard,
            mark: &mark,
            build: &build,
            memory: self.memory,
            causes: &self.start.causes,
            cancel: self.cancel,
            began_ms: self.began_ms,
        };
        lock(self.memory).apply_at(&mark, &build);
        if guard.mode == Mode::Plan {
            let preview = Box::pin(task.preview()).await?;
            return Ok(Worked::Planned { mark, preview });
        }
        self.applying = Some(Arc::clone(&build));
        let reached = Box::pin(task.run(&mut self.done)).await?;
        Ok(Worked::Reached {
            mark,
            build,
            reached,
        })
    }

    async fn target(&mut self, kustomization: &Kustomization) -> Result<Target, Stop> {
        let (context, key) = (self.context, &self.start.key);
        let target = target::of(context, key, kustomization, self.memory).await?;
        lock(self.memory).work_at(&target);
        self.target = Some(target.clone());
        Ok(target)
    }

    /// Adds to a failure what the cluster does not say: that the account to
    /// act as does not exist. The cluster is knocked at before it is used
    /// again.
    async fn explained(&self, failure: Failure) -> Failure {
        let Some(target) = &self.target else {
            return failure;
        };
        self.context.clusters.doubt(target.cluster());
        if failure.cure == Cure::Soon || failure.reason != reason::RECONCILIATION_FAILED {
            return failure;
        }
        match target.missing_account().await {
            Some(account) => Failure {
                message: format!(
                    "{}\nThe service account '{}/{}' does not exist",
                    failure.message, account.namespace, account.name
                ),
                ..failure
            },
            None => failure,
        }
    }

    /// On which terms the manifests are applied.
    fn terms(&self, kustomization: &Kustomization) -> Result<build::Terms, Failure> {
        let ignore = IgnoreRules::compile(&kustomization.spec.ignore).map_err(|error| {
            let text = message::terminal(error);
            Failure::new(reason::RECONCILIATION_FAILED, text, Cure::Specification)
        })?;
        // Canaries are in our own cluster.
        let left = match &kustomization.spec.kube_config {
            None => crate::canary::left_fields(self.context),
            Some(_) => LeftFields::default(),
        };
        Ok(build::Terms {
            ignore: ignore.leaving_fields(left),
            override_managers: Arc::clone(&self.context.settings.override_managers),
        })
    }

    /// A revision that leaves everything as it is costs one small patch of
    /// the status, after everything that it does not leave alone.
    async fn unaffected(
        &self,
        kustomization: &Kustomization,
        mark: &Mark,
    ) -> Result<Option<Ended>, Stop> {
        let effect = decide::effect(kustomization, mark, &lock(self.memory), &self.start.causes);
        match effect {
            Effect::Affected => Ok(None),
            Effect::NoteLater => {
                lock(self.memory).unaffected = Some(mark.clone());
                Ok(Some(Ended::success(Next::Trailing)))
            }
            Effect::NoteNow => {
                let build = lock(self.memory).build.clone();
                let attempt = build.map(|build| report::Attempt {
                    digest: build.digest(),
                    took: self.took(),
                });
                let (context, key) = (self.context, &self.start.key);
                let ended = report::unaffected(context, key, mark, attempt.as_ref()).await?;
                lock(self.memory).settled = Some(mark.clone());
                Ok(Some(ended))
            }
        }
    }

    /// How long the run has taken.
    fn took(&self) -> Duration {
        let now_ms = self.context.clock.now_ms();
        Duration::from_millis(now_ms.saturating_sub(self.began_ms))
    }

    async fn reached(
        &self,
        mark: &Mark,
        build: &build::Build,
        reached: Reached,
    ) -> Result<Ended, Stop> {
        let (context, key) = (self.context, &self.start.key);
        match reached {
            Reached::Waiting {
                inventory,
                purpose,
                look_again_ms,
            } => {
                let known = &self.done.known;
                report::waiting(context, key, mark, (known, &inventory), purpose).await?;
                Ok(Ended::success(Next::Deadline {
                    delay_ms: look_again_ms,
                }))
            }
            Reached::Goal { inventory, health } => {
                let goal = report::Goal {
                    mark,
                    build,
                    inventory: &inventory,
                    health,
                    done: &self.done,
                    took: self.took().max(health.unwrap_or_default()),
                };
                if let Some(held) = &self.done.held {
                    return Ok(consent::tell_held(context, key, &goal, held).await?);
                }
                report::goal(context, key, &goal).await?;
                consent::spend(context, key).await?;
                lock(self.memory).settled = Some(mark.clone());
                Ok(Ended::success(Next::Interval))
            }
        }
    }

    /// Says why the run ended early, and when it is tried again.
    async fn stopped(&self, stop: Stop) -> Ended {
        let (context, key) = (self.context, &self.start.key);
        let told = match stop {
            Stop::Cancelled => return Ended::success(Next::Again),
            // Woken as soon as that is known; this is for the case that it isn't.
            Stop::AwaitsCluster => return awaiting(ANSWER_TIMEOUT_MS),
            Stop::AwaitsTurn => {
                return Ended::success(Next::After {
                    delay_ms: TURN_PAUSE_MS,
                });
            }
            Stop::AwaitsArchive => match &self.mark {
                Some(mark) => report::fetching(context, key, mark)
                    .await
                    .map(|()| awaiting(ARTIFACT_TIMEOUT_MS)),
                None => return awaiting(ARTIFACT_TIMEOUT_MS),
            },
            Stop::Failed(failure) => {
                let attempt = self.attempt(&failure);
                report::failure(context, key, self.mark.as_ref(), attempt.as_ref(), &failure).await
            }
            Stop::Status(error) => Err(error),
        };
        match told {
            Ok(ended) => ended,
            Err(StatusError::Gone(_)) => Ended::success(Next::Never),
            Err(StatusError::Overtaken(_)) => Ended::success(Next::Again),
            Err(StatusError::Kind(error)) => report::unreadable(context, key, &error).await,
            Err(StatusError::Api(error)) => Ended::failed(Next::Backoff, error.to_string()),
        }
    }

    /// The run, if its failure counts in the history: as in Flux those do that
    /// end the work on the cluster.
    fn attempt(&self, failure: &Failure) -> Option<report::Attempt> {
        let build = self.applying.as_ref()?;
        let counts = [
            reason::RECONCILIATION_FAILED,
            reason::PRUNE_FAILED,
            reason::HEALTH_CHECK_FAILED,
        ];
        counts.contains(&failure.reason).then(|| report::Attempt {
            digest: build.digest(),
            took: self.took().max(self.done.waited),
        })
    }
}

/// The end of a run that is woken by what it waits for, or late without.
fn awaiting(timeout_ms: u64) -> Ended {
    Ended::success(Next::After {
        delay_ms: 2 * timeout_ms,
    })
}

/// How far the bounded part of a run came.
enum Worked {
    /// There was nothing to do.
    Ended(Ended),
    /// It is known what would be done.
    Planned { mark: Mark, preview: Preview },
    /// The cluster was worked on.
    Reached {
        mark: Mark,
        build: Arc<build::Build>,
        reached: Reached,
    },
}

fn timed_out(timeout: Duration) -> Failure {
    let text = format!(
        "not done within the timeout of {}: context deadline exceeded",
        format_duration(timeout)
    );
    Failure::new(reason::RECONCILIATION_FAILED, text, Cure::Retry)
}
