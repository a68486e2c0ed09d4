//! Bare repositories, made and written without a checkout.

use crate::GitServerError;
use crate::command::Git;
use crate::push::Refs;
use bytes::Bytes;
use std::fs;
use std::path::{Path, PathBuf};

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The person's name.
    pub name: String,
    /// The person's address.
    pub email: String,
}

/// A change of one file in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// The file has this content from now on.
    Write {
        /// The path in the tree, parted by slashes.
        path: String,
        /// The whole content.
        content: Bytes,
    },
    /// The file or folder is gone from now on.
    Remove {
        /// The path in the tree, parted by slashes.
        path: String,
    },
}

impl FileChange {
    /// A file and its content.
    #[must_use]
    pub fn write(path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self::Write {
            path: path.into(),
            content: content.into(),
        }
    }

    /// A file or folder that goes.
    #[must_use]
    pub fn remove(path: impl Into<String>) -> Self {
        Self::Remove { path: path.into() }
    }
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The branch, such as `main`.
    pub branch: String,
    /// What changes against the branch as it is.
    pub changes: Vec<FileChange>,
    /// Who commits.
    pub author: Author,
    /// When, in seconds since 1970 UTC.
    pub time_seconds: i64,
    /// The message.
    pub message: String,
}

/// A bare repository.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
    git: Git,
}

impl Repository {
    /// Makes a bare repository whose branch `main` has one commit with these
    /// files. It appears complete or not at all. The same arguments make the
    /// same commit.
    pub async fn init(
        path: &Path,
        files: &[(&str, &[u8])],
        author: &Author,
        time_seconds: i64,
    ) -> Result<Self, GitServerError> {
        let git = Git::new("git".as_ref());
        let commit = Commit {
            branch: "main".to_owned(),
            changes: files
                .iter()
                .map(|(path, content)| FileChange::write(*path, content.to_vec()))
                .collect(),
            author: author.clone(),
            time_seconds,
            message: "Initial commit\n".to_owned(),
        };
        Self::create(git, path, Some(&commit)).await
    }

    pub(crate) async fn create(
        git: Git,
        path: &Path,
        first: Option<&Commit>,
    ) -> Result<Self, GitServerError> {
        if path.exists() {
            return Err(GitServerError::Exists {
                path: path.to_owned(),
            });
        }
        let parent = path.parent().unwrap_or(Path::new("."));
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let making = parent.join(format!(".making-{name}"));
        let file = |operation, path: &Path| {
            let path = path.to_owned();
            move |source| GitServerError::File {
                operation,
                path,
                source,
            }
        };
        fs::create_dir_all(parent).map_err(file("create", parent))?;
        if making.exists() {
            fs::remove_dir_all(&making).map_err(file("remove", &making))?;
        }
        let repository = Self {
            path: making.clone(),
            git: git.clone(),
        };
        repository
            .git
            .run(
                &making,
                &[
                    "init",
                    "--quiet",
                    "--bare",
                    "--template=",
                    "--initial-branch=main",
                ],
                b"",
            )
            .await?;
        if let Some(commit) = first {
            repository.commit(commit).await?;
        }
        fs::rename(&making, path).map_err(file("rename", &making))?;
        Ok(Self {
            path: path.to_owned(),
            git,
        })
    }

    /// Opens a repository that is there.
    pub fn open(path: &Path) -> Result<Self, GitServerError> {
        Self::open_with(Git::new("git".as_ref()), path)
    }

    pub(crate) fn open_with(git: Git, path: &Path) -> Result<Self, GitServerError> {
        if !path.join("HEAD").is_file() {
            return Err(GitServerError::Missing {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            git,
        })
    }

    /// The folder of the repository.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a commit to a branch, which starts with it if it is new, and
    /// returns the commit's id.
    pub async fn commit(&self, commit: &Commit) -> Result<String, GitServerError> {
        let reference = format!("refs/heads/{}", commit.branch);
        let exists = self.refs().await?.contains_key(&reference);
        let stream = import_stream(commit, &reference, exists)?;
        self.git
            .run(
                &self.path,
                &["fast-import", "--quiet", "--date-format=raw"],
                &stream,
            )
            .await?;
        let id = self
            .git
            .run(&self.path, &["rev-parse", "--verify", &reference], b"")
            .await?;
        Ok(String::from_utf8_lossy(&id).trim().to_owned())
    }

    /// All references and the objects they point at.
    pub(crate) async fn refs(&self) -> Result<Refs, GitServerError> {
        let arguments = ["for-each-ref", "--format=%(objectname) %(refname)"];
        let output = self.git.run(&self.path, &arguments, b"").await?;
        let text = String::from_utf8_lossy(&output);
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(id, name)| (name.to_owned(), id.to_owned()))
            .collect())
    }
}

/// The commit in the language of `git fast-import`.
fn import_stream(
    commit: &Commit,
    reference: &str,
    exists: bool,
) -> Result<Vec<u8>, GitServerError> {
    let line = |text: &str| text.contains(['\n', '\0', '<', '>']);
    let refuse = |path: &str, reason| {
        Err(GitServerError::Commit {
            path: path.to_owned(),
            reason,
        })
    };
    if line(&commit.author.name) || line(&commit.author.email) || line(reference) {
        return refuse(reference, "a name holds a line break or an angle bracket");
    }
    let mut out = Vec::new();
    let Author { name, email } = &commit.author;
    let header = format!(
        "commit {reference}\ncommitter {name} <{email}> {} +0000\n",
        commit.time_seconds
    );
    out.extend_from_slice(header.as_bytes());
    push_data(&mut out, commit.message.as_bytes());
    if exists {
        out.extend_from_slice(format!("from {reference}^0\n").as_bytes());
    }
    for change in &commit.changes {
        let path = match change {
            FileChange::Write { path, .. } | FileChange::Remove { path } => path,
        };
        if !is_tree_path(path) {
            return refuse(path, "no path of a file in a tree");
        }
        match change {
            FileChange::Write { content, .. } => {
                out.extend_from_slice(format!("M 100644 inline {}\n", quoted(path)).as_bytes());
                push_data(&mut out, content);
            }
            FileChange::Remove { .. } => {
                out.extend_from_slice(format!("D {}\n", quoted(path)).as_bytes())
            }
        }
    }
    out.extend_from_slice(b"done\n");
    Ok(out)
}

fn push_data(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("data {}\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.push(b'\n');
}

fn is_tree_path(path: &str) -> bool {
    path.split('/').all(|part| {
        !matches!(part, "" | "." | "..")
            && !part.eq_ignore_ascii_case(".git")
            && !part.contains('\0')
    })
}

fn quoted(path: &str) -> String {
    let escaped = path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
