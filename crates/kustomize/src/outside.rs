//! What a build takes from elsewhere: the answers that it is given, and what
//! it has to ask for.

use crate::inputs::{FetchedInput, FetchedState, InputLog};
use crate::needs::{Answer, Answers, AskedNeed, Need};
use crate::remote::{RemoteRepository, is_remote_file};
use crate::resource::Resource;
use crate::tracked::TrackedTree;
use crate::{BuildError, MAX_NEEDS};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trueup_artifact::TreePath;
use trueup_object::Position;

/// Answers, the needs that lack one, and what was made of the others.
pub(crate) struct Outside<'a> {
    answers: &'a Answers,
    asked: Vec<AskedNeed>,
    /// All that was needed so far, answered or not.
    needed: BTreeSet<Need>,
    used: BTreeMap<Need, Used>,
    /// The repository of the root that is being built, if it is not the
    /// tree that the build began in.
    pub repository: Option<RemoteRepository>,
}

enum Used {
    Tree(Arc<InputLog>),
    Other(FetchedState),
}

impl<'a> Outside<'a> {
    pub fn new(answers: &'a Answers) -> Self {
        Self {
            answers,
            asked: Vec::new(),
            needed: BTreeSet::new(),
            used: BTreeMap::new(),
            repository: None,
        }
    }

    /// A path of the current tree as messages name it.
    pub fn name_of(&self, path: &TreePath) -> String {
        match &self.repository {
            None => path.to_string(),
            Some(repository) => repository.file_name(path.as_str()),
        }
    }

    /// Names objects of files of the current tree as messages name them.
    pub fn name_objects(&self, objects: &mut [Resource]) {
        if let Some(repository) = &self.repository {
            for object in objects {
                let file = &mut object.position.file;
                *file = repository.file_name(file).into();
            }
        }
    }

    /// Asks for a file that will be read later, so that everything that can
    /// be known at once is asked for at once.
    pub fn foresee(&mut self, written: &str, position: &Position) -> Result<(), BuildError> {
        if !is_remote_file(written) {
            return Ok(());
        }
        self.foresee_need(file(written), position)
    }

    /// As [`Self::foresee`], for any need.
    pub fn foresee_need(&mut self, need: Need, position: &Position) -> Result<(), BuildError> {
        self.count(&need, position)?;
        if self.answers.get(&need).is_none() {
            self.ask(need, position);
        }
        Ok(())
    }

    /// Counts a need that is new. Answers that nothing asked for don't count:
    /// they may be those of a build before.
    fn count(&mut self, need: &Need, position: &Position) -> Result<(), BuildError> {
        if self.needed.contains(need) {
            return Ok(());
        }
        if self.needed.len() >= MAX_NEEDS {
            let cause = format!("more than {MAX_NEEDS} things from elsewhere are needed");
            return Err(failed(need, position, &cause));
        }
        self.needed.insert(need.clone());
        Ok(())
    }

    fn ask(&mut self, need: Need, position: &Position) {
        if self.asked.iter().all(|asked| asked.need != need) {
            self.asked.push(AskedNeed {
                need,
                position: position.clone(),
            });
        }
    }

    /// What has no answer yet, as the error that ends a build.
    pub fn needs(&self) -> BuildError {
        BuildError::NeedsInput {
            needs: self.asked.clone(),
        }
    }

    /// The tree of a repository.
    pub fn tree(
        &mut self,
        repository: &RemoteRepository,
        position: &Position,
    ) -> Result<TrackedTree<'a>, BuildError> {
        let need = Need::Repository(repository.clone());
        match self.answer(&need, position)? {
            Answer::Tree(tree) => {
                let before = match self.used.get(&need) {
                    Some(Used::Tree(log)) => Arc::clone(log),
                    _ => Arc::default(),
                };
                self.used.insert(need, Used::Tree(Arc::clone(&before)));
                Ok(TrackedTree::with_log(tree.as_ref(), before))
            }
            _ => Err(failed(&need, position, "the answer is no tree")),
        }
    }

    /// The file at a URL.
    pub fn file(&mut self, url: &str, position: &Position) -> Result<Bytes, BuildError> {
        self.bytes(file(url), position)
    }

    /// The answer to a need that is answered by bytes.
    pub fn bytes(&mut self, need: Need, position: &Position) -> Result<Bytes, BuildError> {
        match self.answer(&need, position)? {
            Answer::Bytes(bytes) => {
                let digest = Sha256::digest(bytes).into();
                let state = Used::Other(FetchedState::Bytes(digest));
                self.used.insert(need, state);
                Ok(bytes.clone())
            }
            _ => Err(failed(&need, position, "the answer is no file")),
        }
    }

    fn answer(&mut self, need: &Need, position: &Position) -> Result<&'a Answer, BuildError> {
        self.count(need, position)?;
        match self.answers.get(need) {
            None => {
                self.ask(need.clone(), position);
                Err(self.needs())
            }
            Some(Answer::Failed(why)) => {
                let state = Used::Other(FetchedState::Failed(why.clone()));
                self.used.insert(need.clone(), state);
                Err(failed(need, position, why))
            }
            Some(answer) => Ok(answer),
        }
    }

    /// What was used of the answers.
    pub fn inputs(&self) -> Vec<FetchedInput> {
        let used = self.used.iter().map(|(need, used)| FetchedInput {
            need: need.clone(),
            state: match used {
                Used::Tree(log) => FetchedState::Tree(log.inputs()),
                Used::Other(state) => state.clone(),
            },
        });
        used.collect()
    }
}

fn file(url: &str) -> Need {
    Need::File { url: url.into() }
}

fn failed(need: &Need, position: &Position, why: &str) -> BuildError {
    BuildError::Outside {
        position: position.clone(),
        what: need.to_string(),
        cause: why.to_owned(),
    }
}
