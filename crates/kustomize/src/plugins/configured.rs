//! One plugin and its configuration.

use super::value_add;
use crate::accumulate::{Accumulator, Builder};
use crate::file::{
    Fields, generator_rule, image, open_field_spec, patch_target, replacement_rule, replica,
};
use crate::files::Files;
use crate::kustomization::{Located, PatchRule};
use crate::node::Node;
use crate::resource::Resource;
use crate::transform::{self, NamespaceRule, Subjects};
use crate::{BuildError, charts, generate, hash, patch, replace};
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};
use trueup_yaml::Node as YamlNode;

/// A builtin plugin and what it is told.
pub(super) struct Plugin {
    kind: Text,
    position: Position,
    node: YamlNode,
}

impl Plugin {
    /// The plugin that an object configures; others than those built in are
    /// refused.
    pub fn of(configuration: &Resource) -> Result<Self, BuildError> {
        let gvk = configuration.gvk();
        let position = configuration.position.clone();
        let is_builtin = gvk.group.is_empty() && gvk.version == "builtin";
        let runs_function = ["config.kubernetes.io/function", "config.k8s.io/function"]
            .iter()
            .any(|key| configuration.metadata_text("annotations", key).is_some());
        if !is_builtin || runs_function {
            return Err(BuildError::Plugin {
                position,
                kind: format!("{}/{}", gvk.api_version(), gvk.kind),
            });
        }
        let node = configuration
            .node
            .printable()
            .map_err(|error| BuildError::BadFile {
                position: position.clone(),
                message: error.to_string(),
            })?;
        Ok(Self {
            kind: gvk.kind,
            position,
            node,
        })
    }

    fn fields(&self) -> Result<Fields<'_>, BuildError> {
        Fields::open(&self.position, &self.node, "a plugin configuration")
    }

    fn unknown(&self) -> BuildError {
        BuildError::Plugin {
            position: self.position.clone(),
            kind: format!("builtin/{}", self.kind),
        }
    }

    /// What a generator makes.
    pub fn generate(
        &self,
        files: &mut Files<'_>,
        folder: &TreePath,
    ) -> Result<Vec<Resource>, BuildError> {
        let fields = self.fields()?;
        match self.kind.as_str() {
            "ConfigMapGenerator" | "SecretGenerator" => {
                let mut rule = generator_rule(&fields)?;
                let metadata = |field| self.metadata(field);
                if rule.name.is_empty() {
                    rule.name = metadata("name");
                }
                if rule.namespace.is_empty() {
                    rule.namespace = metadata("namespace");
                }
                let make = match self.kind.as_str() {
                    "SecretGenerator" => generate::secret,
                    _ => generate::config_map,
                };
                Ok(vec![make(files, folder, &rule, None)?])
            }
            "IAMPolicyGenerator" => self.workload_identity(&fields),
            "HelmChartInflationGenerator" => {
                let chart = charts::of_plugin(&fields)?;
                charts::inflate(files, folder, &chart, &self.position)
            }
            _ => Err(self.unknown()),
        }
    }

    fn metadata(&self, field: &str) -> Text {
        match self.node.at(&["metadata", field]).map(|node| &node.content) {
            Some(trueup_yaml::Content::String(text)) => text.as_str().into(),
            _ => Text::new(),
        }
    }

    /// A service account that stands for one of Google's.
    fn workload_identity(&self, fields: &Fields<'_>) -> Result<Vec<Resource>, BuildError> {
        let cloud = fields.text("cloud")?;
        if cloud != "gke" {
            return Err(BuildError::Generator {
                position: self.position.clone(),
                message: format!("cloud provider {cloud} not supported yet"),
            });
        }
        let inner = |field: &str, member: &str| {
            let known = fields.optional(field, |node| {
                Fields::open(&self.position, node, field)?.text(member)
            });
            Ok::<Text, BuildError>(known?.unwrap_or_default())
        };
        let account = inner("serviceAccount", "name")?;
        let project = inner("serviceAccount", "projectId")?;
        let mut object = Node::map();
        object.set_at(&["apiVersion"], Node::string("v1"));
        object.set_at(&["kind"], Node::string("ServiceAccount"));
        object.set_at(
            &["metadata", "annotations", "iam.gke.io/gcp-service-account"],
            Node::string(format!("{account}@{project}.iam.gserviceaccount.com")),
        );
        let name = inner("kubernetesService", "name")?;
        object.set_at(&["metadata", "name"], Node::string(name));
        let namespace = inner("kubernetesService", "namespace")?;
        if !namespace.is_empty() {
            object.set_at(&["metadata", "namespace"], Node::string(namespace));
        }
        Ok(vec![Resource::new(object, self.position.clone())])
    }

    /// Runs a transformer.
    pub fn transform(
        &self,
        builder: &mut Builder<'_>,
        folder: &TreePath,
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        let fields = self.fields()?;
        let resources = &mut gathered.resources;
        let specs = fields.list("fieldSpecs", open_field_spec)?;
        let file = fields.file();
        let growth = &builder.files.growth;
        match self.kind.as_str() {
            "AnnotationsTransformer" => {
                transform::annotations(resources, &fields.pairs("annotations")?, &specs, growth)
            }
            "LabelTransformer" => {
                transform::labels(resources, &fields.pairs("labels")?, &specs, growth)
            }
            "HashTransformer" => hash::add_suffixes(resources),
            "ImageTagTransformer" => {
                let rule = fields.optional("imageTag", |node| image(&file, node))?;
                transform::images(resources, &[rule.unwrap_or_default()], &specs, growth)
            }
            "NamespaceTransformer" => {
                transform::namespace(resources, &self.namespace_rule(&fields)?, &specs)
            }
            "PrefixTransformer" => {
                transform::prefix(resources, &fields.text("prefix")?, &specs, growth)
            }
            "SuffixTransformer" => {
                transform::suffix(resources, &fields.text("suffix")?, &specs, growth)
            }
            "PrefixSuffixTransformer" => {
                transform::prefix(resources, &fields.text("prefix")?, &specs, growth)?;
                transform::suffix(resources, &fields.text("suffix")?, &specs, growth)
            }
            "ReplicaCountTransformer" => {
                let rule = fields.optional("replica", |node| replica(&file, node))?;
                transform::replicas(resources, &[rule.unwrap_or_default()], &specs)
            }
            "ReplacementTransformer" => {
                let rules = fields.list("replacements", replacement_rule)?;
                replace::replacements(resources, &mut builder.files, folder, &rules)
            }
            "ValueAddTransformer" => value_add::run(&fields, resources, &mut builder.files, folder),
            "PatchTransformer" | "PatchJson6902Transformer" | "PatchStrategicMergeTransformer" => {
                self.patch(&fields, builder, folder, gathered)
            }
            _ => Err(self.unknown()),
        }
    }

    fn namespace_rule(&self, fields: &Fields<'_>) -> Result<NamespaceRule, BuildError> {
        let subjects = match fields.text("setRoleBindingSubjects")?.as_str() {
            "" | "defaultOnly" => Subjects::DefaultOnly,
            "allServiceAccounts" => Subjects::AllServiceAccounts,
            "none" => Subjects::None,
            other => {
                let message = format!(
                    "invalid value {other:?} for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\""
                );
                return Err(fields.error_at("setRoleBindingSubjects", &message));
            }
        };
        Ok(NamespaceRule {
            namespace: self.metadata("namespace"),
            unset_only: fields.flag("unsetOnly")?,
            subjects,
        })
    }

    fn patch(
        &self,
        fields: &Fields<'_>,
        builder: &mut Builder<'_>,
        folder: &TreePath,
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        let resources = &mut gathered.resources;
        let (files, openapi) = (&mut builder.files, &builder.openapi);
        if self.kind == "PatchStrategicMergeTransformer" {
            let mut patches = fields.located("paths")?;
            let text = fields.text("patches")?;
            if !text.is_empty() {
                patches.push(Located {
                    value: text,
                    position: self.position.clone(),
                });
            }
            if patches.is_empty() {
                return Err(fields.error_at("paths", "empty file path and empty patch content"));
            }
            return patch::strategic_merge(resources, files, folder, &patches, openapi);
        }
        let (target, options) = patch_target(fields)?;
        let (allow_name_change, allow_kind_change) = options;
        let rule = PatchRule {
            position: self.position.clone(),
            path: fields.text("path")?,
            patch: match self.kind.as_str() {
                "PatchTransformer" => fields.text("patch")?,
                _ => fields.text("jsonOp")?,
            },
            target,
            allow_name_change,
            allow_kind_change,
        };
        match self.kind.as_str() {
            "PatchTransformer" => patch::patches(resources, files, folder, &[rule], openapi),
            _ => patch::json_6902(resources, files, folder, &[rule]),
        }
    }
}
