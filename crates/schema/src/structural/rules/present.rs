//! Values as rules see them.

use crate::structural::node::Node;
use kube_cel::cel::objects::{Key, Map, OptionalValue};
use kube_cel::cel::{Context, Value as Cel};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use trueup_cel::{Syntax, Tree};
use trueup_object::Value;

/// Words of the language that can't name a field.
const RESERVED: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// A value as rules see it. Of the metadata of a whole object they see the
/// names only.
pub(super) fn present(value: &Value, node: &Node, resource: bool) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number of the schema is a double in rules"
        )]
        Value::Integer(whole) if node.typ == "number" => Cel::Float(*whole as f64),
        Value::Integer(whole) => Cel::Int(*whole),
        Value::Float(float) => Cel::Float(*float),
        Value::String(text) => text_of(text, &node.format),
        Value::List(items) => {
            let any = Node::default();
            let schema = node.items.as_deref().unwrap_or(&any);
            let items = items
                .iter()
                .map(|item| present(item, schema, schema.embedded));
            Cel::List(Arc::new(items.collect()))
        }
        Value::Map(map) => {
            let any = Node::default();
            let members = map.iter().map(|(name, member)| {
                let declared = node.property(name);
                let schema = node.member(name).unwrap_or(&any);
                let shown = if resource && name == "metadata" {
                    names_of(member)
                } else {
                    present(member, schema, schema.embedded)
                };
                let known = declared.is_some() || resource;
                let name = if known {
                    escaped(name)
                } else {
                    name.to_string()
                };
                (Key::String(Arc::new(name)), shown)
            });
            map_of(members.collect())
        }
    }
}

/// The value before, for rules that take it as optional.
pub(super) fn optional(value: Option<&Cel>) -> Cel {
    let optional = value.map_or_else(OptionalValue::none, |value| {
        OptionalValue::of(value.clone())
    });
    Cel::Opaque(Arc::new(optional))
}

fn map_of(members: HashMap<Key, Cel>) -> Cel {
    Cel::Map(Map {
        map: Arc::new(members),
    })
}

fn names_of(metadata: &Value) -> Cel {
    let names = ["name", "generateName"].into_iter().filter_map(|key| {
        let text = metadata.str_at(&[key])?;
        let text = Cel::String(Arc::new(text.to_owned()));
        Some((Key::String(Arc::new(key.to_owned())), text))
    });
    map_of(names.collect())
}

/// Calls that make more of a text.
static TIMESTAMP: LazyLock<Tree> = LazyLock::new(|| call_of("timestamp"));
static DURATION: LazyLock<Tree> = LazyLock::new(|| call_of("duration"));

fn call_of(function: &str) -> Tree {
    trueup_cel::read(&format!("{function}(text)"), Syntax::Standard)
        .expect("the call of a function is read")
}

/// Texts of some formats are more than texts to rules.
fn text_of(text: &str, format: &str) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    let (call, whole) = match format {
        "date-time" => (&TIMESTAMP, text.to_owned()),
        "date" => (&TIMESTAMP, format!("{text}T00:00:00Z")),
        "duration" => (&DURATION, text.to_owned()),
        _ => return plain(),
    };
    let mut scope = Context::default();
    scope.add_variable_from_value("text", Cel::String(Arc::new(whole)));
    Cel::resolve(call, &scope).unwrap_or_else(|_| plain())
}

/// A field's name as rules write it.
pub(super) fn escaped(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}
