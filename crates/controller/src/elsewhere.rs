//! What builds need from outside of their source, fetched. `file://`
//! repositories are for the command line alone: in a cluster they would be
//! the controller's own files.

use futures::StreamExt as _;
use std::sync::Arc;
use trueup_render::{Answer, Answers, AskedNeed, Need, RemoteRepository};
use trueup_source::{
    FetchOutcome, GitFetch, GitLimits, GitReference, GitRequest, WebFetch, open_local,
};

/// How many fetches of one build run at once.
pub const MAX_FETCHES_AT_ONCE: usize = 8;
/// The longest time that the URL of a repository may ask for.
pub const MAX_REMOTE_TIMEOUT_MS: u64 = 300_000;

/// Fetches what builds need from elsewhere. Cheap to clone. Requests carry no
/// credentials but those that a URL holds itself.
#[derive(Clone, Debug)]
pub struct RemoteBases {
    access: Access,
    local: LocalRepositories,
}

#[derive(Clone, Debug)]
enum Access {
    Allowed {
        git: Arc<dyn GitFetch>,
        web: Option<Arc<dyn WebFetch>>,
    },
    Refused(&'static str),
}

/// Whether repositories of this machine may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LocalRepositories {
    Read,
    Refused,
}

impl RemoteBases {
    /// Repositories by a fetcher, no files of web servers.
    #[must_use]
    pub fn new(git: Arc<dyn GitFetch>) -> Self {
        Self {
            access: Access::Allowed { git, web: None },
            local: LocalRepositories::Refused,
        }
    }

    /// The same with files of web servers.
    #[must_use]
    pub fn with_web(mut self, fetcher: Arc<dyn WebFetch>) -> Self {
        if let Access::Allowed { web, .. } = &mut self.access {
            *web = Some(fetcher);
        }
        self
    }

    /// The same with `file://` repositories of this machine.
    #[must_use]
    pub fn with_local_repositories(self) -> Self {
        Self {
            local: LocalRepositories::Read,
            ..self
        }
    }

    /// Nothing at all, for this reason.
    #[must_use]
    pub fn refused(why: &'static str) -> Self {
        Self {
            access: Access::Refused(why),
            local: LocalRepositories::Refused,
        }
    }

    /// Adds the answers to these needs; what can't be had is an answer too.
    pub async fn answer(&self, needs: &[AskedNeed], answers: &mut Answers) {
        let needs = needs.iter().map(|asked| asked.need.clone());
        self.answer_again(needs.collect(), answers).await;
    }

    /// As [`Self::answer`], in the place of answers that are there.
    pub(crate) async fn answer_again(&self, needs: Vec<Need>, answers: &mut Answers) {
        let fetches = needs.into_iter().map(|need| async move {
            let answer = self.fetch(&need).await;
            (need, answer)
        });
        let mut fetched = futures::stream::iter(fetches).buffer_unordered(MAX_FETCHES_AT_ONCE);
        while let Some((need, answer)) = fetched.next().await {
            answers.insert(need, answer);
        }
    }

    async fn fetch(&self, need: &Need) -> Answer {
        let fetched = match (need, &self.access) {
            (Need::Chart(_), _) => {
                Err("helmCharts are not inflated by this version of Trueup".into())
            }
            (_, Access::Refused(why)) => Err((*why).to_owned()),
            (Need::Repository(repository), Access::Allowed { git, .. }) => {
                self.repository(repository, git.as_ref()).await
            }
            (Need::File { url }, Access::Allowed { web: Some(web), .. }) => {
                let fetched = web.fetch(url).await;
                fetched
                    .map(Answer::Bytes)
                    .map_err(|error| error.to_string())
            }
            (Need::File { .. }, Access::Allowed { web: None, .. }) => {
                Err("files of web servers are not fetched here".to_owned())
            }
        };
        fetched.unwrap_or_else(Answer::Failed)
    }

    async fn repository(
        &self,
        repository: &RemoteRepository,
        git: &dyn GitFetch,
    ) -> Result<Answer, String> {
        let scheme = repository.url.split_once("://").map(|(scheme, _)| scheme);
        let reference = GitReference::typed(repository.reference.as_deref().unwrap_or_default());
        match scheme {
            Some("http" | "https") => {
                let request = GitRequest {
                    reference,
                    timeout_ms: repository.timeout_ms.min(MAX_REMOTE_TIMEOUT_MS),
                    ..GitRequest::new(&repository.url)
                };
                match git.fetch(&request).await.map_err(|it| it.to_string())? {
                    FetchOutcome::Fetched(fetched) => Ok(Answer::Tree(fetched.tree)),
                    FetchOutcome::Unchanged { .. } => Err("nothing was fetched".to_owned()),
                }
            }
            Some("file") if self.local == LocalRepositories::Read => {
                let url = repository.url.clone();
                let open = move || open_local(&url, &reference, &GitLimits::default());
                let opened = tokio::task::spawn_blocking(open).await;
                let tree = opened.map_err(|error| error.to_string())?;
                tree.map(Answer::Tree).map_err(|error| error.to_string())
            }
            Some("file") => {
                Err("repositories of this machine are read on the command line alone".to_owned())
            }
            _ => Err("repositories over SSH are not served yet, use https".to_owned()),
        }
    }
}
