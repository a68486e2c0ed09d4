//! What is built.

use super::{corpus, engine};
use std::io::Read;
use std::path::{Path, PathBuf};
use trueup_artifact::TreePath;
use trueup_kustomize::Order;
use trueup_object::{Value, from_json};

/// A root in a folder of this machine.
pub struct Case {
    pub name: String,
    /// The folder of the tree.
    pub home: PathBuf,
    /// The root in it.
    pub path: TreePath,
    /// What the genuine engine took in process, in microseconds.
    pub genuine_us: Option<f64>,
    /// Whether it is a root of a public repository.
    pub is_public: bool,
    /// The order of what it makes.
    pub order: Order,
}

impl Case {
    /// Where the root is on this machine.
    pub fn folder(&self) -> PathBuf {
        self.home.join(self.path.as_str())
    }
}

/// The corpus that benches make themselves, written to a folder.
pub fn generated(home: &Path) -> Result<Vec<Case>, String> {
    let write = |case: corpus::Case| {
        let home = home.join(case.name.replace(' ', "-"));
        for (path, text) in &case.files {
            let place = home.join(path);
            let folder = place.parent().unwrap_or(&home);
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&place, text))
                .map_err(|error| format!("write {}: {error}", place.display()))?;
        }
        Ok(Case {
            name: case.name,
            home,
            path: case.folder,
            genuine_us: None,
            is_public: false,
            order: Order::Legacy,
        })
    };
    corpus::generated().into_iter().map(write).collect()
}

/// The roots of public repositories that are there, that the genuine engine
/// builds, and that ours builds to the same bytes; others are told.
pub fn recorded(roots: &Path, list: &Path) -> Result<Vec<Case>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("read {}: {error}", list.display());
    let file = std::fs::File::open(list).map_err(|error| failed(&error))?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .map_err(|error| failed(&error))?;
    let mut cases = Vec::new();
    let mut other = 0;
    for line in text.lines() {
        let row = from_json(line.as_bytes()).map_err(|error| failed(&error))?;
        let Some(digest) = row.str_at(&["sha256"]) else {
            continue;
        };
        let Some(case) = case_of(&row, roots).filter(|case| case.folder().is_dir()) else {
            continue;
        };
        match engine::digest(&case) {
            Ok(made) if made == digest => cases.push(case),
            _ => other += 1,
        }
    }
    println!(
        "{} public roots; {other} more are built otherwise here and left out\n",
        cases.len()
    );
    Ok(cases)
}

fn case_of(row: &Value, roots: &Path) -> Option<Case> {
    let (repository, path) = (row.str_at(&["repo"])?, row.str_at(&["path"])?);
    Some(Case {
        name: format!("{repository} {path}"),
        home: roots.join(repository.replace('/', "+")),
        path: TreePath::parse(path).ok()?,
        genuine_us: row
            .at(&["oracle_us"])
            .and_then(Value::as_i64)
            .and_then(|us| u32::try_from(us).ok())
            .map(f64::from),
        is_public: true,
        order: match row.str_at(&["order"]) {
            Some("fifo") => Order::Fifo,
            _ => Order::Legacy,
        },
    })
}
