//! Memory of a build: by how much a process of its own grows for it.

use super::cases::Case;
use super::engine;
use crate::process;
use bytes::Bytes;
use std::collections::HashMap;
use std::process::Command;
use std::sync::Mutex;
use trueup_artifact::{Entry, FileTree, TreeError, TreePath};
use trueup_kustomize::Order;
use trueup_source::FolderTree;

/// What is wanted: so many bytes for each byte of input and output, and so
/// many for the tables that every build has.
const BYTES_PER_BYTE: usize = 12;
const BYTES_FOR_ALL: usize = 2 << 20;

/// What one build held.
pub struct Memory {
    /// Bytes of the files that were read, each counted once.
    pub input_bytes: usize,
    /// Bytes that were printed.
    pub output_bytes: usize,
    /// The most resident memory over what was resident before, in bytes,
    /// without the program's code, which every process maps from its file.
    pub peak_bytes: usize,
}

impl Memory {
    /// The most that is wanted, in bytes.
    pub fn bound_bytes(&self) -> usize {
        BYTES_PER_BYTE * (self.input_bytes + self.output_bytes) + BYTES_FOR_ALL
    }

    /// Whether it is no more than that.
    pub fn is_within(&self) -> bool {
        self.peak_bytes <= self.bound_bytes()
    }
}

/// Builds a case in a process of its own.
pub fn measure(case: &Case) -> Result<Memory, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: memory: {error}", case.name);
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let output = Command::new(program)
        .args(["bench", "kustomize", "--once"])
        .arg(&case.home)
        .arg(case.path.as_str())
        .output()
        .map_err(|error| failed(&error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<usize> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [input_bytes, output_bytes, peak_bytes] = numbers[..] else {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(failed(&format!("{} {told}", output.status)));
    };
    Ok(Memory {
        input_bytes,
        output_bytes,
        peak_bytes,
    })
}

/// What [`measure`] starts: builds the root at a path of a folder once and
/// prints bytes of input, of output, and the growth of this process.
pub fn build_and_tell(home: &str, path: &str) -> Result<(), String> {
    let tree = Counted {
        tree: FolderTree::new(home),
        read: Mutex::default(),
    };
    let path = TreePath::parse(path).map_err(|error| error.to_string())?;
    process::reset_peak()?;
    let before = process::resident_bytes();
    let code_before = process::resident_file_bytes();
    let output_bytes = engine::build_once(&tree, &path, Order::Legacy)?.len();
    let peak = process::peak_bytes();
    let code = process::resident_file_bytes().saturating_sub(code_before);
    let read = tree.read.into_inner().unwrap_or_default();
    let input_bytes: usize = read.values().sum();
    // Pages of files, once read in, stay: what the peak holds of them is what
    // is there at the end.
    let grown = peak.saturating_sub(before).saturating_sub(code);
    println!("{input_bytes} {output_bytes} {grown}");
    Ok(())
}

/// A tree that remembers how long the files are that were read.
#[derive(Debug)]
struct Counted {
    tree: FolderTree,
    read: Mutex<HashMap<TreePath, usize>>,
}

impl FileTree for Counted {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.tree.list(path)
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        let bytes = self.tree.read(path)?;
        if let Ok(mut read) = self.read.lock() {
            read.insert(path.clone(), bytes.len());
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn the_bound_grows_with_input_and_output() {
        let memory = |peak_bytes| Memory {
            input_bytes: 1000,
            output_bytes: 24,
            peak_bytes,
        };
        assert_eq!(memory(0).bound_bytes(), (2 << 20) + 12 * 1024);
        assert!(memory((2 << 20) + 12 * 1024).is_within());
        assert!(!memory((2 << 20) + 12 * 1024 + 1).is_within());
    }
}
