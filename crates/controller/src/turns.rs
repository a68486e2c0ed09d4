//! Turns at work that many want at the same time: so many at once, and fewer
//! of them for the objects of one namespace.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trueup_object::Text;

/// The turns at one kind of work.
#[derive(Debug)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    of_namespaces: Mutex<BTreeMap<Text, Arc<Semaphore>>>,
    of_one_namespace: usize,
}

/// A turn; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _held: [OwnedSemaphorePermit; 2],
}

impl Turns {
    /// So many turns at once, and so many of them for one namespace.
    pub(crate) fn new(at_once: usize, of_one_namespace: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(at_once)),
            of_namespaces: Mutex::default(),
            of_one_namespace,
        }
    }

    /// Waits for a turn of the objects of a namespace. `None` never comes:
    /// nobody closes the turns.
    pub(crate) async fn turn(&self, namespace: &Text) -> Option<Turn> {
        let own = self.turns_of(namespace).acquire_owned().await.ok()?;
        let any = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _held: [own, any] })
    }

    fn turns_of(&self, namespace: &Text) -> Arc<Semaphore> {
        let mut all = self
            .of_namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Who waits or has a turn holds on to it.
        all.retain(|_, turns| Arc::strong_count(turns) > 1);
        let turns = all
            .entry(namespace.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.of_one_namespace)));
        Arc::clone(turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_namespace_leaves_turns_to_others() {
        let turns = Turns::new(3, 2);
        let (a, b) = (Text::from("a"), Text::from("b"));
        let turn = |namespace: &Text| turns.turn(namespace).now_or_never().flatten();
        let held = [turn(&a).unwrap(), turn(&a).unwrap()];
        assert!(turn(&a).is_none(), "two of one namespace");
        let other = turn(&b).unwrap();
        assert!(turn(&b).is_none(), "three at once");
        drop(held);
        assert!(turn(&b).is_some() && turn(&a).is_some());
        drop(other);
        assert!(turn(&"c".into()).is_some());
        assert_eq!(
            turns.of_namespaces.lock().unwrap().len(),
            1,
            "who holds none is forgotten"
        );
    }
}
