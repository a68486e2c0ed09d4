use super::*;

#[test]
fn versions_are_ordered_by_stability_then_number() {
    let mut versions = [
        "foo",
        "v1alpha2",
        "v2",
        "v1",
        "v10",
        "v1beta1",
        "v11alpha1",
        "bar",
        "v3beta1",
    ];
    versions.sort_by(|left, right| compare_versions(left, right));
    assert_eq!(
        versions,
        [
            "v10",
            "v2",
            "v1",
            "v3beta1",
            "v1beta1",
            "v11alpha1",
            "v1alpha2",
            "bar",
            "foo"
        ]
    );
}

#[test]
fn the_storage_version_hash_is_that_of_a_genuine_server() {
    let row = Resource {
        group: "apps".into(),
        version: "v1".into(),
        plural: "deployments".into(),
        singular: "deployment".into(),
        kind: "Deployment".into(),
        list_kind: "DeploymentList".into(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced: true,
        verbs: Vec::new(),
        subresources: Vec::new(),
        typ: None,
        definition: "",
        storage_version: "v1".into(),
        custom: None,
    };
    assert_eq!(storage_version_hash(&row), "8aSe+NMegvE=");
}
