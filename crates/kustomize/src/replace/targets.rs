//! The places that get a value.

use crate::field_path::{Pick, pick};
use crate::growth::{Growth, weight};
use crate::kustomization::FieldOptions;
use crate::node::{Mapping, Node, Scalar};
use trueup_gocompat::regexp::Regexp;
use trueup_object::Text;

/// What is done at a place.
pub(super) struct Change<'a> {
    pub value: &'a Node,
    /// How deeply the value nests.
    pub depth: usize,
    pub options: Option<&'a FieldOptions>,
    /// Whether what is missing on the way is made.
    pub creates: bool,
    /// What the build makes.
    pub growth: &'a Growth,
}

/// Changes every value at a path and tells how many there were.
pub(super) fn change_at(
    node: &mut Node,
    path: &[Text],
    change: &Change<'_>,
) -> Result<usize, String> {
    let Some((first, rest)) = path.split_first() else {
        change.put(node)?;
        return Ok(1);
    };
    match pick(first) {
        // A number may be the key of a map as well.
        Some(Pick::Index(_)) if matches!(node, Node::Map(_)) => in_map(node, first, rest, change),
        Some(picked) => in_list(node, &picked, rest, change),
        None => in_map(node, first, rest, change),
    }
}

fn in_map(node: &mut Node, key: &str, rest: &[Text], change: &Change<'_>) -> Result<usize, String> {
    match node {
        Node::Map(map) => {
            let Some(next) = member(map, key, rest, change) else {
                return Ok(0);
            };
            if matches!(next, Node::Scalar(scalar) if !scalar.text.is_empty()) && !rest.is_empty() {
                return Ok(0);
            }
            change_at(next, rest, change)
        }
        Node::Scalar(_) if node.is_null() => Ok(0),
        _ => Err(format!(
            "expected a map for {key:?}, found {}",
            node.kind_name()
        )),
    }
}

fn member<'a>(
    map: &'a mut Mapping,
    key: &str,
    rest: &[Text],
    change: &Change<'_>,
) -> Option<&'a mut Node> {
    if map.get(key).is_none() {
        if !change.creates {
            return None;
        }
        map.set(key, change.made_for(rest));
    }
    map.get_mut(key)
}

fn in_list(
    node: &mut Node,
    picked: &Pick,
    rest: &[Text],
    change: &Change<'_>,
) -> Result<usize, String> {
    let found = node.kind_name();
    let Node::List(items) = node else {
        return match node.is_null() {
            true => Ok(0),
            false => Err(format!("expected a list, found {found}")),
        };
    };
    match picked {
        Pick::All => {
            let mut changed = 0;
            for item in items {
                changed += change_at(item, rest, change)?;
            }
            Ok(changed)
        }
        Pick::Index(index) => {
            if items.len() == *index && change.creates {
                items.push(change.made_for(rest));
            }
            let there = items.len();
            let item = items.get_mut(*index).ok_or_else(|| {
                format!("index {index} specified but only {there} elements found")
            })?;
            change_at(item, rest, change)
        }
        Pick::Last => match items.last_mut() {
            Some(item) => change_at(item, rest, change),
            None => Ok(0),
        },
        Pick::Key(key, value) => by_key(items, key, value, rest, change),
    }
}

fn by_key(
    items: &mut Vec<Node>,
    key: &str,
    value: &str,
    rest: &[Text],
    change: &Change<'_>,
) -> Result<usize, String> {
    let pattern = Regexp::compile(value).map_err(|error| format!("{value:?}: {error}"))?;
    let fits = |item: &Node| {
        let text = match key {
            "" => item.text(),
            key => item.get(key).and_then(Node::text),
        };
        text.is_some_and(|text| pattern.is_match(text))
    };
    let mut changed = 0;
    for item in items.iter_mut().filter(|item| fits(item)) {
        changed += match key {
            "" => change_at(item, &[], change)?,
            _ => change_at(item, rest, change)?,
        };
    }
    if changed > 0 || !change.creates {
        return Ok(changed);
    }
    let mut made = match key {
        "" => Node::Scalar(Scalar::plain(value)),
        key => {
            let mut item = Node::map();
            item.set_at(&[key], Node::Scalar(Scalar::plain(value)));
            item
        }
    };
    let changed = match key {
        "" => change_at(&mut made, &[], change)?,
        _ => change_at(&mut made, rest, change)?,
    };
    items.push(made);
    Ok(changed)
}

impl Change<'_> {
    /// What is made at a missing place so that the rest of the path fits.
    fn made_for(&self, rest: &[Text]) -> Node {
        match rest.first().map(|next| pick(next)) {
            None => match self.value {
                Node::Scalar(_) => Node::Scalar(Scalar::plain("")),
                Node::List(_) => Node::List(Vec::new()),
                Node::Map(_) => Node::map(),
            },
            Some(Some(Pick::Key(..) | Pick::Index(_))) => Node::List(Vec::new()),
            Some(_) => Node::map(),
        }
    }

    /// Puts the value in the place of another. A text keeps the type that the
    /// place had; anything else is replaced as a whole.
    pub fn put(&self, node: &mut Node) -> Result<(), String> {
        let value = self.joined(node)?;
        match (&*node, &value) {
            (Node::Scalar(before), Node::Scalar(after)) => self
                .growth
                .add_difference(before.text.len(), after.text.len()),
            _ => self.growth.add(weight(&value)),
        }?;
        match (node, value) {
            (Node::Scalar(scalar), Node::Scalar(value)) => {
                let is_new = scalar.text.is_empty() && scalar.tag == crate::node::Tag::Null;
                if is_new {
                    *scalar = Scalar::plain(value.text);
                } else {
                    scalar.text = value.text;
                }
            }
            (Node::Scalar(scalar), _) => scalar.text = Text::new(),
            (node, value) => *node = value,
        }
        Ok(())
    }

    /// The value, put among the parts of the present text if there is a
    /// delimiter.
    fn joined(&self, node: &Node) -> Result<Node, String> {
        let Some(options) = self.options.filter(|options| !options.delimiter.is_empty()) else {
            return Ok(self.value.clone());
        };
        let (Node::Scalar(target), Node::Scalar(value)) = (node, self.value) else {
            return Err("delimiter option can only be used with scalar nodes".to_owned());
        };
        let delimiter = options.delimiter.as_str();
        let mut parts: Vec<&str> = target.text.split(delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &value.text),
            Ok(index) if index >= parts.len() => parts.push(&value.text),
            Ok(index) => parts[index] = &value.text,
        }
        Ok(Node::Scalar(Scalar {
            text: parts.join(delimiter).into(),
            ..value.clone()
        }))
    }
}
