//! `trueup debug`: what an object looks like inside.

use super::{Failure, said, variables};
use crate::arguments::{DebugArguments, DebugKustomizationArguments, DebugWhat};
use crate::words::KUSTOMIZATION;
use crate::{connect, document};
use std::process::ExitCode;
use trueup_cluster::Form;
use trueup_kinds::{Kustomization, Resource};
use trueup_object::{Value, to_yaml};
use trueup_plan::MASK;
use trueup_render::Variable;

/// Prints the part that was asked for.
pub async fn run(arguments: DebugArguments) -> Result<ExitCode, Failure> {
    let DebugWhat::Kustomization(what) = &arguments.what;
    let session = connect::session(&arguments.scope).await?;
    let object = KUSTOMIZATION.object(&arguments.scope.namespace, &what.name);
    let live = session.get(&object, Form::Full).await?;
    if what.show_vars {
        let found =
            variables::of(&session, &Kustomization::read(live.value()).map_err(said)?).await?;
        if found.is_empty() {
            return Err(said("no post build substitutions found"));
        }
        let lines = found.iter().map(|(name, it)| line(name, it, what));
        document::print(&lines.collect::<String>())?;
    } else {
        document::print(&part(what, live.value()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `NAME=value`; values of Secrets only where they are asked for.
fn line(name: &str, variable: &Variable, what: &DebugKustomizationArguments) -> String {
    let value = if variable.is_secret() && !what.show_secrets {
        MASK.into()
    } else {
        String::from_utf8_lossy(variable.value())
    };
    format!("{name}={value}\n")
}

fn part(what: &DebugKustomizationArguments, live: &Value) -> String {
    let at = |path: &[&str], absent: Value| live.at(path).cloned().unwrap_or(absent);
    if what.show_history {
        let none: Value = Vec::<Value>::new().into_iter().collect();
        return to_yaml(&at(&["status", "history"], none));
    }
    to_yaml(&at(&["status"], Value::map()))
}
