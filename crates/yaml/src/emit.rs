//! Writing trees.

mod analysis;
mod order;
mod timestamp;
mod write;

use order::sort_members;

/// A tree that can be written as YAML.
pub trait Emit: Sized {
    /// What stands at the root.
    fn view(&self) -> View<'_, Self>;
}

/// One level of a tree.
#[derive(Debug)]
pub enum View<'a, T> {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number above the largest `i64`.
    Unsigned(u64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Values in order.
    List(Vec<&'a T>),
    /// Members in any order; they are sorted when written.
    Map(Vec<(&'a str, &'a T)>),
}

/// Writes a tree as `sigs.k8s.io/yaml` marshals it: block style, keys sorted
/// with numbers in them by value, two spaces of indentation, plain scalars
/// where they read back as the same value, lines folded after column 80.
#[must_use]
pub fn emit<T: Emit>(tree: &T) -> String {
    write::document(tree, String::new())
}

/// As [`emit`], behind a text that is empty or ends with a line break.
pub fn emit_behind<T: Emit>(text: &mut String, tree: &T) {
    *text = write::document(tree, std::mem::take(text));
}

#[cfg(test)]
mod tests;
