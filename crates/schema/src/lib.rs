//! Types of built-in and custom resources: structured merge (server-side
//! apply), strategic merge, JSON patches; defaulting, pruning, validation.
//!
//! Floor 3: knows objects as values, and nothing of storage, requests or
//! clusters.

mod apply;
mod field_error;
mod field_set;
mod fields_v1;
mod go;
mod json_patch;
mod managed;
mod merge_patch;

#[cfg(test)]
mod properties;
mod resources;
mod scale;
mod schemas;
mod shape;
mod strategic;
mod strict;
mod structural;
#[cfg(test)]
mod transcripts;
mod typed;
mod types;
mod zero;

pub use apply::{
    Applied, ApplyError, ApplyInput, Conflict, Force, SameShape, UpdateInput, Versions, apply,
    create, keep_timestamps, update,
};
pub use field_error::{FieldError, FieldReason};
pub use field_set::FieldSet;
pub use fields_v1::{FieldsError, fields_from_value, fields_to_value};
pub use json_patch::{JsonPatchError, MAX_JSON_PATCH_OPERATIONS, json_patch};
pub use managed::{ManagedEntry, ManagedError, Operation, decode_managed, encode_managed};
pub use merge_patch::merge_patch;

pub use resources::{Resource, Subresource};
pub use scale::{ReplicasPaths, parent_owners, scale_owners};
pub use schemas::Schemas;
pub use shape::{ShapeError, check_restorable, check_shape};
pub use strategic::{StrategicError, strategic_merge};
pub use strict::{strict_complaints, unknown_fields};
pub use structural::{Structural, UpdateVerdict, ValidationRule};
pub use typed::{Change, TypedError, changed_fields, field_set, project};
pub use types::Type;
