use super::*;
use crate::Schemas;
use trueup_object::{GroupVersionKind, value};

fn mistake(object: Value) -> String {
    let gvk = GroupVersionKind::of(&object).unwrap();
    let typ = Schemas::builtin().type_for(&gvk).unwrap();
    check_shape(&object, &typ).map_or_else(|error| error.to_string(), |()| String::new())
}

#[test]
fn mistakes_read_as_the_servers_decoder_says_them() {
    let cases = [
        (
            value!({"apiVersion": "v1", "kind": "ConfigMap", "data": "text"}),
            "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string",
        ),
        (
            value!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 1}}),
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
        ),
        (
            value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": []}),
            "json: cannot unmarshal array into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
        ),
        (
            value!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 1.5}}),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": {"name": "a"}}}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": "80"}]}}),
            "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"targetPort": true}]}}),
            "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"creationTimestamp": "yesterday"}}),
            "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\"",
        ),
        (
            value!({"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"a": "***"}}),
            "illegal base64 data at input byte 0",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"imagePullPolicy": 5}]}}),
            "json: cannot unmarshal number into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Pod", "spec": {"volumes": [{"configMap": {"defaultMode": "0644"}}]}}),
            "json: cannot unmarshal string into Go struct field ConfigMapVolumeSource.spec.volumes.VolumeSource.configMap.defaultMode of type int32",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Service", "spec": {"ipFamilies": [4]}}),
            "json: cannot unmarshal number into Go struct field ServiceSpec.spec.ipFamilies of type v1.IPFamily",
        ),
        (
            value!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"resources": {"limits": []}}]}}),
            "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
        ),
        (
            value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"creationTimestamp": 5}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
        ),
        (
            value!({"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": "x"}}),
            "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32",
        ),
    ];
    for (object, wanted) in cases {
        assert_eq!(mistake(object), wanted);
    }
}

#[test]
fn a_patched_object_is_restored_from_memory_in_other_words() {
    let typ = Schemas::builtin()
        .type_for(&GroupVersionKind::new("v1", "PodTemplate"))
        .unwrap();
    for (patch, wanted) in [
        (
            value!({"template": "text"}),
            "cannot restore struct from: string",
        ),
        (
            value!({"template": {"spec": {"containers": "text"}}}),
            "cannot restore slice from string",
        ),
        (
            value!({"template": {"spec": {"containers": {"name": "a"}}}}),
            "cannot restore slice from map",
        ),
        (
            value!({"metadata": {"labels": []}}),
            "cannot restore map from slice",
        ),
        (
            value!({"metadata": {"name": 1}}),
            "cannot convert int64 to string",
        ),
        (
            value!({"metadata": {"generation": 1.5}}),
            "cannot convert float64 to int64",
        ),
        (
            value!({"template": {"spec": {"hostNetwork": "yes"}}}),
            "unrecognized type: bool",
        ),
        (
            value!({"template": {"spec": {"containers": [{"livenessProbe": {"tcpSocket": {"port": 80.5}}}]}}}),
            "json: cannot unmarshal number 80.5 into Go value of type int32",
        ),
    ] {
        assert_eq!(
            check_restorable(&patch, &typ).unwrap_err().to_string(),
            wanted
        );
    }
}

#[test]
fn what_fits_is_no_mistake() {
    let object = value!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"creationTimestamp": "2024-01-01T00:00:00Z", "labels": null},
        "spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "100m", "memory": 1}},
            "livenessProbe": {"httpGet": {"port": "http"}}}], "unknown": 1}});
    assert_eq!(mistake(object), "");
}
