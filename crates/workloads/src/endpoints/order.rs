//! The order of ports, as the genuine controllers give it: by the hash of
//! what Go prints of them.

use trueup_object::Value;

const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// FNV-1a with 128 bits.
fn fnv1a(text: &str) -> u128 {
    text.bytes().fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME)
    })
}

/// Sorts the ports of a slice.
pub(super) fn sort_slice_ports(ports: &mut [Value]) {
    ports.sort_by_cached_key(|port| {
        fnv1a(&format!(
            "(v1.EndpointPort){{Name:(*string){} Protocol:(*v1.Protocol){} Port:(*int32){} AppProtocol:(*string){}}}",
            text(port, "name"),
            text(port, "protocol"),
            number(port),
            port.str_at(&["appProtocol"]).unwrap_or("<nil>"),
        ))
    });
}

/// Sorts the ports of a subset of Endpoints.
pub(super) fn sort_subset_ports(ports: &mut [Value]) {
    ports.sort_by_cached_key(|port| fnv1a(&subset_port(port)));
}

/// Sorts subsets whose addresses and ports are sorted.
pub(super) fn sort_subsets(subsets: &mut [Value]) {
    subsets.sort_by_cached_key(|subset| {
        fnv1a(&format!(
            "(v1.EndpointSubset){{Addresses:([]v1.EndpointAddress){} NotReadyAddresses:([]v1.EndpointAddress){} Ports:([]v1.EndpointPort){}}}",
            list(subset.get("addresses"), address),
            list(subset.get("notReadyAddresses"), address),
            list(subset.get("ports"), |port| subset_port(port).split_off("(v1.EndpointPort)".len())),
        ))
    });
}

fn list(items: Option<&Value>, print: impl Fn(&Value) -> String) -> String {
    match items.and_then(Value::as_list) {
        None => "<nil>".to_owned(),
        Some(items) => {
            let items: Vec<String> = items.iter().map(print).collect();
            format!("[{}]", items.join(" "))
        }
    }
}

fn address(address: &Value) -> String {
    let target = address.get("targetRef").map_or_else(
        || "<nil>".to_owned(),
        |target| {
            format!(
                "{{Kind:(string){} Namespace:(string){} Name:(string){} UID:(types.UID){} APIVersion:(string){} ResourceVersion:(string){} FieldPath:(string){}}}",
                text(target, "kind"),
                text(target, "namespace"),
                text(target, "name"),
                text(target, "uid"),
                text(target, "apiVersion"),
                text(target, "resourceVersion"),
                text(target, "fieldPath"),
            )
        },
    );
    format!(
        "{{IP:(string){} Hostname:(string){} NodeName:(*string){} TargetRef:(*v1.ObjectReference){target}}}",
        text(address, "ip"),
        text(address, "hostname"),
        address.str_at(&["nodeName"]).unwrap_or("<nil>"),
    )
}

fn subset_port(port: &Value) -> String {
    format!(
        "(v1.EndpointPort){{Name:(string){} Port:(int32){} Protocol:(v1.Protocol){} AppProtocol:(*string){}}}",
        text(port, "name"),
        number(port),
        text(port, "protocol"),
        port.str_at(&["appProtocol"]).unwrap_or("<nil>"),
    )
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.str_at(&[key]).unwrap_or_default()
}

fn number(port: &Value) -> i64 {
    port.i64_at(&["port"]).unwrap_or_default()
}
