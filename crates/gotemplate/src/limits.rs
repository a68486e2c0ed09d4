//! What a template may cost.

/// The bytes of one text that is parsed.
pub const MAX_TEMPLATE_BYTES: usize = 8 << 20;
/// The actions, commands and operands of one text that is parsed.
pub const MAX_TEMPLATE_NODES: usize = 500_000;
/// How many control structures may stand within each other.
pub const MAX_BLOCK_DEPTH: usize = 100;
/// How many parentheses may stand within each other. Go: 10,000.
pub const MAX_PARENTHESES: usize = 100;
/// Steps of one execution: each action, command and turn of a loop is one, and
/// so are each 8 bytes that are written or made.
pub const MAX_STEPS: u64 = 20_000_000;
/// The bytes that one execution may write, and that one text may have.
pub const MAX_OUTPUT_BYTES: usize = 32 << 20;
/// How many templates may call each other: as many as in Go.
pub const MAX_TEMPLATE_DEPTH: usize = 100_000;
/// Control structures and calls of templates that may be open at once.
pub const MAX_OPEN_BLOCKS: usize = 250_000;
/// Pipelines that may be evaluated within each other: parentheses, and
/// functions that execute templates.
pub const MAX_EVALUATION_DEPTH: usize = 200;
/// How many lists and maps may be within each other in a value.
pub const MAX_VALUE_DEPTH: usize = 250;

/// What parsing and executing may cost. The default is the constants of this
/// crate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// See [`MAX_TEMPLATE_BYTES`].
    pub template_bytes: usize,
    /// See [`MAX_TEMPLATE_NODES`].
    pub template_nodes: usize,
    /// See [`MAX_BLOCK_DEPTH`].
    pub block_depth: usize,
    /// See [`MAX_PARENTHESES`].
    pub parentheses: usize,
    /// See [`MAX_STEPS`].
    pub steps: u64,
    /// See [`MAX_OUTPUT_BYTES`].
    pub output_bytes: usize,
    /// See [`MAX_TEMPLATE_DEPTH`].
    pub template_depth: usize,
    /// See [`MAX_OPEN_BLOCKS`].
    pub open_blocks: usize,
    /// See [`MAX_EVALUATION_DEPTH`].
    pub evaluation_depth: usize,
    /// See [`MAX_VALUE_DEPTH`].
    pub value_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            template_bytes: MAX_TEMPLATE_BYTES,
            template_nodes: MAX_TEMPLATE_NODES,
            block_depth: MAX_BLOCK_DEPTH,
            parentheses: MAX_PARENTHESES,
            steps: MAX_STEPS,
            output_bytes: MAX_OUTPUT_BYTES,
            template_depth: MAX_TEMPLATE_DEPTH,
            open_blocks: MAX_OPEN_BLOCKS,
            evaluation_depth: MAX_EVALUATION_DEPTH,
            value_depth: MAX_VALUE_DEPTH,
        }
    }
}
