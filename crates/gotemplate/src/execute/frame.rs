//! What is open: lists of nodes that are not at their end.

use super::Slot;
use crate::parse::{Branch, Node, NodeRef, Tree};
use crate::text::Text;
use crate::types::{IntegerType, UnsignedType};
use crate::value::{List, Map, Value};
use std::sync::Arc;

/// A variable of a template, by its name with the dollar sign.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: Arc<str>,
    pub(super) value: Slot,
}

/// A list of nodes that is being executed.
#[derive(Debug)]
pub(super) struct Frame<'t> {
    pub(super) nodes: &'t [Node],
    pub(super) next: usize,
    pub(super) dot: Slot,
    pub(super) kind: FrameKind<'t>,
}

/// What the list belongs to, and what to go back to at its end.
#[derive(Debug)]
pub(super) enum FrameKind<'t> {
    /// `if` or `with`; the variables that were there before.
    Branch { variables: usize },
    /// The `else` of a loop, which `break` ends.
    Otherwise { variables: usize },
    /// The body of a loop.
    Loop(Box<Loop<'t>>),
    /// A template that was called.
    Called {
        caller: &'t Tree,
        node: Option<NodeRef<'t>>,
        first_variable: usize,
    },
    /// The template that is executed.
    Root,
}

/// A loop and its turn.
#[derive(Debug)]
pub(super) struct Loop<'t> {
    pub(super) branch: &'t Branch,
    pub(super) items: Items,
    pub(super) index: u64,
    /// The variables before the loop, and before its body.
    pub(super) variables: usize,
    pub(super) body_variables: usize,
}

/// What a loop goes over.
#[derive(Debug)]
pub(super) enum Items {
    None,
    List(List),
    Bytes(Text),
    Map(Map),
    Integers(i64, IntegerType),
    Unsigned(u64, UnsignedType),
}

impl Items {
    /// What a loop over the value goes over; `None` where none can.
    pub(super) fn of(value: Value) -> Option<Self> {
        Some(match value {
            Value::Nil => Self::None,
            Value::List(list) => Self::List(list),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Map(map) => Self::Map(map),
            Value::Integer(count, kind) => Self::Integers(count, kind),
            Value::Unsigned(count, kind) => Self::Unsigned(count, kind),
            _ => return None,
        })
    }

    /// Whether an item has a key or index beside its value.
    pub(super) fn has_keys(&self) -> bool {
        !matches!(self, Self::Integers(..) | Self::Unsigned(..))
    }

    /// Key or index, and value.
    pub(super) fn get(&self, index: u64) -> Option<(Slot, Slot)> {
        let position = usize::try_from(index).ok()?;
        let number = i64::try_from(index).ok()?;
        let key = || Slot::plain(Value::int(number));
        match self {
            Self::None => None,
            Self::List(list) => {
                let value = list.items().get(position)?.clone();
                Some((key(), Slot::of_type(list.element(), value)))
            }
            Self::Bytes(bytes) => {
                let byte = u64::from(*bytes.get(position)?);
                Some((
                    key(),
                    Slot::plain(Value::Unsigned(byte, UnsignedType::Uint8)),
                ))
            }
            Self::Map(map) => {
                let (key, value) = map.entries().get(position)?;
                let key = Slot::plain(Value::String(key.clone()));
                Some((key, Slot::of_type(map.element(), value.clone())))
            }
            Self::Integers(count, kind) => (number < *count)
                .then(|| (Slot::nothing(), Slot::plain(Value::Integer(number, *kind)))),
            Self::Unsigned(count, kind) => (index < *count)
                .then(|| (Slot::nothing(), Slot::plain(Value::Unsigned(index, *kind)))),
        }
    }
}
