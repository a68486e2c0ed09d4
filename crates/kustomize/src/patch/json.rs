//! JSON 6902 patches.

use super::refused;
use crate::BuildError;
use crate::files::{Files, file_position};
use crate::growth::{Growth, weight_of_copy};
use crate::kustomization::PatchRule;
use crate::node::Node;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::select::Matcher;
use trueup_artifact::TreePath;
use trueup_object::{Position, Text, Value};
use trueup_schema::json_patch;

/// Operations, and where they are written.
pub(super) struct Operations {
    position: Position,
    operations: Value,
}

impl Operations {
    /// Reads operations in JSON or YAML; of several documents the first one
    /// counts.
    pub fn parse(position: &Position, text: &str) -> Result<Self, BuildError> {
        let options = trueup_yaml::LoadOptions::default();
        let document = trueup_yaml::parse_first(text, &options)
            .map_err(|error| refused(position, &error.to_string()))?;
        let operations = document.map(|document| Value::from_yaml(document.root));
        match operations {
            Some(operations @ Value::List(_)) => Ok(Self {
                position: position.clone(),
                operations,
            }),
            _ => Err(refused(
                position,
                "expected a list of JSON patch operations",
            )),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.operations.as_list().is_none_or(<[Value]>::is_empty)
    }

    fn replaces_annotations(&self) -> bool {
        let operations = self.operations.as_list().unwrap_or_default();
        operations.iter().any(|operation| {
            let changes = !matches!(operation.str_at(&["op"]), Some("test" | "copy"));
            let place = operation.str_at(&["path"]);
            changes && matches!(place, Some("/metadata" | "/metadata/annotations"))
        })
    }

    /// Applies all operations to a resource.
    pub fn apply(&self, resource: &mut Resource, growth: &Growth) -> Result<(), BuildError> {
        let id = resource.id();
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("patching {id}: {error}");
            refused(&self.position, &message)
        };
        let before = resource.node.value().map_err(|error| failed(&error))?;
        let after = json_patch(&before, &self.operations).map_err(|error| failed(&error))?;
        // Texts and parts that it holds many times are not copied until now.
        growth
            .add_difference(weight_of_copy(&before), weight_of_copy(&after))
            .map_err(|message| failed(&message))?;
        resource.node = Node::from_value(&after);
        if self.replaces_annotations() {
            // Kustomize keeps its books among them.
            resource.origin = None;
            resource.transformed_by.clear();
        }
        Ok(())
    }
}

/// `patchesJson6902`.
pub(crate) fn json_6902(
    resources: &mut Resources,
    files: &mut Files<'_>,
    folder: &TreePath,
    rules: &[PatchRule],
) -> Result<(), BuildError> {
    for rule in rules {
        let position = &rule.position;
        let target = match &rule.target {
            Some(target) if !target.name.is_empty() => target,
            _ => return Err(refused(position, "must specify the target name")),
        };
        let (place, text) = match (rule.patch.as_str(), rule.path.as_str()) {
            ("", "") => return Err(refused(position, "empty file path and empty jsonOp")),
            ("", path) => {
                let (path, text) = files.read_text(folder, path, position)?;
                (file_position(&path), text)
            }
            (text, "") => (position.clone(), Text::from(text)),
            _ => {
                let message = "must specify a file path or jsonOp, not both";
                return Err(refused(position, message));
            }
        };
        let operations = Operations::parse(&place, &text)?;
        if operations.is_empty() {
            return Err(refused(&place, "patch appears to be empty"));
        }
        let matcher = Matcher::new(target).map_err(|message| refused(position, &message))?;
        for resource in resources.iter_mut().filter(|it| matcher.fits(it)) {
            operations.apply(resource, &files.growth)?;
        }
    }
    Ok(())
}
