//! The resources of a build in order.

use crate::BuildError;
use crate::id::ResourceId;
use crate::resource::{Behavior, Resource};
use std::collections::HashMap;

/// Resources in the order in which they came, no id twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    list: Vec<Resource>,
    /// The place of the resource that has an id; `None` where ids may have
    /// changed since it was made.
    places: Option<HashMap<ResourceId, usize>>,
    /// The places of those that have or had an id, likewise.
    all_places: Option<HashMap<ResourceId, Vec<usize>>>,
}

impl Resources {
    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.list.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.forget_places();
        self.list.iter_mut()
    }

    pub fn as_slice(&self) -> &[Resource] {
        &self.list
    }

    pub fn as_mut_slice(&mut self) -> &mut [Resource] {
        self.forget_places();
        &mut self.list
    }

    /// The resource at a place, for a change that leaves its id and its
    /// history as they are.
    pub fn at_place_mut(&mut self, place: usize) -> &mut Resource {
        &mut self.list[place]
    }

    /// Ids have changed.
    pub fn forget_places(&mut self) {
        self.places = None;
        self.all_places = None;
    }

    pub fn into_vec(self) -> Vec<Resource> {
        self.list
    }

    /// Takes a list whose ids may be the same twice, as transformers leave it.
    pub fn from_vec_unchecked(list: Vec<Resource>) -> Self {
        Self {
            list,
            ..Self::default()
        }
    }

    /// Puts resources behind all others; an id that is there already is
    /// refused.
    pub fn append(&mut self, more: impl IntoIterator<Item = Resource>) -> Result<(), BuildError> {
        let places = self
            .places
            .get_or_insert_with(|| present_places(&self.list));
        for resource in more {
            let id = resource.id();
            let place = self.list.len();
            if let Some(first) = places.insert(id.key(), place) {
                return Err(BuildError::AlreadyRegistered {
                    id: id.to_string(),
                    first: self.list[first].position.clone(),
                    second: resource.position.clone(),
                });
            }
            if let Some(all_places) = &mut self.all_places {
                note_place(all_places, &resource, place);
            }
            self.list.push(resource);
        }
        Ok(())
    }

    /// Checks again that no id is there twice, and drops what patches deleted.
    pub fn settle(&mut self) -> Result<(), BuildError> {
        let list = std::mem::take(self).into_vec();
        self.append(list.into_iter().filter(|resource| !resource.is_gone()))
    }

    /// Drops what patches deleted.
    pub fn drop_gone(&mut self) {
        let before = self.list.len();
        self.list.retain(|resource| !resource.is_gone());
        if self.list.len() < before {
            self.forget_places();
        }
    }

    /// Takes what a generator made: new resources go behind all others, the
    /// other behaviours change the one that has or had the id.
    pub fn absorb(&mut self, made: Vec<Resource>) -> Result<(), BuildError> {
        made.into_iter()
            .try_for_each(|resource| self.absorb_one(resource))
    }

    fn absorb_one(&mut self, mut made: Resource) -> Result<(), BuildError> {
        let id = made.id();
        let refused = |message: String| BuildError::Generator {
            position: made.position.clone(),
            message,
        };
        let matches = self.matching(&id);
        match (matches.as_slice(), made.behavior) {
            ([], Behavior::Merge | Behavior::Replace) => Err(refused(format!(
                "id {id} does not exist; cannot merge or replace"
            ))),
            ([], _) => self.append([made]),
            ([place], Behavior::Replace) => {
                take_metadata(&mut made, &self.list[*place]);
                self.as_mut_slice()[*place] = made;
                Ok(())
            }
            ([place], Behavior::Merge) => {
                merge_data(&mut made, &self.list[*place]);
                self.as_mut_slice()[*place] = made;
                Ok(())
            }
            ([_], behavior) => Err(refused(format!(
                "id {id} exists; can not use behavior: '{}', behavior must be merge or replace",
                behavior.name()
            ))),
            (many, _) => Err(refused(format!(
                "found {} objects that could accept a merge of {id}",
                many.len()
            ))),
        }
    }

    /// The places of the resources that have or had this id.
    pub fn matching(&mut self, id: &ResourceId) -> Vec<usize> {
        let all_places = self
            .all_places
            .get_or_insert_with(|| all_places(&self.list));
        all_places.get(&id.key()).cloned().unwrap_or_default()
    }
}

fn present_places(list: &[Resource]) -> HashMap<ResourceId, usize> {
    let all = list.iter().enumerate();
    all.map(|(place, resource)| (resource.id().key(), place))
        .collect()
}

fn all_places(list: &[Resource]) -> HashMap<ResourceId, Vec<usize>> {
    let mut all_places = HashMap::new();
    for (place, resource) in list.iter().enumerate() {
        note_place(&mut all_places, resource, place);
    }
    all_places
}

/// Adds the ids that a resource has and had.
fn note_place(all_places: &mut HashMap<ResourceId, Vec<usize>>, resource: &Resource, place: usize) {
    let previous = resource.previous.iter().map(ResourceId::key);
    for id in previous.chain([resource.id().key()]) {
        let places = all_places.entry(id).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }
}

/// Labels and annotations of both, the maker's own first; name, namespace and
/// history of the older one.
fn take_metadata(made: &mut Resource, old: &Resource) {
    for place in ["labels", "annotations"] {
        merge_texts(made, old, &["metadata", place]);
    }
    for field in ["name", "namespace"] {
        match old.node.at(&["metadata", field]) {
            Some(value) => made.node.set_at(&["metadata", field], value.clone()),
            None => {
                made.node.remove_at(&["metadata", field]);
            }
        }
    }
    made.needs_hash &= old.needs_hash;
    made.previous.clone_from(&old.previous);
    made.prefixes.clone_from(&old.prefixes);
    made.suffixes.clone_from(&old.suffixes);
    made.referred_by.clone_from(&old.referred_by);
    made.behavior = old.behavior;
    made.variables.clone_from(&old.variables);
}

fn merge_data(made: &mut Resource, old: &Resource) {
    take_metadata(made, old);
    for place in ["data", "binaryData"] {
        merge_texts(made, old, &[place]);
    }
    if old.origin.is_some() {
        made.origin.clone_from(&old.origin);
    }
}

/// Adds the members of the older map that the new one lacks.
fn merge_texts(made: &mut Resource, old: &Resource, path: &[&str]) {
    let Some(older) = old.node.at(path).and_then(|node| node.as_map()) else {
        return;
    };
    for (key, value) in older.iter() {
        let full: Vec<&str> = path.iter().copied().chain([key]).collect();
        if made.node.at(&full).is_none() {
            made.node.set_at(&full, value.clone());
        }
    }
}

impl Behavior {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}
