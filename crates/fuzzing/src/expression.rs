//! Expressions in CEL.

use trueup_cel::{MAX_EXPRESSION_DEPTH, Syntax, depth, read};

/// More is not told of a text that can't be read.
const MAX_TOLD_BYTES: usize = 64 << 10;

/// A text is read within the limits of depth, or is refused in few words; what
/// is read without optional syntax is read alike with it.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let wide = read(text, Syntax::WithOptionals);
    match read(text, Syntax::Standard) {
        Ok(tree) => {
            let levels = depth(&tree);
            assert!(levels <= usize::from(MAX_EXPRESSION_DEPTH) + 1, "{levels}");
            assert!(wide.is_ok_and(|wide| wide == tree), "read otherwise");
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.is_empty(), "an error without a message");
            assert!(told.len() <= MAX_TOLD_BYTES, "{} bytes", told.len());
        }
    }
}
