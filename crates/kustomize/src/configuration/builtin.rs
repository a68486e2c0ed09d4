//! The tables that kustomize 5.8 comes with.

use super::{Configuration, NameReference};
use crate::field_spec::FieldSpec;
use crate::id::Gvk;
use std::sync::OnceLock;

/// The tables as a configuration.
pub(super) fn tables() -> &'static Configuration {
    static TABLES: OnceLock<Configuration> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut configuration = Configuration::default();
        let mut section = "";
        for line in include_str!("../../data/field-specs.txt").lines() {
            if let Some(name) = line.strip_suffix(':') {
                section = name;
            } else if let Some(target) = line.strip_prefix("> ") {
                configuration.name_reference.push(NameReference {
                    target: row(target).gvk,
                    referrers: Vec::new(),
                });
            } else if !line.starts_with('#') {
                put(&mut configuration, section, row(line));
            }
        }
        configuration.sort();
        configuration
    })
}

fn put(configuration: &mut Configuration, section: &str, spec: FieldSpec) {
    if section == "nameReference" {
        if let Some(last) = configuration.name_reference.last_mut() {
            last.referrers.push(spec);
        }
        return;
    }
    let mut sections = configuration.sections().into_iter();
    if let Some((_, specs)) = sections.find(|(name, _)| *name == section) {
        specs.push(spec);
    }
}

/// `GROUP VERSION KIND PATH [create]`, `-` for nothing.
fn row(line: &str) -> FieldSpec {
    let mut words = line.split(' ');
    let mut word = || {
        words
            .next()
            .filter(|word| *word != "-")
            .unwrap_or("")
            .into()
    };
    let gvk = Gvk {
        group: word(),
        version: word(),
        kind: word(),
    };
    FieldSpec {
        gvk,
        path: word(),
        create: word() == "create",
    }
}
