//! Builds of kustomization roots.

use bytes::Bytes;
use trueup_artifact::{MemoryTree, TreePath};
use trueup_kustomize::{BuildOptions, Limits, LoadRestrictor};
use trueup_object::{ManifestLimits, read_manifests, to_json};

/// Small enough that inputs of a fuzzer reach them.
const MAX_FILES: usize = 64;
const MAX_FILE_BYTES: u64 = 8 << 10;
const MAX_TOTAL_BYTES: u64 = 64 << 10;
const MAX_OBJECTS: usize = 200;

/// What a line that names a file starts with; `=== a -> b` is a link.
const FILE: &str = "=== ";

/// A tree of files, each behind a line `=== PATH`, whose root holds the
/// kustomization: it builds within its limits and each time alike, or is
/// refused each time in the same words; what it prints loads as what it made.
pub fn kustomize(data: &[u8]) {
    let tree = tree(data);
    for load_restrictor in [LoadRestrictor::RootOnly, LoadRestrictor::None] {
        let options = BuildOptions {
            load_restrictor,
            ..limited()
        };
        let first = outcome(&tree, &options);
        assert_eq!(first, outcome(&tree, &options), "two builds differ");
    }
}

/// Options whose limits are small.
pub(crate) fn limited() -> BuildOptions {
    BuildOptions {
        limits: Limits {
            max_files: MAX_FILES,
            max_file_bytes: MAX_FILE_BYTES,
            max_total_bytes: MAX_TOTAL_BYTES,
            max_objects: MAX_OBJECTS,
            ..Limits::default()
        },
        ..BuildOptions::default()
    }
}

/// The text or the error of one build.
pub(crate) fn outcome(tree: &MemoryTree, options: &BuildOptions) -> Result<String, String> {
    let folder = TreePath::root();
    let built =
        trueup_kustomize::build(tree, &folder, None, options).map_err(|error| error.to_string())?;
    let objects = built.len();
    assert!(objects <= MAX_OBJECTS, "{objects} objects");
    let text = built.to_yaml().map_err(|error| error.to_string())?;
    if let Ok(manifests) = built.manifests() {
        let made: Vec<Vec<u8>> = manifests.iter().map(|it| to_json(&it.value)).collect();
        if !made.iter().any(|json| is_lossy(json)) {
            check_text(&text, &made);
        }
    }
    Ok(text)
}

/// Whether printing loses a line break other than `\n`, as Go's printer does.
fn is_lossy(json: &[u8]) -> bool {
    let text = String::from_utf8_lossy(json);
    let odd = ["\u{85}", "\u{2028}", "\u{2029}", r"\u2028", r"\u2029"];
    odd.iter().any(|it| text.contains(it))
}

/// The printed text holds the objects that were made.
fn check_text(text: &str, made: &[Vec<u8>]) {
    let read = match read_manifests("output", text.as_bytes(), &ManifestLimits::default()) {
        Ok(read) => read,
        Err(error) => {
            assert!(made.is_empty(), "the output does not load: {error}\n{text}");
            return;
        }
    };
    let read: Vec<Vec<u8>> = read.iter().map(|it| to_json(&it.value)).collect();
    let shown = |texts: &[Vec<u8>]| String::from_utf8_lossy(&texts.join(&b'\n')).into_owned();
    assert_eq!(shown(&read), shown(made), "printed\n{text}");
}

/// The files of an input; what can't be placed is left out.
fn tree(data: &[u8]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut place = None;
    let mut content = Vec::new();
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_prefix(FILE.as_bytes()) {
            Some(name) => {
                put(&mut tree, place.take(), std::mem::take(&mut content));
                place = Some(String::from_utf8_lossy(name).trim_end().to_owned());
            }
            None => content.extend_from_slice(line),
        }
    }
    put(&mut tree, place, content);
    tree
}

/// Adds a file or link. Names that are none, or taken, are what a mutation
/// makes of names; the tree then lacks the file.
fn put(tree: &mut MemoryTree, place: Option<String>, content: Vec<u8>) {
    let place = place.unwrap_or_else(|| "kustomization.yaml".to_owned());
    let (name, link) = match place.split_once(" -> ") {
        Some((name, link)) => (name, Some(link)),
        None => (place.as_str(), None),
    };
    let Ok(path) = TreePath::parse(name) else {
        return;
    };
    let added = match link {
        Some(link) => tree.add_symlink(&path, link),
        None if content.is_empty() => return,
        None => tree.add_file(&path, Bytes::from(content)),
    };
    drop(added);
}
