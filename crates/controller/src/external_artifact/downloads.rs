//! Which archives are being fetched, which could not be, and who waits.

use super::Unavailable;
use crate::machine::ObjectKey;
use crate::turns::{Turn, Turns};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use trueup_artifact::Checksum;
use trueup_object::Text;
use trueup_source::WebFetch;

/// How many archives are fetched at once.
pub const MAX_DOWNLOADS_AT_ONCE: usize = 4;
/// How many of them for the objects of one namespace: hosts that are slow on
/// purpose hold up their own namespace alone.
pub const MAX_DOWNLOADS_OF_NAMESPACE: usize = 2;
/// The pause after the first failure; it doubles with each that follows.
const LEAST_PAUSE_MS: u64 = 1_000;
/// The longest pause.
const LONGEST_PAUSE_MS: u64 = 30_000;

/// Whether artifacts that others make and serve may be sources.
#[derive(Clone, Debug, Default)]
pub enum ExternalArtifacts {
    /// They may not, as without Flux's gate `ExternalArtifact`.
    #[default]
    Refused,
    /// They may, and this fetches their archives.
    Allowed(Arc<dyn WebFetch>),
}

/// An archive as a status names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Where it is.
    pub url: Text,
    /// What it must be.
    pub digest: Checksum,
}

/// Whether a person asked: then a pause after a failure is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insistence {
    Usual,
    Asked,
}

/// What somebody finds who wants an archive.
pub(super) enum Entered {
    /// It could not be had, and is not tried again yet.
    Failed(Unavailable),
    /// It is on its way; the end of that to wait for.
    Wait(watch::Receiver<bool>),
    /// It is to be fetched.
    Fetch(Order),
}

/// The order to fetch an archive.
pub(super) struct Order {
    pub web: Arc<dyn WebFetch>,
    pub wanted: Wanted,
    pub stop: CancellationToken,
    pub tell: watch::Sender<bool>,
    pub done: watch::Receiver<bool>,
}

/// Why an archive could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is not where it should be.
    NotFound,
    /// Anything that may pass.
    Passing(String),
    /// It is there, and will never do.
    Lasting(String),
}

#[derive(Debug)]
struct Entry {
    wanted: Wanted,
    state: State,
    /// In a row.
    failures: u32,
    stop: CancellationToken,
}

#[derive(Debug)]
enum State {
    Fetching {
        done: watch::Receiver<bool>,
        /// Those who ended without it, to be woken.
        waiting: BTreeSet<ObjectKey>,
    },
    Failed {
        trouble: Trouble,
        /// When it is tried again on the controller's clock, if at all.
        again_ms: Option<u64>,
    },
}

/// The downloads of all objects, one an object.
#[derive(Debug)]
pub(crate) struct Downloads {
    access: ExternalArtifacts,
    entries: Mutex<BTreeMap<ObjectKey, Entry>>,
    turns: Turns,
}

impl Downloads {
    pub(crate) fn new(access: ExternalArtifacts) -> Self {
        Self {
            access,
            entries: Mutex::default(),
            turns: Turns::new(MAX_DOWNLOADS_AT_ONCE, MAX_DOWNLOADS_OF_NAMESPACE),
        }
    }

    /// Whether artifacts of others may be sources.
    pub(crate) fn are_allowed(&self) -> bool {
        matches!(self.access, ExternalArtifacts::Allowed(_))
    }

    /// Asks for the archive of a source. What is on its way in another version
    /// is given up.
    pub(super) fn enter(
        &self,
        source: &ObjectKey,
        wanted: &Wanted,
        insistence: Insistence,
        now_ms: u64,
    ) -> Entered {
        let ExternalArtifacts::Allowed(web) = &self.access else {
            return Entered::Failed(Unavailable::NotFound);
        };
        let mut entries = self.lock();
        let known = entries.get(source);
        let same = known.filter(|entry| entry.wanted == *wanted);
        match same.map(|entry| &entry.state) {
            // Who fetched may have ended with a panic: then nobody will tell.
            Some(State::Fetching { done, .. }) if done.has_changed().is_ok() => {
                return Entered::Wait(done.clone());
            }
            Some(State::Failed { trouble, again_ms })
                if insistence == Insistence::Usual && again_ms.is_none_or(|at| now_ms < at) =>
            {
                return Entered::Failed(trouble.as_told(*again_ms));
            }
            _ => {}
        }
        let failures = same.map_or(0, |entry| entry.failures);
        let waiting = match same.map(|entry| &entry.state) {
            Some(State::Fetching { waiting, .. }) => waiting.clone(),
            Some(State::Failed { .. }) | None => BTreeSet::new(),
        };
        if let Some(entry) = known {
            entry.stop.cancel();
        }
        let (tell, done) = watch::channel(false);
        let stop = CancellationToken::new();
        let entry = Entry {
            wanted: wanted.clone(),
            state: State::Fetching {
                done: done.clone(),
                waiting,
            },
            failures,
            stop: stop.clone(),
        };
        entries.insert(source.clone(), entry);
        Entered::Fetch(Order {
            web: Arc::clone(web),
            wanted: wanted.clone(),
            stop,
            tell,
            done,
        })
    }

    /// Notes how a download ended; answers whom that concerns. What was kept
    /// is found in the store, and need not be known here.
    pub(super) fn ended(
        &self,
        source: &ObjectKey,
        wanted: &Wanted,
        outcome: Result<(), Trouble>,
        now_ms: u64,
    ) -> BTreeSet<ObjectKey> {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(source).filter(|it| it.wanted == *wanted) else {
            return BTreeSet::new();
        };
        let waiting = match &mut entry.state {
            State::Fetching { waiting, .. } => std::mem::take(waiting),
            State::Failed { .. } => BTreeSet::new(),
        };
        match outcome {
            Ok(()) => {
                entries.remove(source);
            }
            Err(trouble) => {
                entry.failures = entry.failures.saturating_add(1);
                let again_ms = match trouble {
                    Trouble::Lasting(_) => None,
                    _ => Some(now_ms + pause_ms(entry.failures)),
                };
                entry.state = State::Failed { trouble, again_ms };
            }
        }
        waiting
    }

    /// What a run of `user` ends with that has waited; who goes without the
    /// archive is woken. `Ok` if it should be in the store.
    pub(super) fn conclude(
        &self,
        user: &ObjectKey,
        source: &ObjectKey,
        wanted: &Wanted,
    ) -> Result<(), Unavailable> {
        let mut entries = self.lock();
        let entry = entries.get_mut(source).filter(|it| it.wanted == *wanted);
        match entry.map(|entry| &mut entry.state) {
            None => Ok(()),
            Some(State::Fetching { waiting, .. }) => {
                waiting.insert(user.clone());
                Err(Unavailable::Pending)
            }
            Some(State::Failed { trouble, again_ms }) => Err(trouble.as_told(*again_ms)),
        }
    }

    /// Ends what is fetched for a source that is gone.
    pub(super) fn forget(&self, source: &ObjectKey) {
        if let Some(entry) = self.lock().remove(source) {
            entry.stop.cancel();
        }
    }

    /// Waits for a turn of the objects of a namespace.
    pub(super) async fn turn(&self, namespace: &Text) -> Option<Turn> {
        self.turns.turn(namespace).await
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Entry>> {
        // Every change is a single one; a panic elsewhere can't leave it half
        // done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trouble {
    fn as_told(&self, again_ms: Option<u64>) -> Unavailable {
        match self {
            Self::NotFound => Unavailable::NotFound,
            Self::Passing(message) | Self::Lasting(message) => Unavailable::Failed {
                message: message.clone(),
                again_ms,
            },
        }
    }
}

fn pause_ms(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    LONGEST_PAUSE_MS.min(LEAST_PAUSE_MS << doublings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Kind;
    use bytes::Bytes;
    use trueup_cluster::ClusterKey;
    use trueup_source::{BoxFuture, FetchError};

    #[derive(Debug)]
    struct Nowhere;

    impl WebFetch for Nowhere {
        fn fetch<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Bytes, FetchError>> {
            Box::pin(std::future::pending())
        }
    }

    fn key(kind: Kind, name: &str) -> ObjectKey {
        ObjectKey {
            cluster: ClusterKey::local(),
            kind,
            namespace: "fleet".into(),
            name: name.into(),
        }
    }

    fn wanted(url: &str) -> Wanted {
        Wanted {
            url: url.into(),
            digest: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        }
    }

    fn downloads() -> Downloads {
        Downloads::new(ExternalArtifacts::Allowed(Arc::new(Nowhere)))
    }

    fn order(downloads: &Downloads, wanted: &Wanted, now_ms: u64) -> Order {
        let source = key(Kind::ExternalArtifact, "web");
        match downloads.enter(&source, wanted, Insistence::Usual, now_ms) {
            Entered::Fetch(order) => order,
            _ => panic!("nothing is fetched at {now_ms}"),
        }
    }

    #[test]
    fn an_archive_is_fetched_once_and_all_who_wait_are_woken() {
        let (downloads, source) = (downloads(), key(Kind::ExternalArtifact, "web"));
        let wanted = wanted("http://a");
        let _order = order(&downloads, &wanted, 0);
        let again = downloads.enter(&source, &wanted, Insistence::Asked, 0);
        assert!(matches!(again, Entered::Wait(_)));
        let users = ["b", "a"].map(|name| key(Kind::Kustomization, name));
        for user in &users {
            let pending = downloads.conclude(user, &source, &wanted);
            assert_eq!(pending, Err(Unavailable::Pending));
        }
        let woken = downloads.ended(&source, &wanted, Ok(()), 5);
        assert_eq!(woken, BTreeSet::from(users.clone()));
        assert_eq!(downloads.conclude(&users[0], &source, &wanted), Ok(()));
    }

    #[test]
    fn another_archive_of_the_same_object_ends_the_download_of_the_old_one() {
        let (downloads, source) = (downloads(), key(Kind::ExternalArtifact, "web"));
        let old = order(&downloads, &wanted("http://a"), 0);
        let new = order(&downloads, &wanted("http://b"), 0);
        assert!(old.stop.is_cancelled() && !new.stop.is_cancelled());
        let late = downloads.ended(&source, &old.wanted, Err(Trouble::NotFound), 0);
        assert!(late.is_empty());
        let still = downloads.enter(&source, &new.wanted, Insistence::Usual, 0);
        assert!(matches!(still, Entered::Wait(_)));
        downloads.forget(&source);
        assert!(new.stop.is_cancelled());
    }

    #[test]
    fn pauses_after_failures_grow_to_half_a_minute_unless_a_person_asks() {
        let (downloads, source) = (downloads(), key(Kind::ExternalArtifact, "web"));
        let wanted = wanted("http://a");
        let mut now_ms = 0;
        for pause_ms in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let _order = order(&downloads, &wanted, now_ms);
            let trouble = Trouble::Passing("no answer".into());
            downloads.ended(&source, &wanted, Err(trouble), now_ms);
            let early = downloads.enter(&source, &wanted, Insistence::Usual, now_ms + 1);
            let Entered::Failed(Unavailable::Failed { again_ms, .. }) = early else {
                panic!("fetched too early");
            };
            now_ms += pause_ms;
            assert_eq!(again_ms, Some(now_ms));
        }
        let asked = downloads.enter(&source, &wanted, Insistence::Asked, now_ms - 1);
        assert!(matches!(asked, Entered::Fetch(_)));
    }

    #[test]
    fn an_archive_that_will_never_do_is_not_fetched_again() {
        let (downloads, source) = (downloads(), key(Kind::ExternalArtifact, "web"));
        let bad = wanted("http://a");
        let _order = order(&downloads, &bad, 0);
        let trouble = Trouble::Lasting("a bomb".into());
        downloads.ended(&source, &bad, Err(trouble), 0);
        let later = downloads.enter(&source, &bad, Insistence::Usual, u64::MAX);
        let expected = Unavailable::Failed {
            message: "a bomb".into(),
            again_ms: None,
        };
        assert!(matches!(later, Entered::Failed(why) if why == expected));
        let _other = order(&downloads, &wanted("http://b"), 1);
    }

    #[test]
    fn a_download_whose_task_is_gone_is_begun_anew() {
        let downloads = downloads();
        let wanted = wanted("http://a");
        drop(order(&downloads, &wanted, 0));
        let _anew = order(&downloads, &wanted, 0);
    }
}
