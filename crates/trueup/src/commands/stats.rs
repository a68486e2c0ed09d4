//! `trueup stats`.

use super::Failure;
use crate::arguments::StatsArguments;
use crate::words::{condition, is_suspended};
use crate::{connect, table};
use std::process::ExitCode;
use trueup_cluster::{ErrorClass, Form, Scope};
use trueup_object::{GroupKind, Value};

/// The kinds that are counted where the cluster serves them: ours, and those
/// of a Flux beside us.
const KINDS: [(&str, &str); 14] = [
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "HelmChart"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("notification.toolkit.fluxcd.io", "Alert"),
    ("notification.toolkit.fluxcd.io", "Provider"),
    ("notification.toolkit.fluxcd.io", "Receiver"),
    ("image.toolkit.fluxcd.io", "ImageUpdateAutomation"),
    ("image.toolkit.fluxcd.io", "ImagePolicy"),
    ("image.toolkit.fluxcd.io", "ImageRepository"),
    ("flagger.app", "Canary"),
];

/// Counts objects, a row a kind.
pub async fn run(arguments: StatsArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let catalogue = session.catalogue().await?;
    let scope = if arguments.all_namespaces {
        Scope::all()
    } else {
        Scope::namespace(&arguments.scope.namespace)
    };
    let mut rows = Vec::new();
    for (group, kind) in KINDS {
        let kind = GroupKind {
            group: group.into(),
            kind: kind.into(),
        };
        let Some(resource) = catalogue.preferred(&kind) else {
            continue;
        };
        match session.list(&resource.kind, &scope, Form::Full).await {
            Ok(found) => {
                let objects = found.objects.iter().map(|object| object.value());
                rows.push(Counts::of(objects).row(&kind.kind));
            }
            // It went while we looked.
            Err(error) if error.class() == ErrorClass::KindMissing => {}
            Err(error) => return Err(error.into()),
        }
    }
    let header = ["RECONCILERS", "RUNNING", "FAILING", "SUSPENDED", "STORAGE"];
    table::print(&header, &rows)?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    running: usize,
    failing: usize,
    suspended: usize,
    bytes: u64,
}

impl Counts {
    fn of<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let mut counts = Self::default();
        for object in objects {
            if is_suspended(object) {
                counts.suspended += 1;
            } else {
                counts.running += 1;
            }
            let ready = condition(object, "Ready").and_then(|ready| ready.str_at(&["status"]));
            counts.failing += usize::from(ready == Some("False"));
            let size = object.i64_at(&["status", "artifact", "size"]);
            counts.bytes += size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        }
        counts
    }

    fn row(&self, kind: &str) -> Vec<String> {
        vec![
            kind.to_owned(),
            self.running.to_string(),
            self.failing.to_string(),
            self.suspended.to_string(),
            size(self.bytes),
        ]
    }
}

/// `1.5 KiB`, and `-` for nothing.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes == 0 {
        return "-".to_owned();
    }
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let exponent = bytes.ilog2() / 10;
    let unit = 1_u64 << (10 * exponent);
    let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
    let place = usize::try_from(exponent).unwrap_or(UNITS.len()) - 1;
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        UNITS[place.min(UNITS.len() - 1)]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn objects_are_counted_by_what_they_say() {
        let ready = |status: &str| value!({"status": {"conditions": [{"type": "Ready", "status": status}], "artifact": {"size": 1000}}});
        let resting = value!({"spec": {"suspend": true}});
        let objects = [ready("True"), ready("False"), resting];
        let expected = Counts {
            running: 2,
            failing: 1,
            suspended: 1,
            bytes: 2000,
        };
        assert_eq!(Counts::of(objects.iter()), expected);
    }

    #[test]
    fn sizes_are_told_in_their_largest_unit() {
        for (bytes, text) in [
            (0, "-"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
