//! What a value may be and how two of them merge.

use crate::schemas::Schemas;
use crate::structural::Structural;
use std::sync::{Arc, LazyLock};
use trueup_object::{Text, Value};

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// A type: a cheap handle on a node of the type graph. It drives merging,
/// ownership, patches and checks of JSON shape.
#[derive(Clone, Debug)]
pub struct Type(Target);

#[derive(Clone, Debug)]
enum Target {
    Inline(Arc<Atom>),
    Builtin(u32),
    BuiltinAtomic(u32),
    Untyped,
    Deduced,
}

/// What a type allows. Where several are allowed the value decides which one
/// it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Atom {
    pub scalar: Option<Scalar>,
    pub list: Option<ListType>,
    pub map: Option<MapType>,
    /// What the scalar holds in detail; drives only shape checks.
    pub format: Format,
}

/// The kinds of scalar that merging tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Numeric,
    String,
    Boolean,
    Untyped,
}

/// What a built-in scalar or opaque value holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    None,
    Int32,
    Int64,
    Double,
    String,
    Boolean,
    Bytes,
    Time,
    IntOrString,
    Quantity,
    /// Anything at all.
    Opaque,
}

/// A list and how its items are told apart.
#[derive(Clone, Debug)]
pub(crate) struct ListType {
    pub element: Type,
    pub relation: Relation,
}

/// How items of a list merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// The list is one leaf.
    Atomic,
    /// Items are their own identity.
    Set,
    /// Items are told apart by these fields.
    Keyed(Vec<Text>),
}

/// A map or struct.
#[derive(Clone, Debug)]
pub(crate) struct MapType {
    /// Declared fields, sorted by name.
    pub fields: Vec<Field>,
    /// The type of keys that are not declared; `None` where there may be none.
    pub element: Option<Type>,
    /// The map is one leaf.
    pub atomic: bool,
}

/// A declared field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub name: Text,
    pub typ: Type,
    pub default: Option<Value>,
    pub patch: PatchStrategy,
    pub required: bool,
}

/// How a strategic merge patch treats a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PatchStrategy {
    /// Lists merge instead of being replaced.
    pub merge: bool,
    /// A patch may list the keys to keep.
    pub retain_keys: bool,
    /// The key by which items of a list merge.
    pub merge_key: Option<Text>,
    /// The map is replaced as a whole.
    pub replace: bool,
}

static UNTYPED: LazyLock<Atom> =
    LazyLock::new(|| any(Target::Untyped, Target::Untyped, Granularity::Atomic));
static DEDUCED: LazyLock<Atom> =
    LazyLock::new(|| any(Target::Untyped, Target::Deduced, Granularity::Granular));

#[derive(Clone, Copy, PartialEq, Eq)]
enum Granularity {
    Atomic,
    Granular,
}

fn any(item: Target, member: Target, granularity: Granularity) -> Atom {
    Atom {
        scalar: Some(Scalar::Untyped),
        list: Some(ListType {
            element: Type(item),
            relation: Relation::Atomic,
        }),
        map: Some(MapType {
            fields: Vec::new(),
            element: Some(Type(member)),
            atomic: granularity == Granularity::Atomic,
        }),
        format: Format::Opaque,
    }
}

impl Type {
    /// The type of objects without a schema: maps merge key by key, lists are
    /// replaced as a whole.
    #[must_use]
    pub fn deduced() -> Self {
        Self(Target::Deduced)
    }

    /// The merge type of a custom resource. `apiVersion`, `kind` and
    /// `metadata` are typed as in every object.
    #[must_use]
    pub fn from_structural(schema: &Structural) -> Self {
        crate::structural::merge_type(schema)
    }

    pub(crate) fn untyped() -> Self {
        Self(Target::Untyped)
    }

    pub(crate) fn inline(atom: Atom) -> Self {
        Self(Target::Inline(Arc::new(atom)))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the table has hundreds of rows"
    )]
    pub(crate) fn builtin(index: usize) -> Self {
        Self(Target::Builtin(index as u32))
    }

    pub(crate) fn atom(&self) -> &Atom {
        match &self.0 {
            Target::Inline(atom) => atom,
            Target::Builtin(index) => Schemas::builtin().atom(*index as usize),
            Target::BuiltinAtomic(index) => Schemas::builtin().atomic_atom(*index as usize),
            Target::Untyped => &UNTYPED,
            Target::Deduced => &DEDUCED,
        }
    }

    pub(crate) fn is_deduced(&self) -> bool {
        matches!(self.0, Target::Deduced)
    }

    /// The name of the built-in definition behind this type, if it is one.
    #[must_use]
    pub fn definition_name(&self) -> Option<&'static str> {
        match self.0 {
            Target::Builtin(index) | Target::BuiltinAtomic(index) => {
                Some(Schemas::builtin().name(index as usize))
            }
            _ => None,
        }
    }
}

/// Which form of an atom applies to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    Scalar(Scalar),
    List(&'a ListType),
    Map(&'a MapType),
}

impl Form<'_> {
    pub(crate) fn same_kind(&self, other: &Form<'_>) -> bool {
        matches!(
            (self, other),
            (Form::Scalar(_), Form::Scalar(_))
                | (Form::List(_), Form::List(_))
                | (Form::Map(_), Form::Map(_))
        )
    }
}

impl Atom {
    /// The form that fits the value; where none does, the form that the
    /// error will name (maps, then scalars, then lists, as the API does).
    pub(crate) fn form(&self, value: Option<&Value>) -> Form<'_> {
        match value {
            Some(Value::List(_)) => {
                if let Some(list) = &self.list {
                    return Form::List(list);
                }
            }
            Some(Value::Map(_)) => {
                if let Some(map) = &self.map {
                    return Form::Map(map);
                }
            }
            Some(Value::Null) | None => {}
            Some(_) => {
                if let Some(scalar) = self.scalar {
                    return Form::Scalar(scalar);
                }
            }
        }
        match (&self.map, self.scalar, &self.list) {
            (Some(map), _, _) => Form::Map(map),
            (None, Some(scalar), _) => Form::Scalar(scalar),
            (None, None, Some(list)) => Form::List(list),
            (None, None, None) => Form::Scalar(Scalar::Untyped),
        }
    }

    pub(crate) fn into_atomic(mut self) -> Self {
        if let Some(map) = &mut self.map {
            map.atomic = true;
        } else if let Some(list) = &mut self.list {
            list.relation = Relation::Atomic;
        }
        self
    }
}

impl MapType {
    /// The declared field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        let found = self
            .fields
            .binary_search_by(|field| field.name.as_str().cmp(name))
            .ok()?;
        Some(&self.fields[found])
    }

    /// The type of the member `name`, declared or not.
    pub(crate) fn member(&self, name: &str) -> Option<&Type> {
        self.field(name)
            .map(|field| &field.typ)
            .or(self.element.as_ref())
    }
}

impl Relation {
    pub(crate) fn of(schema: &Value, patch: &PatchStrategy) -> Self {
        match schema.str_at(&["x-kubernetes-list-type"]) {
            Some("set") => Self::Set,
            Some("map") => Self::Keyed(texts(schema.get("x-kubernetes-list-map-keys"))),
            Some(_) => Self::Atomic,
            None if patch.merge => patch
                .merge_key
                .clone()
                .map_or(Self::Set, |key| Self::Keyed(vec![key])),
            None => Self::Atomic,
        }
    }
}

impl PatchStrategy {
    fn of(schema: &Value) -> Self {
        let strategies = schema
            .str_at(&["x-kubernetes-patch-strategy"])
            .unwrap_or("");
        let has = |wanted: &str| strategies.split(',').any(|strategy| strategy == wanted);
        Self {
            merge: has("merge"),
            retain_keys: has("retainKeys"),
            merge_key: schema
                .str_at(&["x-kubernetes-patch-merge-key"])
                .map(Into::into),
            replace: has("replace"),
        }
    }
}

fn texts(list: Option<&Value>) -> Vec<Text> {
    let items = list.and_then(Value::as_list).unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect()
}

/// The atom of a named built-in definition.
pub(crate) fn parse_definition(name: &str, schema: &Value) -> Atom {
    match name {
        QUANTITY => Atom {
            scalar: Some(Scalar::Untyped),
            format: Format::Quantity,
            ..Atom::default()
        },
        RAW_EXTENSION => UNTYPED.clone(),
        _ => parse_atom(schema),
    }
}

fn parse_atom(schema: &Value) -> Atom {
    match schema.str_at(&["type"]) {
        Some("object") => Atom {
            map: Some(parse_map(schema)),
            format: Format::Opaque,
            ..Atom::default()
        },
        Some("array") => Atom {
            list: Some(parse_list(schema)),
            ..Atom::default()
        },
        Some(primitive) => {
            let (scalar, format) =
                primitive_of(primitive, schema.str_at(&["format"]).unwrap_or(""));
            Atom {
                scalar: Some(scalar),
                format,
                ..Atom::default()
            }
        }
        None => {
            let int_or_string = schema.str_at(&["format"]) == Some("int-or-string");
            Atom {
                scalar: Some(Scalar::Untyped),
                list: Some(parse_list(schema)),
                map: Some(parse_map(schema)),
                format: if int_or_string {
                    Format::IntOrString
                } else {
                    Format::Opaque
                },
            }
        }
    }
}

/// The merge scalar of a JSON type and format, and what it holds.
pub(crate) fn primitive_of(primitive: &str, format: &str) -> (Scalar, Format) {
    match (primitive, format) {
        ("integer", "int32") => (Scalar::Numeric, Format::Int32),
        ("integer", _) => (Scalar::Numeric, Format::Int64),
        ("number", _) => (Scalar::Numeric, Format::Double),
        ("boolean", _) => (Scalar::Boolean, Format::Boolean),
        ("string", "") => (Scalar::String, Format::String),
        ("string", "byte") => (Scalar::String, Format::Bytes),
        ("string", "date-time") => (Scalar::Untyped, Format::Time),
        ("string", _) => (Scalar::Untyped, Format::String),
        _ => (Scalar::Untyped, Format::Opaque),
    }
}

fn parse_list(schema: &Value) -> ListType {
    let element = schema.get("items").map_or(Type::untyped(), parse_type);
    ListType {
        element,
        relation: Relation::of(schema, &PatchStrategy::of(schema)),
    }
}

fn parse_map(schema: &Value) -> MapType {
    let properties = schema.get("properties").and_then(Value::as_map);
    let required = texts(schema.get("required"));
    let fields: Vec<Field> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| Field {
            name: name.clone(),
            typ: parse_type(property),
            default: property.get("default").cloned(),
            patch: PatchStrategy::of(property),
            required: required.contains(name),
        })
        .collect();
    let element = match schema.get("additionalProperties") {
        Some(Value::Bool(false)) => None,
        Some(Value::Bool(true)) => Some(Type::deduced()),
        Some(element) => Some(parse_type(element)),
        None => fields.is_empty().then(Type::deduced),
    };
    MapType {
        fields,
        element,
        atomic: schema.str_at(&["x-kubernetes-map-type"]) == Some("atomic"),
    }
}

fn parse_type(schema: &Value) -> Type {
    let reference = schema
        .str_at(&["$ref"])
        .and_then(|name| Schemas::builtin().index_of(name));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the table has hundreds of rows"
    )]
    match reference.map(|index| index as u32) {
        Some(index) if schema.str_at(&["x-kubernetes-map-type"]) == Some("atomic") => {
            Type(Target::BuiltinAtomic(index))
        }
        Some(index) => Type(Target::Builtin(index)),
        None => Type::inline(parse_atom(schema)),
    }
}
