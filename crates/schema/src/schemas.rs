//! The built-in types and resources, read from data that is part of the
//! program; each type is parsed when it is first asked for.

use crate::resources::Resource;
use crate::types::{Atom, Type, parse_definition};
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};
use trueup_object::{GroupVersionKind, Value, from_json};

static BUILTIN: LazyLock<Schemas> =
    LazyLock::new(|| Schemas::read(include_str!("../data/types.tsv")));
static RESOURCES: LazyLock<Vec<Resource>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/resources.json"))
        .expect("the table is part of the program and tested")
});

/// All built-in types of Kubernetes 1.36.
#[derive(Debug)]
pub struct Schemas {
    definitions: Vec<Definition>,
    by_kind: HashMap<&'static str, usize>,
}

/// One named type.
#[derive(Debug)]
pub(crate) struct Definition {
    name: &'static str,
    kinds: &'static str,
    json: &'static str,
    value: OnceLock<Value>,
    atom: OnceLock<Atom>,
    atomic: OnceLock<Atom>,
}

impl Schemas {
    /// The one table of the program. The first call takes well under a
    /// millisecond; types are parsed on first use.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    fn read(table: &'static str) -> Self {
        let mut definitions = Vec::with_capacity(600);
        let mut by_kind = HashMap::with_capacity(200);
        for line in table.lines() {
            let mut cells = line.splitn(3, '\t');
            let (Some(name), Some(kinds), Some(json)) = (cells.next(), cells.next(), cells.next())
            else {
                continue;
            };
            let kinds = if kinds == "-" { "" } else { kinds };
            for kind in kinds.split(',').filter(|kind| !kind.is_empty()) {
                by_kind.insert(kind, definitions.len());
            }
            let (value, atom, atomic) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
            definitions.push(Definition {
                name,
                kinds,
                json,
                value,
                atom,
                atomic,
            });
        }
        Self {
            definitions,
            by_kind,
        }
    }

    /// The type of a built-in kind; `None` for a kind that is none.
    #[must_use]
    pub fn type_for(&self, gvk: &GroupVersionKind) -> Option<Type> {
        let key = format!("{}/{}/{}", gvk.group, gvk.version, gvk.kind);
        self.by_kind
            .get(key.as_str())
            .map(|index| Type::builtin(*index))
    }

    /// The type called `name`, such as `io.k8s.api.core.v1.PodSpec`.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<Type> {
        self.index_of(name).map(Type::builtin)
    }

    /// The name of the definition of a built-in kind.
    #[must_use]
    pub fn definition_name(&self, gvk: &GroupVersionKind) -> Option<&'static str> {
        let key = format!("{}/{}/{}", gvk.group, gvk.version, gvk.kind);
        self.by_kind
            .get(key.as_str())
            .map(|index| self.definitions[*index].name)
    }

    /// The schema called `name` as OpenAPI v3 without descriptions; a `$ref`
    /// in it holds a bare definition name.
    #[must_use]
    pub fn definition(&self, name: &str) -> Option<&Value> {
        self.index_of(name)
            .map(|index| self.definitions[index].value())
    }

    /// All definitions in order of name: name and compact JSON text.
    pub fn definitions(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.definitions
            .iter()
            .map(|definition| (definition.name, definition.json))
    }

    /// The kinds that a definition is the type of, `group/version/Kind` each.
    pub fn kinds_of(&self, name: &str) -> impl Iterator<Item = &'static str> + '_ {
        let kinds = self
            .index_of(name)
            .map_or("", |index| self.definitions[index].kinds);
        kinds.split(',').filter(|kind| !kind.is_empty())
    }

    /// The rows of discovery, in the order of the data.
    #[must_use]
    pub fn resources(&self) -> &'static [Resource] {
        &RESOURCES
    }

    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.definitions
            .binary_search_by(|definition| definition.name.cmp(name))
            .ok()
    }

    pub(crate) fn atom(&self, index: usize) -> &Atom {
        let definition = &self.definitions[index];
        definition
            .atom
            .get_or_init(|| parse_definition(definition.name, definition.value()))
    }

    /// The same type where a field that refers to it declares it atomic.
    pub(crate) fn atomic_atom(&self, index: usize) -> &Atom {
        self.definitions[index]
            .atomic
            .get_or_init(|| self.atom(index).clone().into_atomic())
    }

    pub(crate) fn name(&self, index: usize) -> &'static str {
        self.definitions[index].name
    }
}

impl Definition {
    fn value(&self) -> &Value {
        self.value.get_or_init(|| {
            from_json(self.json.as_bytes()).expect("the table is part of the program and tested")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_and_every_resource_can_be_read() {
        let schemas = Schemas::builtin();
        assert!(schemas.definitions.is_sorted_by(|a, b| a.name < b.name));
        for (index, definition) in schemas.definitions.iter().enumerate() {
            assert!(definition.value().as_map().is_some(), "{}", definition.name);
            let _ = (schemas.atom(index), schemas.atomic_atom(index));
        }
        for row in schemas.resources() {
            assert!(schemas.type_for(&row.gvk()).is_some(), "{}", row.gvk());
        }
        assert!(
            schemas
                .kinds_of("io.k8s.api.apps.v1.Deployment")
                .eq(["apps/v1/Deployment"])
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(schemas: &Schemas, value: &Value) {
            match value {
                Value::Map(map) => {
                    if let Some(name) = value.str_at(&["$ref"]) {
                        assert!(schemas.index_of(name).is_some(), "{name}");
                    }
                    map.values().for_each(|value| check(schemas, value));
                }
                Value::List(list) => list.iter().for_each(|value| check(schemas, value)),
                _ => {}
            }
        }
        let schemas = Schemas::builtin();
        schemas
            .definitions
            .iter()
            .for_each(|definition| check(schemas, definition.value()));
    }
}
