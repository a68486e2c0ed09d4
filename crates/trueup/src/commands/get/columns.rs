//! Which columns a table has.

use super::{Columns, View};
use crate::arguments::GetArguments;
use crate::words::{CANARY, EXTERNAL_ARTIFACT};

/// The header line; empty where it is left out.
pub(super) fn header(view: &View<'_>, arguments: &GetArguments) -> Vec<&'static str> {
    if arguments.list.no_header {
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
    Phase,
    Weight,
    Step,
    FailedChecks,
    Target,
    Provider,
    LastTransition,
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
            Self::Phase => "PHASE",
            Self::Weight => "WEIGHT",
            Self::Step => "STEP",
            Self::FailedChecks => "FAILED CHECKS",
            Self::Target => "TARGET",
            Self::Provider => "PROVIDER",
            Self::LastTransition => "LAST TRANSITION",
            Self::Age => "AGE",
            Self::Message => "MESSAGE",
        }
    }
}

/// The columns of a view, in flux's order: what others write can't be
/// suspended, and where it comes from is always told. Canaries tell how far
/// they are.
pub(super) fn columns(view: &View<'_>, arguments: &GetArguments) -> Vec<Column> {
    let namespace = arguments.list.all_namespaces.then_some(Column::Namespace);
    let middle = match view.words {
        words if words == &CANARY => of_canaries(view.columns),
        words if words == &EXTERNAL_ARTIFACT => &[Column::Revision, Column::Source, Column::Ready],
        _ => of_others(view.columns),
    };
    let age = (view.columns == Columns::Wide).then_some(Column::Age);
    namespace
        .into_iter()
        .chain([Column::Name])
        .chain(middle.iter().copied())
        .chain(age)
        .chain([Column::Message])
        .collect()
}

fn of_others(columns: Columns) -> &'static [Column] {
    match columns {
        Columns::Usual => &[Column::Revision, Column::Suspended, Column::Ready],
        Columns::WithSource | Columns::Wide => &[
            Column::Source,
            Column::Revision,
            Column::Suspended,
            Column::Ready,
        ],
    }
}

fn of_canaries(columns: Columns) -> &'static [Column] {
    match columns {
        Columns::Usual | Columns::WithSource => &[
            Column::Phase,
            Column::Weight,
            Column::Step,
            Column::FailedChecks,
            Column::Revision,
            Column::LastTransition,
        ],
        Columns::Wide => &[
            Column::Target,
            Column::Provider,
            Column::Phase,
            Column::Weight,
            Column::Step,
            Column::FailedChecks,
            Column::Revision,
            Column::Suspended,
            Column::Ready,
            Column::LastTransition,
        ],
    }
}
