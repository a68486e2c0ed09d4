//! What is known of the cluster.

use std::collections::BTreeMap;
use trueup_kinds::object_id;
use trueup_object::{ObjectRef, Text, Value};

/// What is known of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Observation {
    /// Nothing: it must be read first.
    #[default]
    Unread,
    /// It does not exist.
    Absent,
    /// The API has no such kind at present.
    KindUnknown,
    /// It is this, as the API returned it, `managedFields` included.
    Live(Value),
}

impl Observation {
    /// The object, if it exists.
    #[must_use]
    pub fn live(&self) -> Option<&Value> {
        match self {
            Self::Live(object) => Some(object),
            _ => None,
        }
    }
}

/// What is known of many objects; an object is the same in every version of
/// its group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    by_id: BTreeMap<Text, Observation>,
}

static UNREAD: Observation = Observation::Unread;

impl Observed {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes what is known of an object.
    pub fn insert(&mut self, object: &ObjectRef, observation: Observation) {
        self.by_id.insert(object_id(object), observation);
    }

    /// What is known of an object.
    #[must_use]
    pub fn get(&self, object: &ObjectRef) -> &Observation {
        self.by_id.get(&object_id(object)).unwrap_or(&UNREAD)
    }
}

impl FromIterator<(ObjectRef, Observation)> for Observed {
    fn from_iter<I: IntoIterator<Item = (ObjectRef, Observation)>>(items: I) -> Self {
        Self {
            by_id: items
                .into_iter()
                .map(|(object, seen)| (object_id(&object), seen))
                .collect(),
        }
    }
}
