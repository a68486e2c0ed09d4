//! A bare mirror on disk.
//!
//! ```text
//! <root>/<key>/<number>/          a bare repository, the highest number counts
//!     objects/pack/…              one pack for each fetch
//!     tips                        the commits that are here with all their files
//! ```
//!
//! A commit enters `tips` after its pack is in place, so a mirror that was
//! killed at any instant only lacks its last fetch. A repository that has seen
//! too many packs is made afresh under the next number; the old one goes when
//! the last tree that reads from it does.

use std::fs;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gix_hash::ObjectId;
use gix_object::FindHeader as _;

use super::protocol::PackRequest;
use crate::error::Failure;

/// A mirror with more packs is made afresh.
pub(crate) const MAX_PACKS: usize = 64;
/// A mirror whose packs were grown by fetches to more than this is made
/// afresh, unless its first pack alone was larger.
pub(crate) const MAX_GROWTH_BYTES: u64 = 512 << 20;
/// The file that lists the commits.
const TIPS: &str = "tips";
/// How many commits the remote is told of.
const MAX_HAVES: usize = 32;
/// How many indices the object database has room for.
const INDEX_SLOTS: u16 = 256;
/// The longest object that is decoded.
const MAX_OBJECT_BYTES: usize = 1 << 30;

/// One repository on disk; removed with its last user once it is superseded.
pub(crate) struct Repository {
    path: PathBuf,
    store: Arc<gix_odb::Store>,
    superseded: AtomicBool,
    suspect: AtomicBool,
}

/// A commit that is here with all its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tip {
    pub id: ObjectId,
    pub parents: Parents,
}

/// Whether the commit's past is here too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    Present,
    Missing,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Repository({})", self.path.display())
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        if self.superseded.load(Ordering::Acquire) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl Repository {
    /// Opens the newest repository below `folder` that holds a commit, if
    /// there is one, and removes what a killed process left behind.
    pub(crate) fn open_newest(folder: &Path) -> io::Result<Option<Arc<Self>>> {
        let mut newest = None;
        for number in numbers(folder)?.into_iter().rev() {
            let path = folder.join(number.to_string());
            if newest.is_none() && path.join(TIPS).exists() {
                newest = Some(path);
            } else {
                fs::remove_dir_all(path)?;
            }
        }
        let Some(path) = newest else {
            return Ok(None);
        };
        remove_leftovers(&path)?;
        Self::open(path).map(|repository| Some(Arc::new(repository)))
    }

    /// Makes an empty repository with the next number. It goes with its last
    /// user unless it is adopted.
    pub(crate) fn create(folder: &Path) -> io::Result<Arc<Self>> {
        let number = numbers(folder)?.last().map_or(1, |last| last + 1);
        let path = folder.join(number.to_string());
        fs::create_dir_all(path.join("objects/pack"))?;
        fs::create_dir_all(path.join("refs"))?;
        fs::write(path.join("HEAD"), "ref: refs/heads/none\n")?;
        let repository = Self::open(path)?;
        repository.supersede();
        Ok(Arc::new(repository))
    }

    /// A repository that was made is here to stay.
    pub(crate) fn adopt(&self) {
        self.superseded.store(false, Ordering::Release);
    }

    /// Opens a repository that nobody but its owner removes.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let options = gix_odb::store::init::Options {
            slots: gix_odb::store::init::Slots::Given(INDEX_SLOTS),
            use_multi_pack_index: false,
            alloc_limit_bytes: Some(MAX_OBJECT_BYTES),
            ..Default::default()
        };
        let none = &mut std::iter::empty();
        let store =
            gix_odb::Store::at_opts(path.join("objects"), gix_hash::Kind::Sha1, none, options)?;
        Ok(Repository {
            path,
            store: Arc::new(store),
            superseded: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
        })
    }

    /// A handle to the objects, for one thread.
    pub(crate) fn objects(&self) -> gix_odb::HandleArc {
        gix_odb::Cache::from(self.store.to_handle_arc())
    }

    /// Whether an object is here.
    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        matches!(self.objects().try_header(id), Ok(Some(_)))
    }

    /// The folder goes once nobody reads from it.
    pub(crate) fn supersede(&self) {
        self.superseded.store(true, Ordering::Release);
    }

    /// Something in here could not be read: the next fetch starts afresh.
    pub(crate) fn suspect(&self) {
        self.suspect.store(true, Ordering::Release);
    }

    /// Whether something in here could not be read.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Acquire)
    }

    /// Whether to make it afresh before the next fetch.
    pub(crate) fn is_worn(&self) -> bool {
        if self.is_suspect() {
            return true;
        }
        let Ok(mut sizes) = pack_sizes(&self.path) else {
            return true;
        };
        sizes.sort_unstable();
        let largest = sizes.last().copied().unwrap_or(0);
        let total: u64 = sizes.iter().sum();
        sizes.len() > MAX_PACKS || total - largest > MAX_GROWTH_BYTES.max(largest)
    }

    /// Where a pack is put down while it arrives.
    pub(crate) fn arrival(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new()
            .prefix("tmp_arriving_")
            .tempfile_in(self.path.join("objects/pack"))
    }

    /// Indexes a pack that has arrived and files it.
    pub(crate) fn install(
        &self,
        pack: &Path,
        max_object_bytes: usize,
        cancelled: &AtomicBool,
    ) -> Result<(), Failure> {
        let file = fs::File::open(pack).map_err(|error| Failure::storage("the pack", error))?;
        let options = gix_pack::bundle::write::Options {
            thread_limit: Some(2),
            iteration_mode: gix_pack::data::input::Mode::Verify,
            alloc_limit_bytes: Some(max_object_bytes),
            ..Default::default()
        };
        let outcome = gix_pack::Bundle::write_to_directory(
            &mut BufReader::with_capacity(1 << 16, file),
            Some(&self.path.join("objects/pack")),
            &mut gix_utils::progress::Discard,
            cancelled,
            Some(self.objects()),
            gix_hash::Kind::Sha1,
            options,
        )
        .map_err(|error| Failure::protocol(format!("the pack cannot be read: {error}")))?;
        if let Some(keep) = outcome.keep_path {
            fs::remove_file(keep).map_err(|error| Failure::storage("the mirror", error))?;
        }
        Ok(())
    }

    /// The commits that are here, the newest last.
    pub(crate) fn tips(&self) -> Vec<Tip> {
        let text = fs::read_to_string(self.path.join(TIPS)).unwrap_or_default();
        text.lines().filter_map(parse_tip).collect()
    }

    /// Whether a commit is here with all its files.
    pub(crate) fn has_tip(&self, id: &ObjectId) -> bool {
        self.tips().iter().any(|tip| tip.id == *id)
    }

    /// Adds a commit whose pack is in place.
    pub(crate) fn add_tip(&self, tip: Tip) -> io::Result<()> {
        let mut tips = self.tips();
        tips.retain(|known| known.id != tip.id);
        tips.push(tip);
        let text: String = tips.iter().map(print_tip).collect();
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(text.as_bytes())?;
        file.persist(self.path.join(TIPS))?;
        Ok(())
    }

    /// What the remote is told of: the newest commits that are here.
    pub(crate) fn known(&self) -> PackRequest {
        let tips = self.tips();
        let newest = &tips[tips.len().saturating_sub(MAX_HAVES)..];
        PackRequest {
            haves: newest.iter().map(|tip| tip.id).collect(),
            shallow: newest
                .iter()
                .filter(|tip| tip.parents == Parents::Missing)
                .map(|tip| tip.id)
                .collect(),
            ..PackRequest::default()
        }
    }
}

fn print_tip(tip: &Tip) -> String {
    let parents = match tip.parents {
        Parents::Present => "complete",
        Parents::Missing => "shallow",
    };
    format!("{} {parents}\n", tip.id)
}

fn parse_tip(line: &str) -> Option<Tip> {
    let (id, parents) = line.split_once(' ')?;
    let parents = match parents {
        "complete" => Parents::Present,
        "shallow" => Parents::Missing,
        _ => return None,
    };
    let id = ObjectId::from_hex(id.as_bytes()).ok()?;
    Some(Tip { id, parents })
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        numbers.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u64>().ok()),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Half-arrived packs, packs without an index and keep files.
fn remove_leftovers(repository: &Path) -> io::Result<()> {
    let folder = repository.join("objects/pack");
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let finished = match path.extension().and_then(|extension| extension.to_str()) {
            Some("pack") => path.with_extension("idx").exists(),
            Some("idx") => path.with_extension("pack").exists(),
            _ => false,
        };
        if !finished {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn pack_sizes(repository: &Path) -> io::Result<Vec<u64>> {
    let mut sizes = Vec::new();
    for entry in fs::read_dir(repository.join("objects/pack"))? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|one| one == "pack") {
            sizes.push(entry.metadata()?.len());
        }
    }
    Ok(sizes)
}
