//! What must hold for any bytes that Trueup loads, prints, patches, builds,
//! executes as a template or reads as an expression.
//!
//! Each target takes bytes and panics where a promise is broken. The folder
//! `fuzz` runs them under libFuzzer; the tests of this crate run them over the
//! seeds and some mutations of these, so that they stay true.

mod emit;
mod expression;
mod kustomize;
mod load;
mod patch;
#[cfg(test)]
mod seeds;
mod template;

pub use emit::emit;
pub use expression::expression;
pub use kustomize::kustomize;
pub use load::load;
pub use patch::patch;
pub use template::template;

/// A target: reads bytes, and panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target and its name, which is also the name of its folder of seeds.
pub const TARGETS: [(&str, Target); 6] = [
    ("load", load),
    ("emit", emit),
    ("patch", patch),
    ("kustomize", kustomize),
    ("template", template),
    ("expression", expression),
];
