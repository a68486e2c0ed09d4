//! Which columns a table has.

use super::{Columns, View};
use crate::arguments::GetArguments;
use crate::words::EXTERNAL_ARTIFACT;

/// The header line; empty where it is left out.
pub(super) fn header(view: &View<'_>, arguments: &GetArguments) -> Vec<&'static str> {
    if arguments.no_header {
        return Vec::new();
    }
    let columns = columns(view, arguments);
    columns.into_iter().map(Column::title).collect()
}

/// A column of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Namespace,
    Name,
    Source,
    Revision,
    Suspended,
    Ready,
    Age,
    Message,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Namespace => "NAMESPACE",
            Self::Name => "NAME",
            Self::Source => "SOURCE",
            Self::Revision => "REVISION",
            Self::Suspended => "SUSPENDED",
            Self::Ready => "READY",
            Self::Age => "AGE",
            Self::Message => "MESSAGE",
        }
    }
}

/// The columns of a view, in flux's order: what others write can't be
/// suspended, and where it comes from is always told.
pub(super) fn columns(view: &View<'_>, arguments: &GetArguments) -> Vec<Column> {
    let namespace = arguments.all_namespaces.then_some(Column::Namespace);
    let middle: &[Column] = match (view.words == &EXTERNAL_ARTIFACT, view.columns) {
        (true, _) => &[Column::Revision, Column::Source],
        (false, Columns::Usual) => &[Column::Revision, Column::Suspended],
        (false, Columns::WithSource | Columns::Wide) => {
            &[Column::Source, Column::Revision, Column::Suspended]
        }
    };
    let age = (view.columns == Columns::Wide).then_some(Column::Age);
    namespace
        .into_iter()
        .chain([Column::Name])
        .chain(middle.iter().copied())
        .chain([Column::Ready])
        .chain(age)
        .chain([Column::Message])
        .collect()
}
