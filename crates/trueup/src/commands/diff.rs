//! `trueup diff`: what local files would change in the cluster.

mod compare;
mod print;
mod prune;
mod text;

use super::failure::found;
use super::local::{Absent, Builder, Built, too_deep, with_status};
use super::{Failure, said};
use crate::arguments::{DiffArguments, DiffKustomizationArguments, DiffWhat};
use crate::paint::Paint;
use crate::progress::Spinner;
use crate::{connect, document, progress};
use compare::{Comparison, Outcome};
use print::Printer;
use std::collections::BTreeSet;
use std::process::ExitCode;
use trueup_cluster::{Form, Session};
use trueup_kinds::{Kustomization, Resource};
use trueup_object::{ObjectRef, Value};

/// The exit code of a diff that failed; 1 means that there are differences.
const FAILED: u8 = 2;

/// How deep Kustomizations are compared into each other.
pub const MAX_DIFF_LEVELS: usize = 32;

/// Prints the differences: exit code 0 for none, 1 for some, 2 for a failure.
pub async fn run(arguments: DiffArguments) -> Result<ExitCode, Failure> {
    let DiffWhat::Kustomization(arguments) = &arguments.what;
    let report = compare_all(arguments)
        .await
        .map_err(|failure| failure.with_code(FAILED))?;
    document::print(&report.text).map_err(|failure| failure.with_code(FAILED))?;
    if let Some((last, others)) = report.failures.split_last() {
        others.iter().for_each(|failure| {
            failure.tell();
        });
        return Ok(last.clone().with_code(FAILED).tell());
    }
    if report.is_changed {
        progress::warning("identified at least one change, exiting with non-zero exit code");
        return Ok(found());
    }
    Ok(ExitCode::SUCCESS)
}

/// What was found.
#[derive(Default)]
struct Report {
    text: String,
    is_changed: bool,
    failures: Vec<Failure>,
    /// The Kustomizations that were compared: each is once, whoever has it.
    seen: BTreeSet<ObjectRef>,
}

async fn compare_all(arguments: &DiffKustomizationArguments) -> Result<Report, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let _spinner = if arguments.progress_bar {
        Spinner::start("Kustomization diffing... running dry-run")
    } else {
        Spinner::none()
    };
    let builder = Builder {
        session: Some(&session),
        local: &arguments.local,
        namespace: &arguments.scope.namespace,
        absent: if arguments.ignore_not_found {
            Absent::New
        } else {
            Absent::Refused
        },
    };
    let built = builder.root().await?;
    if built.kustomization.spec.kube_config.is_some() {
        return Err(said(
            "diff not supported for remote clusters: spec.kubeConfig is set",
        ));
    }
    let walk = Walk {
        session: &session,
        builder: &builder,
        printer: Printer::new(Paint::of_stdout()),
    };
    let mut report = Report::default();
    walk.compare(&built, MAX_DIFF_LEVELS, &mut report).await;
    Ok(report)
}

struct Walk<'a> {
    session: &'a Session,
    builder: &'a Builder<'a>,
    printer: Printer,
}

impl Walk<'_> {
    /// Compares every object; one that can't be compared stops no other.
    async fn compare(&self, built: &Built, levels: usize, report: &mut Report) {
        report.seen.insert(built.kustomization.reference());
        let mut comparison = match Comparison::new(self.session, built) {
            Ok(comparison) => comparison,
            Err(failure) => return report.failures.push(failure),
        };
        let before = report.failures.len();
        for object in &built.objects {
            match comparison.of(object).await {
                Ok((reference, outcome)) => {
                    report.is_changed |= outcome.is_change();
                    report
                        .text
                        .push_str(&self.printer.outcome(&reference, &outcome));
                    if outcome != Outcome::Created {
                        self.descend(built, &reference, object, levels, report)
                            .await;
                    }
                }
                Err(failure) => report.failures.push(failure),
            }
        }
        if built.kustomization.spec.prune && report.failures.len() == before {
            self.prune(&mut comparison, report).await;
        }
    }

    async fn prune(&self, comparison: &mut Comparison<'_>, report: &mut Report) {
        match prune::stale(comparison).await {
            Ok(stale) => {
                for (object, fate) in stale {
                    report.is_changed |= fate == prune::Fate::Deleted;
                    report.text.push_str(&self.printer.fate(&object, fate));
                }
            }
            Err(failure) => report.failures.push(failure),
        }
    }

    /// The same for a Kustomization among the objects, where asked to.
    async fn descend(
        &self,
        built: &Built,
        reference: &ObjectRef,
        object: &Value,
        levels: usize,
        report: &mut Report,
    ) {
        let is_inner = self
            .builder
            .inner(built)
            .any(|(inner, _)| inner == *reference);
        if !self.builder.local.recursive || !is_inner || !report.seen.insert(reference.clone()) {
            return;
        }
        if levels == 0 {
            report.failures.push(too_deep(reference, MAX_DIFF_LEVELS));
            return;
        }
        match self.inner(reference, object).await {
            Ok(Some(inner)) => {
                let mut below = Report {
                    seen: std::mem::take(&mut report.seen),
                    ..Report::default()
                };
                Box::pin(self.compare(&inner, levels - 1, &mut below)).await;
                report.seen = below.seen;
                if below.is_changed {
                    report.is_changed = true;
                    report.text.push_str(&format!("📁 {reference} changed\n"));
                    report.text.push_str(&below.text);
                }
                report.failures.extend(below.failures);
            }
            Ok(None) => report.text.push_str(&self.printer.remote(reference)),
            Err(failure) => report.failures.push(failure),
        }
    }

    /// A Kustomization among the objects, built; `None` where it applies to
    /// another cluster.
    async fn inner(&self, reference: &ObjectRef, object: &Value) -> Result<Option<Built>, Failure> {
        let live = self.session.find(reference, Form::Full).await?;
        let object = with_status(object.clone(), live.as_ref().map(|live| live.value()));
        let kustomization = Kustomization::read(&object).map_err(said)?;
        if kustomization.spec.kube_config.is_some() {
            return Ok(None);
        }
        let folder = self.builder.folder_of(&kustomization)?;
        self.builder.build(&object, &folder).await.map(Some)
    }
}
