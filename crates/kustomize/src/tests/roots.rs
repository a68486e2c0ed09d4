//! Kustomization roots of public repositories, built again and compared by
//! digest. `TRUEUP_KUSTOMIZE_ROOTS` is a folder with the repositories as
//! `OWNER+NAME`; without it these are skipped.

use super::recorded::{asked, cases};
use crate::{BuildOptions, LoadRestrictor, Order, build};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use trueup_artifact::{ContentId, Entry, FileTree, TreeError, TreePath};
use trueup_object::Value;

/// Roots that are built otherwise, and why.
const KNOWN: [(&str, &str); 2] = [
    (
        "fluxcd/pkg kustomize/testdata/panic",
        "kustomize crashes on annotations that mean nothing here",
    ),
    (
        "fluxcd/flux2 cmd/flux/testdata/build-kustomization/podinfo",
        "the recorder lacked a file that the repository has",
    ),
];

/// A folder on disk; links lead where they lead within it.
#[derive(Debug)]
struct DiskTree {
    root: PathBuf,
}

impl DiskTree {
    fn at(&self, path: &TreePath) -> PathBuf {
        self.root.join(path.as_str())
    }

    fn first_link(&self, path: &TreePath) -> Option<(TreePath, String)> {
        let mut here = TreePath::root();
        for segment in path.segments() {
            here = here.child(segment)?;
            if let Ok(target) = std::fs::read_link(self.at(&here)) {
                return Some((here, target.to_string_lossy().into_owned()));
            }
        }
        None
    }

    fn id() -> ContentId {
        ContentId::Sha256([0; 32])
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "public roots are read from disk in tests"
)]
impl FileTree for DiskTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        if let Some((link, target)) = self.first_link(path) {
            if link == *path {
                return Ok(Some(Entry::Symlink { target }));
            }
            return Err(TreeError::Symlink { path: link, target });
        }
        let Ok(metadata) = std::fs::metadata(self.at(path)) else {
            return Ok(None);
        };
        Ok(Some(if metadata.is_dir() {
            Entry::Directory { id: None }
        } else {
            Entry::File {
                size_bytes: metadata.len(),
                executable: false,
                id: Self::id(),
            }
        }))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        Err(TreeError::NotADirectory { path: path.clone() })
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        std::fs::read(self.at(path))
            .map(Bytes::from)
            .map_err(|_| TreeError::NotFound { path: path.clone() })
    }
}

fn made(folder: &str, case: &Value) -> Result<String, String> {
    let repository = case.str_at(&["repo"]).unwrap().replace('/', "+");
    let tree = DiskTree {
        root: PathBuf::from(folder).join(repository),
    };
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        order: match case.str_at(&["order"]) {
            Some("fifo") => Order::Fifo,
            _ => Order::Legacy,
        },
        ..BuildOptions::default()
    };
    let path = TreePath::parse(case.str_at(&["path"]).unwrap()).unwrap();
    build(&tree, &path, None, &options)
        .and_then(|made| made.to_yaml())
        .map_err(|error| error.to_string())
}

#[test]
fn public_roots_are_built_to_the_byte() {
    let (Some(folder), Some(cases)) = (asked("TRUEUP_KUSTOMIZE_ROOTS"), cases("roots")) else {
        println!(
            "skipped: kustomize roots: TRUEUP_KUSTOMIZE_ROOTS names no folder of repositories"
        );
        return;
    };
    let only = asked("TRUEUP_RECORDED_ONLY");
    let mut differing = Vec::new();
    let mut agreed = 0;
    for case in &cases {
        let (repository, path) = (case.str_at(&["repo"]), case.str_at(&["path"]));
        let name = format!("{} {}", repository.unwrap(), path.unwrap());
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        match (made(&folder, case), case.str_at(&["sha256"])) {
            (Ok(text), Some(wanted)) => {
                let digest = Sha256::digest(text.as_bytes());
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                match hex == wanted {
                    true => agreed += 1,
                    false => differing.push(format!("{name}: other bytes")),
                }
            }
            (Err(_), None) => agreed += 1,
            (Err(error), Some(_)) => differing.push(format!("{name}: {error}")),
            (Ok(_), None) => differing.push(format!(
                "{name}: no error, expected {:?}",
                case.get("error")
            )),
        }
    }
    println!(
        "recorded cases: kustomize roots: {} ran, 0 skipped, {agreed} agreed",
        agreed + differing.len()
    );
    let is_known = |line: &String| {
        let mut known = KNOWN.iter();
        known.any(|(name, _)| line.starts_with(&format!("{name}: ")))
    };
    let new: Vec<&String> = differing.iter().filter(|line| !is_known(line)).collect();
    assert!(new.is_empty(), "{new:#?}");
}
