//! How much one build may read and make.

/// How many files one build may read.
pub const MAX_FILES: usize = 20_000;
/// How long one file may be.
pub const MAX_FILE_BYTES: u64 = 16 << 20;
/// How much all files of one build may be together.
pub const MAX_TOTAL_BYTES: u64 = 256 << 20;
/// How many objects one build may have.
pub const MAX_OBJECTS: usize = 50_000;
/// How large one object may be when it is built, texts and places together.
pub const MAX_BUILT_OBJECT_BYTES: u64 = 16 << 20;
/// How much the transformers of one build may add to its objects, and how
/// large all objects may be together.
pub const MAX_BUILT_BYTES: u64 = 256 << 20;
/// How deeply roots may refer to roots.
pub const MAX_ROOT_DEPTH: usize = 64;
/// How many things from outside of the tree one build may ask for.
pub const MAX_NEEDS: usize = 100;

/// How much one build may read and make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most this many files.
    pub max_files: usize,
    /// At most this many bytes in one file.
    pub max_file_bytes: u64,
    /// At most this many bytes in all files.
    pub max_total_bytes: u64,
    /// At most this many objects.
    pub max_objects: usize,
    /// At most this many bytes in one object that was built.
    pub max_object_bytes: u64,
    /// At most this many bytes added by transformers, and in all objects.
    pub max_built_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_files: MAX_FILES,
            max_file_bytes: MAX_FILE_BYTES,
            max_total_bytes: MAX_TOTAL_BYTES,
            max_objects: MAX_OBJECTS,
            max_object_bytes: MAX_BUILT_OBJECT_BYTES,
            max_built_bytes: MAX_BUILT_BYTES,
        }
    }
}
