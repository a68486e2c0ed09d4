//! The Kubernetes object as a value: tree, names, references, field paths, selectors.
