//! The kustomization file.

use crate::nearest::nearest;
use crate::{BuildError, Limits, MAX_FILE_BYTES};
use trueup_artifact::{Entry, FileTree, TreeError, TreePath};
use trueup_object::{Position, Text};
use trueup_yaml::{Content, Node};

/// The names that a kustomization file may have.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields of kustomize that are not served yet; the ones it has given up too.
const UNSERVED_FIELDS: [&str; 32] = [
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "imageTags",
    "images",
    "inventory",
    "labels",
    "namePrefix",
    "nameSuffix",
    "openapi",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "secretGenerator",
    "sortOptions",
    "transformers",
    "validators",
    "vars",
    "prefixes",
    "suffixes",
];

const SERVED_FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "namespace", "resources"];

/// A kustomization file as far as it is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kustomization {
    /// What to build, as written, each with its line.
    pub resources: Vec<(Text, u32)>,
    /// The namespace to set.
    pub namespace: Option<Text>,
}

/// The kustomization file of a folder; `None` if it has none.
pub fn find_file(tree: &dyn FileTree, folder: &TreePath) -> Result<Option<TreePath>, BuildError> {
    let mut found = Vec::new();
    for name in FILE_NAMES {
        let Some(path) = folder.child(name) else {
            continue;
        };
        match tree.entry(&path)? {
            Some(Entry::File { .. }) => found.push(path),
            Some(Entry::Symlink { target }) => {
                return Err(TreeError::Symlink { path, target }.into());
            }
            Some(Entry::Directory { .. }) | None => {}
        }
    }
    if found.len() > 1 {
        let names = found
            .iter()
            .filter_map(|path| path.name().map(str::to_owned))
            .collect();
        return Err(BuildError::ManyFiles {
            folder: folder.clone(),
            names,
        });
    }
    Ok(found.pop())
}

/// Reads a kustomization file. Fields that are not served are refused unless
/// they are set to nothing.
pub fn read_file(
    path: &TreePath,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Kustomization, BuildError> {
    let file = Reader { path };
    let text = std::str::from_utf8(bytes).map_err(|_| file.error(0, "expected UTF-8 text"))?;
    let options = trueup_yaml::LoadOptions {
        max_bytes: usize::try_from(limits.max_file_bytes.min(MAX_FILE_BYTES)).unwrap_or(usize::MAX),
        ..Default::default()
    };
    let documents = trueup_yaml::parse_with(text, &options)
        .map_err(|error| file.error(error.line, &error.message))?;
    let mut documents = documents
        .into_iter()
        .filter(|document| !document.root.is_null());
    let first = documents
        .next()
        .ok_or_else(|| file.error(0, "is empty, expected a kustomization"))?;
    if let Some(second) = documents.next() {
        return Err(file.error(second.line, "expected one document, found another"));
    }
    file.kustomization(&first.root)
}

struct Reader<'a> {
    path: &'a TreePath,
}

impl Reader<'_> {
    fn position(&self, line: u32) -> Position {
        Position {
            file: self.path.to_string().into(),
            line,
        }
    }

    fn error(&self, line: u32, message: &str) -> BuildError {
        BuildError::BadFile {
            position: self.position(line),
            message: message.to_owned(),
        }
    }

    fn expected(&self, node: &Node, field: &str, what: &str) -> BuildError {
        self.error(
            node.line,
            &format!("expected {field} to be {what}, found {}", node.kind_name()),
        )
    }

    fn kustomization(&self, root: &Node) -> Result<Kustomization, BuildError> {
        let Content::Map(entries) = &root.content else {
            return Err(self.expected(root, "the file", "a map"));
        };
        for entry in entries {
            self.check_field(&entry.key, entry.line, &entry.value)?;
        }
        self.check_text(
            root,
            "apiVersion",
            |text| text.starts_with("kustomize.config.k8s.io/"),
            "kustomize.config.k8s.io/v1beta1",
        )?;
        self.check_text(
            root,
            "kind",
            |text| text == "Kustomization",
            "Kustomization",
        )?;
        Ok(Kustomization {
            resources: self.resources(root)?,
            namespace: self.namespace(root)?,
        })
    }

    fn check_field(&self, field: &str, line: u32, value: &Node) -> Result<(), BuildError> {
        if SERVED_FIELDS.contains(&field) {
            return Ok(());
        }
        let position = self.position(line);
        if !UNSERVED_FIELDS.contains(&field) {
            let known: Vec<&str> = SERVED_FIELDS
                .iter()
                .chain(&UNSERVED_FIELDS)
                .copied()
                .collect();
            return Err(BuildError::UnknownField {
                position,
                field: field.into(),
                nearest: nearest(field, &known),
            });
        }
        if says_nothing(value) {
            return Ok(());
        }
        Err(BuildError::UnservedField {
            position,
            field: field.into(),
        })
    }

    fn check_text(
        &self,
        root: &Node,
        field: &str,
        is_right: impl Fn(&str) -> bool,
        wanted: &str,
    ) -> Result<(), BuildError> {
        match root.get(field).map(|node| (node, &node.content)) {
            None | Some((_, Content::Null)) => Ok(()),
            Some((_, Content::String(text))) if text.is_empty() || is_right(text) => Ok(()),
            Some((node, Content::String(text))) => Err(self.error(
                node.line,
                &format!("expected {field} to be {wanted:?}, found {text:?}"),
            )),
            Some((node, _)) => Err(self.expected(node, field, "a text")),
        }
    }

    fn resources(&self, root: &Node) -> Result<Vec<(Text, u32)>, BuildError> {
        match root.get("resources").map(|node| (node, &node.content)) {
            None | Some((_, Content::Null)) => Ok(Vec::new()),
            Some((_, Content::List(items))) => {
                items.iter().map(|item| self.resource(item)).collect()
            }
            Some((node, _)) => Err(self.expected(node, "resources", "a list")),
        }
    }

    fn resource(&self, item: &Node) -> Result<(Text, u32), BuildError> {
        match &item.content {
            Content::String(text) if !text.is_empty() => Ok((text.into(), item.line)),
            _ => Err(self.expected(item, "a resource", "a path")),
        }
    }

    fn namespace(&self, root: &Node) -> Result<Option<Text>, BuildError> {
        match root.get("namespace").map(|node| (node, &node.content)) {
            None | Some((_, Content::Null)) => Ok(None),
            Some((_, Content::String(text))) if text.is_empty() => Ok(None),
            Some((node, Content::String(text))) => {
                match trueup_object::names::dns_label_errors(text).first() {
                    Some(error) => {
                        Err(self.error(node.line, &format!("namespace {text:?}: {error}")))
                    }
                    None => Ok(Some(text.into())),
                }
            }
            Some((node, _)) => Err(self.expected(node, "namespace", "a text")),
        }
    }
}

fn says_nothing(node: &Node) -> bool {
    match &node.content {
        Content::Null => true,
        Content::String(text) => text.is_empty(),
        Content::List(items) => items.is_empty(),
        Content::Map(entries) => entries.is_empty(),
        _ => false,
    }
}
