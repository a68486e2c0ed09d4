//! What a build lacks, and what it is told.

use crate::charts::ChartInflation;
use crate::remote::{RemoteRepository, shown_url};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use trueup_artifact::FileTree;
use trueup_object::{Position, Text};

/// Something outside of the tree that a build can't do without.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The files of a Git repository; answered by [`Answer::Tree`]. Roots in
    /// one repository at one reference share a need.
    Repository(RemoteRepository),
    /// A file of a web server; answered by [`Answer::Bytes`].
    File {
        /// Its URL as written.
        url: Text,
    },
    /// The manifests of a chart; answered by [`Answer::Bytes`], a YAML text.
    Chart(Box<ChartInflation>),
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(repository) => write!(formatter, "the Git repository {repository}"),
            Self::File { url } => write!(formatter, "the file {}", shown_url(url)),
            Self::Chart(chart) => write!(formatter, "the chart {:?}", chart.name),
        }
    }
}

/// A need and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedNeed {
    /// What is needed.
    pub need: Need,
    /// File and line that first ask for it.
    pub position: Position,
}

/// What came of a need.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The files of a repository.
    Tree(Arc<dyn FileTree>),
    /// A file, or manifests.
    Bytes(Bytes),
    /// Nothing, and why.
    Failed(String),
}

/// The answers that a build is given.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    by_need: BTreeMap<Need, Answer>,
}

impl Answers {
    /// None.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Answers = Answers {
            by_need: BTreeMap::new(),
        };
        &NONE
    }

    /// Adds an answer, in the place of one that was there.
    pub fn insert(&mut self, need: Need, answer: Answer) {
        self.by_need.insert(need, answer);
    }

    /// The answer to a need; `None` if there is none yet.
    #[must_use]
    pub fn get(&self, need: &Need) -> Option<&Answer> {
        self.by_need.get(need)
    }

    /// All of them, sorted by need.
    pub fn iter(&self) -> impl Iterator<Item = (&Need, &Answer)> {
        self.by_need.iter()
    }

    /// The answers to these needs alone.
    #[must_use]
    pub fn only<'n>(&self, needs: impl IntoIterator<Item = &'n Need>) -> Self {
        let known = needs.into_iter().filter_map(|need| {
            let answer = self.get(need)?;
            Some((need.clone(), answer.clone()))
        });
        Self {
            by_need: known.collect(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_need.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_need.is_empty()
    }
}
