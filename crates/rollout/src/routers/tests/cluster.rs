//! A cluster as large as a router's view of it.

use super::super::{Observed, Router, Write};
use trueup_object::{ObjectRef, Value};

/// Live objects that answer writes as the API does.
#[derive(Clone, Default)]
pub(super) struct Cluster {
    pub(super) live: Observed,
    writes: i64,
}

impl Cluster {
    pub(super) fn of(objects: Vec<Value>) -> Self {
        let mut cluster = Self::default();
        for object in objects {
            let reference = ObjectRef::of(&object).unwrap();
            cluster.live.insert(reference, object);
        }
        cluster
    }

    /// Takes writes in; one that the API would refuse is a failure.
    pub(super) fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            let reference = write.reference().unwrap();
            let live = self.live.get(&reference);
            let version = |object: &Value| {
                object
                    .str_at(&["metadata", "resourceVersion"])
                    .map(str::to_owned)
            };
            match write {
                Write::Create(object) => {
                    assert!(live.is_none(), "{reference} is there already");
                    assert_eq!(version(object), None, "{reference}");
                }
                Write::Replace(object) => {
                    let live = live.expect("only what is there can be replaced");
                    assert_eq!(version(object), version(live), "{reference}");
                }
            }
            self.writes += 1;
            let mut stored = write.object().clone();
            let number = self.writes.to_string();
            stored.set_at(&["metadata", "resourceVersion"], number.into());
            self.live.insert(reference, stored);
        }
    }

    /// Reconciles until nothing is left to do, which is after one time.
    pub(super) fn settle(&mut self, router: &Router<'_>) {
        self.apply(&router.reconcile(&self.live).unwrap());
        assert_eq!(router.reconcile(&self.live), Ok(Vec::new()));
    }

    /// The objects that the router looks at and that are there.
    pub(super) fn seen_by(&self, router: &Router<'_>) -> Vec<(ObjectRef, Value)> {
        let needs = router.needs().into_iter();
        needs
            .filter_map(|reference| {
                let object = self.live.get(&reference)?.clone();
                Some((reference, object))
            })
            .collect()
    }
}
