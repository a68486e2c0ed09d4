//! Values under their types: the structured merge behind server-side apply.

mod check;
mod compare;
mod items;
mod merge;
mod reconcile;
mod remove;
mod to_set;

pub use check::TypedError;
pub(crate) use check::{Duplicates, check};
pub use compare::{Change, changed_fields};
pub(crate) use compare::{Comparison, compare};
pub(crate) use merge::merge;
pub(crate) use reconcile::reconcile;
pub use remove::project;
pub(crate) use remove::{remove, with_named_fields};
pub use to_set::field_set;

#[cfg(test)]
mod tests;
