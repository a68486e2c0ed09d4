//! `trueup tree`: the inventory of a Kustomization, of those in it, and what was
//! made for Canaries.

mod canary;

use super::Failure;
use crate::arguments::{DocumentFormat, TreeArguments, TreeWhat};
use crate::paint::printable;
use crate::words::{CANARY, KUSTOMIZATION};
use crate::{connect, document};
use std::collections::BTreeSet;
use std::process::ExitCode;
use trueup_cluster::{Form, Session};
use trueup_kinds::{Kustomization, Resource, object_id};
use trueup_object::{ObjectRef, Value, value};

/// Part of the names of all groups whose objects Flux works on.
const COMPACT_GROUP: &str = "toolkit.fluxcd.io";

/// How deep Kustomizations are followed into each other.
pub const MAX_TREE_LEVELS: usize = 32;

/// Which objects are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    Compact,
}

/// An object and what it applied.
#[derive(Debug)]
struct Node {
    object: ObjectRef,
    children: Vec<Node>,
}

impl Node {
    fn leaf(object: ObjectRef) -> Self {
        Self {
            object,
            children: Vec::new(),
        }
    }
}

/// Prints the tree.
pub async fn run(arguments: TreeArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let namespace = &arguments.scope.namespace;
    let (tree, output) = match &arguments.what {
        TreeWhat::Kustomization {
            name,
            compact,
            output,
        } => {
            let detail = if *compact {
                Detail::Compact
            } else {
                Detail::All
            };
            let root = KUSTOMIZATION.object(namespace, name);
            (of_kustomization(&session, root, detail).await?, output)
        }
        TreeWhat::Canary { name, output } => {
            let root = CANARY.object(namespace, name);
            (of_canary(&session, root).await?, output)
        }
    };
    print(&tree, *output)?;
    Ok(ExitCode::SUCCESS)
}

async fn of_kustomization(
    session: &Session,
    root: ObjectRef,
    detail: Detail,
) -> Result<Node, Failure> {
    let live = session.get(&root, Form::Full).await?;
    let mut walk = Walk {
        session,
        detail,
        seen: BTreeSet::from([object_id(&root).to_string()]),
    };
    let children = walk.children(&root, live.value(), MAX_TREE_LEVELS).await?;
    Ok(Node {
        object: root,
        children,
    })
}

async fn of_canary(session: &Session, root: ObjectRef) -> Result<Node, Failure> {
    let live = session.get(&root, Form::Full).await?;
    let made = canary::made_for(session, &live).await?;
    Ok(Node {
        object: root,
        children: made.into_iter().map(Node::leaf).collect(),
    })
}

struct Walk<'a> {
    session: &'a Session,
    detail: Detail,
    /// What was followed already: two Kustomizations may hold each other.
    seen: BTreeSet<String>,
}

impl Walk<'_> {
    async fn children(
        &mut self,
        object: &ObjectRef,
        live: &Value,
        levels: usize,
    ) -> Result<Vec<Node>, Failure> {
        let Ok(kustomization) = Kustomization::read(live) else {
            return Ok(Vec::new());
        };
        let is_remote = kustomization.spec.kube_config.is_some();
        let mut nodes = Vec::new();
        for entry in kustomization
            .status
            .inventory
            .iter()
            .flat_map(|it| it.objects())
        {
            let is_left_out =
                self.detail == Detail::Compact && !entry.kind.group.contains(COMPACT_GROUP);
            if is_left_out || object_id(&entry) == object_id(object) {
                continue;
            }
            let children = if is_remote || levels == 0 {
                Vec::new()
            } else {
                Box::pin(self.inside(&entry, levels - 1)).await?
            };
            nodes.push(Node {
                object: entry,
                children,
            });
        }
        Ok(nodes)
    }

    /// What an entry applied itself, where it is a Kustomization that was not
    /// followed yet, or what was made for a Canary. One that is gone has
    /// nothing.
    async fn inside(&mut self, entry: &ObjectRef, levels: usize) -> Result<Vec<Node>, Failure> {
        if entry.kind.group_kind() == CANARY.gvk().group_kind() {
            let made = match self.session.find(entry, Form::Full).await? {
                Some(live) => canary::made_for(self.session, &live).await?,
                None => Vec::new(),
            };
            return Ok(made.into_iter().map(Node::leaf).collect());
        }
        let is_kustomization = entry.kind.group_kind() == KUSTOMIZATION.gvk().group_kind();
        if !is_kustomization || !self.seen.insert(object_id(entry).to_string()) {
            return Ok(Vec::new());
        }
        match self.session.find(entry, Form::Full).await? {
            Some(live) => self.children(entry, live.value(), levels).await,
            None => Ok(Vec::new()),
        }
    }
}

fn print(root: &Node, output: Option<DocumentFormat>) -> Result<(), Failure> {
    match output {
        Some(format) => document::print_value(&document_of(root), format),
        None => document::print(&printable(&drawing(root))),
    }
}

/// As flux prints it: `resource` and, where there are some, `resources`.
fn document_of(node: &Node) -> Value {
    let object = &node.object;
    let mut document = value!({"resource": {
        "Namespace": (object.namespace.as_str()),
        "Name": (object.name.as_str()),
        "GroupKind": {"Group": (object.kind.group.as_str()), "Kind": (object.kind.kind.as_str())},
    }});
    if !node.children.is_empty() {
        let children: Value = node.children.iter().map(document_of).collect();
        document.set_at(&["resources"], children);
    }
    document
}

fn drawing(root: &Node) -> String {
    let mut text = format!("{}\n", root.object);
    draw(&root.children, "", &mut text);
    text
}

fn draw(nodes: &[Node], indent: &str, text: &mut String) {
    for (place, node) in nodes.iter().enumerate() {
        let is_last = place + 1 == nodes.len();
        let (branch, space) = if is_last {
            ("└── ", "    ")
        } else {
            ("├── ", "│   ")
        };
        text.push_str(&format!("{indent}{branch}{}\n", node.object));
        draw(&node.children, &format!("{indent}{space}"), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::GroupVersionKind;

    fn node(kind: &str, name: &str, children: Vec<Node>) -> Node {
        let object = ObjectRef {
            kind: GroupVersionKind::new("v1", kind),
            namespace: "apps".into(),
            name: name.into(),
        };
        Node { object, children }
    }

    #[test]
    fn a_tree_is_drawn_with_its_branches() {
        let inner = node(
            "B",
            "b",
            vec![node("C", "c", vec![]), node("D", "d", vec![])],
        );
        let root = node("A", "a", vec![inner, node("E", "e", vec![])]);
        let expected = "A/apps/a\n├── B/apps/b\n│   ├── C/apps/c\n│   └── D/apps/d\n└── E/apps/e\n";
        assert_eq!(drawing(&root), expected);
        let document = document_of(&root);
        assert_eq!(
            document.str_at(&["resource", "GroupKind", "Kind"]),
            Some("A")
        );
        assert_eq!(
            document.get("resources").unwrap().as_list().unwrap().len(),
            2
        );
    }
}
