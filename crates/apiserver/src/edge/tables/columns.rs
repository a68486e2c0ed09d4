//! What a column of a table is.

use trueup_object::{Value, value};

/// One column of a built-in kind.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    name: &'static str,
    kind: &'static str,
    format: &'static str,
    priority: i64,
    description: &'static str,
}

impl Column {
    /// A column of text that is always shown.
    pub const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: "string",
            format: "",
            priority: 0,
            description,
        }
    }

    /// A column of whole numbers that is always shown.
    pub const fn integer(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: "integer",
            format: "",
            priority: 0,
            description,
        }
    }

    /// A column of truth values that is always shown.
    pub const fn boolean(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: "boolean",
            format: "",
            priority: 0,
            description,
        }
    }

    /// A column of text that is shown with `-o wide` only.
    pub const fn wide(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: "string",
            format: "",
            priority: 1,
            description,
        }
    }

    /// The same column, shown with `-o wide` only.
    pub const fn only_wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    pub(super) fn to_value(self: &Column) -> Value {
        value!({
            "name": (self.name),
            "type": (self.kind),
            "format": (self.format),
            "description": (self.description),
            "priority": (self.priority)
        })
    }
}

/// The name of the object.
pub const NAME: Column = Column {
    name: "Name",
    kind: "string",
    format: "name",
    priority: 0,
    description: "Name of the object.",
};

/// How long ago the object was created.
pub const AGE: Column = Column::text("Age", "Time since the object was created.");

/// When the object was created.
pub const CREATED_AT: Column = Column {
    name: "Created At",
    kind: "date",
    format: "",
    priority: 0,
    description: "Time at which the object was created.",
};

/// Names of the containers of a template.
pub const CONTAINERS: Column =
    Column::wide("Containers", "Names of the containers of the template.");

/// Images of the containers of a template.
pub const IMAGES: Column = Column::wide("Images", "Images of the containers of the template.");

/// The label selector of a workload.
pub const SELECTOR: Column = Column::wide("Selector", "Label selector of the Pods.");
