//! One node of a structural schema, and its merge type.

use super::ValidationRule;
use super::formats;
use super::pattern::compile;
use super::rules::Rule;
use crate::schemas::Schemas;
use crate::types::{
    Atom, Field, Format, ListType, MapType, PatchStrategy, Relation, Scalar, Type, primitive_of,
};
use regex::Regex;
use trueup_object::{Text, Value};

/// How deep a schema may nest; deeper parts constrain nothing.
pub(super) const MAX_SCHEMA_DEPTH: usize = 128;
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A schema at one place. Nested value validations (`allOf` and the like) are
/// nodes too.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// `type`; empty for any.
    pub typ: Text,
    pub nullable: bool,
    pub default: Option<Value>,
    pub format: Text,
    /// Sorted by name.
    pub properties: Vec<(Text, Node)>,
    pub additional: Option<Additional>,
    pub items: Option<Box<Node>>,
    pub int_or_string: bool,
    pub preserve: bool,
    pub embedded: bool,
    pub list_type: Option<Text>,
    pub list_keys: Vec<Text>,
    pub map_type: Option<Text>,
    pub required: Vec<Text>,
    pub values: Option<Vec<Value>>,
    pub pattern: Option<Pattern>,
    pub minimum: Option<f64>,
    pub exclusive_minimum: bool,
    pub maximum: Option<f64>,
    pub exclusive_maximum: bool,
    pub multiple_of: Option<f64>,
    pub min_length: Option<i64>,
    pub max_length: Option<i64>,
    pub min_items: Option<i64>,
    pub max_items: Option<i64>,
    pub min_properties: Option<i64>,
    pub max_properties: Option<i64>,
    pub all_of: Vec<Node>,
    pub any_of: Vec<Node>,
    pub one_of: Vec<Node>,
    pub not: Option<Box<Node>>,
    pub rules: Vec<Rule>,
}

/// What undeclared members of a map may be.
#[derive(Clone, Debug)]
pub(super) enum Additional {
    Any,
    Nothing,
    Schema(Box<Node>),
}

/// A pattern as written and, if it is one, the expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub text: Text,
    pub regex: Result<Regex, String>,
}

impl Node {
    pub(super) fn read(schema: &Value, depth: usize) -> Self {
        let mut node = Self::default();
        if depth > MAX_SCHEMA_DEPTH {
            node.preserve = true;
            return node;
        }
        node.read_shape(schema, depth);
        node.read_limits(schema);
        let nodes = |key: &str| -> Vec<Node> {
            let list = schema.get(key).and_then(Value::as_list).unwrap_or_default();
            list.iter()
                .map(|schema| Self::read(schema, depth + 1))
                .collect()
        };
        node.all_of = nodes("allOf");
        node.any_of = nodes("anyOf");
        node.one_of = nodes("oneOf");
        node.not = schema
            .get("not")
            .filter(|not| !not.is_null())
            .map(|not| Box::new(Self::read(not, depth + 1)));
        node.rules = schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .cloned()
            .map(Rule::new)
            .collect();
        node
    }

    fn read_shape(&mut self, schema: &Value, depth: usize) {
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
        self.typ = schema.str_at(&["type"]).unwrap_or("").into();
        self.format = schema.str_at(&["format"]).unwrap_or("").into();
        self.nullable = flag("nullable");
        self.default = schema
            .get("default")
            .filter(|default| !default.is_null())
            .cloned();
        self.int_or_string = flag("x-kubernetes-int-or-string");
        self.preserve = flag("x-kubernetes-preserve-unknown-fields");
        self.embedded = flag("x-kubernetes-embedded-resource");
        self.list_type = schema.str_at(&["x-kubernetes-list-type"]).map(Into::into);
        self.map_type = schema.str_at(&["x-kubernetes-map-type"]).map(Into::into);
        self.list_keys = texts(schema.get("x-kubernetes-list-map-keys"));
        let properties = schema.get("properties").and_then(Value::as_map);
        self.properties = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), Self::read(schema, depth + 1)))
            .collect();
        self.additional = match schema.get("additionalProperties") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(true)) => Some(Additional::Any),
            Some(Value::Bool(false)) => Some(Additional::Nothing),
            Some(schema) => Some(Additional::Schema(Box::new(Self::read(schema, depth + 1)))),
        };
        self.items = schema
            .get("items")
            .filter(|items| items.as_map().is_some())
            .map(|items| Box::new(Self::read(items, depth + 1)));
    }

    fn read_limits(&mut self, schema: &Value) {
        let whole = |key: &str| schema.i64_at(&[key]);
        let number = |key: &str| schema.get(key).and_then(as_number);
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
        self.required = texts(schema.get("required"));
        self.values = schema
            .get("enum")
            .and_then(Value::as_list)
            .filter(|list| !list.is_empty())
            .map(Into::into);
        self.pattern = schema
            .str_at(&["pattern"])
            .filter(|text| !text.is_empty())
            .map(|text| Pattern {
                text: text.into(),
                regex: compile(text),
            });
        self.minimum = number("minimum");
        self.exclusive_minimum = flag("exclusiveMinimum");
        self.maximum = number("maximum");
        self.exclusive_maximum = flag("exclusiveMaximum");
        self.multiple_of = number("multipleOf");
        self.min_length = whole("minLength");
        self.max_length = whole("maxLength");
        self.min_items = whole("minItems");
        self.max_items = whole("maxItems");
        self.min_properties = whole("minProperties");
        self.max_properties = whole("maxProperties");
    }

    /// The schema of the declared property `name`.
    pub(super) fn property(&self, name: &str) -> Option<&Node> {
        let found = self
            .properties
            .binary_search_by(|(property, _)| property.as_str().cmp(name))
            .ok()?;
        Some(&self.properties[found].1)
    }

    /// The schema of the member `name`, declared or not.
    pub(super) fn member(&self, name: &str) -> Option<&Node> {
        self.property(name).or(match &self.additional {
            Some(Additional::Schema(schema)) => Some(schema),
            _ => None,
        })
    }

    pub(super) fn collect_rules(&self, path: &str, out: &mut Vec<ValidationRule>) {
        out.extend(self.rules.iter().map(|rule| ValidationRule {
            path: path.into(),
            rule: rule.raw.str_at(&["rule"]).unwrap_or("").into(),
            raw: rule.raw.clone(),
        }));
        for (name, property) in &self.properties {
            let below = if path.is_empty() {
                name.to_string()
            } else {
                format!("{path}.{name}")
            };
            property.collect_rules(&below, out);
        }
        if let Some(Additional::Schema(schema)) = &self.additional {
            schema.collect_rules(&format!("{path}[*]"), out);
        }
        if let Some(items) = &self.items {
            items.collect_rules(&format!("{path}[*]"), out);
        }
    }

    pub(super) fn collect_unknown_formats(&self, out: &mut Vec<Text>) {
        if !self.format.is_empty()
            && !formats::is_known(&self.typ, &self.format)
            && !out.contains(&self.format)
        {
            out.push(self.format.clone());
        }
        let additional = match &self.additional {
            Some(Additional::Schema(schema)) => Some(&**schema),
            _ => None,
        };
        let below = self
            .properties
            .iter()
            .map(|(_, node)| node)
            .chain(self.items.as_deref())
            .chain(additional);
        below.for_each(|node| node.collect_unknown_formats(out));
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "schemas hold their bounds as float64"
        )]
        Value::Integer(whole) => Some(*whole as f64),
        Value::Float(float) => Some(*float),
        _ => None,
    }
}

pub(super) fn texts(list: Option<&Value>) -> Vec<Text> {
    list.and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect()
}

/// The merge type of the whole object.
pub(super) fn merge_type_of_root(root: &Node) -> Type {
    Type::inline(merge_atom(
        root,
        Inherited {
            preserve: root.preserve,
            resource: true,
        },
    ))
}

/// What a schema inherits from those around it.
#[derive(Clone, Copy)]
struct Inherited {
    /// Some schema above keeps unknown fields.
    preserve: bool,
    /// The schema is of a whole object, with `apiVersion`, `kind`, `metadata`.
    resource: bool,
}

fn merge_type(node: &Node, preserve: bool) -> Type {
    let inherited = Inherited {
        preserve: preserve || node.preserve,
        resource: node.embedded,
    };
    Type::inline(merge_atom(node, inherited))
}

fn merge_atom(node: &Node, inherited: Inherited) -> Atom {
    match node.typ.as_str() {
        "object" => Atom {
            map: Some(merge_map(node, inherited)),
            ..Atom::default()
        },
        "array" => Atom {
            list: Some(merge_list(node, inherited.preserve)),
            ..Atom::default()
        },
        primitive if !primitive.is_empty() && !node.int_or_string => {
            let (scalar, format) = primitive_of(primitive, &node.format);
            Atom {
                scalar: Some(scalar),
                format,
                ..Atom::default()
            }
        }
        _ => Atom {
            scalar: Some(Scalar::Untyped),
            list: Some(merge_list(node, inherited.preserve)),
            map: Some(merge_map(node, inherited)),
            format: if node.int_or_string {
                Format::IntOrString
            } else {
                Format::Opaque
            },
        },
    }
}

fn merge_list(node: &Node, preserve: bool) -> ListType {
    let element = node
        .items
        .as_ref()
        .map_or_else(Type::untyped, |items| merge_type(items, preserve));
    let relation = match node.list_type.as_deref() {
        Some("set") => Relation::Set,
        Some("map") => Relation::Keyed(node.list_keys.clone()),
        _ => Relation::Atomic,
    };
    ListType { element, relation }
}

fn merge_map(node: &Node, inherited: Inherited) -> MapType {
    let mut fields: Vec<Field> = node
        .properties
        .iter()
        .map(|(name, property)| Field {
            name: name.clone(),
            typ: merge_type(property, inherited.preserve),
            default: property.default.clone(),
            patch: PatchStrategy::default(),
            required: node.required.contains(name),
        })
        .collect();
    let free = fields.is_empty();
    if inherited.resource {
        add_object_fields(&mut fields);
    }
    let element = match &node.additional {
        Some(Additional::Schema(schema)) => Some(merge_type(schema, inherited.preserve)),
        Some(Additional::Any) => Some(Type::deduced()),
        Some(Additional::Nothing) => None,
        None => (inherited.preserve || (free && !inherited.resource)).then(Type::deduced),
    };
    MapType {
        fields,
        element,
        atomic: node.map_type.as_deref() == Some("atomic"),
    }
}

/// Every object has these, whatever its schema says of them.
fn add_object_fields(fields: &mut Vec<Field>) {
    let text = || {
        Type::inline(Atom {
            scalar: Some(Scalar::String),
            format: Format::String,
            ..Atom::default()
        })
    };
    let metadata = Schemas::builtin()
        .type_named(OBJECT_META)
        .unwrap_or_else(Type::deduced);
    fields.retain(|field| !["apiVersion", "kind", "metadata"].contains(&field.name.as_str()));
    for (name, typ) in [
        ("apiVersion", text()),
        ("kind", text()),
        ("metadata", metadata),
    ] {
        let field = Field {
            name: name.into(),
            typ,
            default: None,
            patch: PatchStrategy::default(),
            required: false,
        };
        let place = fields.partition_point(|known| known.name.as_str() < name);
        fields.insert(place, field);
    }
}
