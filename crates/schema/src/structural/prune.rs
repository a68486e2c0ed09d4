//! Removing what a schema does not declare.

use super::node::{Additional, Node};
use trueup_object::{Map, Text, Value};

const OBJECT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Prunes a whole object; returns the paths of what went, sorted.
pub(super) fn prune(object: &mut Value, root: &Node) -> Vec<Text> {
    let mut walk = Walk {
        path: String::new(),
        removed: Vec::new(),
    };
    walk.value(object, Some(root), Place::Object);
    walk.removed.sort();
    walk.removed
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Object,
    Below,
}

struct Walk {
    path: String,
    removed: Vec<Text>,
}

impl Walk {
    fn value(&mut self, value: &mut Value, schema: Option<&Node>, place: Place) {
        let preserve = schema.is_some_and(|schema| schema.preserve);
        self.kept_or_not(value, schema, place, preserve);
    }

    /// Items of a list that keeps unknown fields keep theirs too.
    fn kept_or_not(
        &mut self,
        value: &mut Value,
        schema: Option<&Node>,
        place: Place,
        preserve: bool,
    ) {
        match value {
            Value::Map(map) => self.map(map, schema, place, preserve),
            Value::List(list) if !list.is_empty() => {
                let items = schema.and_then(|schema| schema.items.as_deref());
                if preserve && items.is_none() {
                    return;
                }
                for (index, item) in list.make_mut().iter_mut().enumerate() {
                    let length = self.path.len();
                    self.path.push_str(&format!("[{index}]"));
                    let kept = preserve || items.is_some_and(|items| items.preserve);
                    self.kept_or_not(item, items, Place::Below, kept);
                    self.path.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn map(&mut self, map: &mut Map, schema: Option<&Node>, place: Place, preserve: bool) {
        let object = place == Place::Object || schema.is_some_and(|schema| schema.embedded);
        let mut unknown: Vec<Text> = Vec::new();
        for (name, member) in map.iter_mut() {
            if object && OBJECT_FIELDS.contains(&name.as_str()) {
                continue;
            }
            let declared = schema.and_then(|schema| schema.member(name));
            let any = matches!(
                schema.and_then(|schema| schema.additional.as_ref()),
                Some(Additional::Any)
            );
            if let Some(schema) = declared {
                let length = self.enter(name);
                self.value(member, Some(schema), Place::Below);
                self.path.truncate(length);
            } else if any && !preserve {
                let length = self.enter(name);
                self.value(member, None, Place::Below);
                self.path.truncate(length);
            } else if !preserve {
                unknown.push(name.clone());
            }
        }
        for name in unknown {
            let length = self.enter(&name);
            self.removed.push(self.path.as_str().into());
            self.path.truncate(length);
            map.remove(&name);
        }
    }

    fn enter(&mut self, name: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        length
    }
}

/// Prunes the default of a schema; returns what it had too much.
pub(super) fn prune_default(default: &mut Value, schema: &Node) -> Vec<Text> {
    let mut walk = Walk {
        path: String::new(),
        removed: Vec::new(),
    };
    walk.value(default, Some(schema), Place::Below);
    walk.removed
}
