//! What a Lease says, and how that is written.

use super::Reach;
use trueup_object::{Text, Value};

/// The annotation of a Lease by which its holder says that it wants the leases
/// of the elections that follow. It names the holder, since others who take the
/// lease leave annotations as they are.
const LEADS_NEXT: &str = "trueup.dev/leads-next";

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Who holds it; empty when it was given up.
    pub holder: Text,
    /// For how long since its last renewal, in seconds.
    pub duration_s: i64,
    /// How often it has changed hands.
    pub transitions: i64,
    /// When the holder took it, as written.
    pub acquired: Text,
    /// When it was renewed, as written.
    pub renewed: Text,
    /// Who says that it wants to lead in the elections that follow this one
    /// as well (annotation `trueup.dev/leads-next`); empty where nobody does.
    pub leads_next: Text,
}

impl LeaseRecord {
    /// What the holder wants of the elections that follow.
    pub(super) fn reach(&self) -> Reach {
        if self.leads_next.is_empty() || self.leads_next != self.holder {
            Reach::ThisOne
        } else {
            Reach::TheNextToo
        }
    }
}

/// Where the annotation stands.
const ANNOTATED: [&str; 3] = ["metadata", "annotations", LEADS_NEXT];

/// Reads a Lease; what is missing is empty or zero.
pub(super) fn read_record(lease: &Value) -> LeaseRecord {
    let text = |key| Text::from(lease.str_at(&["spec", key]).unwrap_or_default());
    let number = |key| lease.i64_at(&["spec", key]).unwrap_or_default();
    LeaseRecord {
        holder: text("holderIdentity"),
        duration_s: number("leaseDurationSeconds"),
        transitions: number("leaseTransitions"),
        acquired: text("acquireTime"),
        renewed: text("renewTime"),
        leads_next: Text::from(lease.str_at(&ANNOTATED).unwrap_or_default()),
    }
}

/// Writes into a Lease, whose other fields stay.
pub(super) fn write_record(lease: &mut Value, record: &LeaseRecord) {
    lease.set_at(&["spec", "holderIdentity"], record.holder.clone().into());
    lease.set_at(&["spec", "leaseDurationSeconds"], record.duration_s.into());
    lease.set_at(&["spec", "leaseTransitions"], record.transitions.into());
    lease.set_at(&["spec", "acquireTime"], record.acquired.clone().into());
    lease.set_at(&["spec", "renewTime"], record.renewed.clone().into());
    if record.leads_next.is_empty() {
        lease.remove_at(&ANNOTATED);
    } else {
        lease.set_at(&ANNOTATED, record.leads_next.clone().into());
    }
}
