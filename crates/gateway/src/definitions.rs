//! The `CustomResourceDefinition`s of the kinds that are served, for clusters
//! that have none of their own: the part of Gateway API that this gateway
//! knows, with the API's names, defaults and bounds. The descriptions are our
//! own. They are data files in this crate's `data` folder.

use trueup_object::{Value, from_json};

const DEFINITIONS: [&str; 3] = [
    include_str!("../data/gatewayclasses.json"),
    include_str!("../data/gateways.json"),
    include_str!("../data/httproutes.json"),
];

/// The definitions, ordered by name. The files know `v1` only; `v1beta1`, which
/// some clients still write, has the same fields.
#[must_use]
pub fn definitions() -> Vec<Value> {
    let read = |text: &str| {
        let definition = from_json(text.as_bytes());
        let mut definition = definition.expect("the tests read every definition");
        serve_older_version(&mut definition);
        definition
    };
    DEFINITIONS.into_iter().map(read).collect()
}

fn serve_older_version(definition: &mut Value) {
    let versions = definition.at(&["spec", "versions"]);
    let mut versions = versions
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    let older = versions.first().cloned().map(|mut older| {
        older.set_at(&["name"], "v1beta1".into());
        older.set_at(&["storage"], false.into());
        older
    });
    versions.extend(older);
    definition.set_at(&["spec", "versions"], versions.into());
}
