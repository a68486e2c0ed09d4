//! What tells one run from another, for who is called by hooks.

use std::collections::BTreeMap;
use trueup_kinds::canary::CanaryStatus;
use trueup_object::Text;

/// FNV-1a of 32 bits.
const FNV_OFFSET: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;
/// The letters of Kubernetes's safe encoding: no word can be made of them.
const SAFE_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The checksum of what a run is about: the digests of the target and of its
/// ConfigMaps and Secrets. It is Flagger's, so that who keeps it sees no new
/// run when one program takes over from the other: the digest of how Go's
/// go-spew prints both.
#[must_use]
pub fn canary_checksum(status: &CanaryStatus) -> String {
    let configs = printed_map(status.tracked_configs.as_ref());
    let spec = &status.last_applied_spec;
    let printed = format!(
        "(struct {{ TrackedConfigs *map[string]string; LastAppliedSpec string }})\
         {{TrackedConfigs:(*map[string]string){configs} LastAppliedSpec:(string){spec}}}"
    );
    let digest = printed.bytes().fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME)
    });
    safe_encoded(&digest.to_string())
}

fn printed_map(map: Option<&BTreeMap<Text, Text>>) -> String {
    let Some(map) = map else {
        return "<nil>".to_owned();
    };
    let pairs: Vec<String> = map
        .iter()
        .map(|(name, digest)| format!("{name}:{digest}"))
        .collect();
    format!("map[{}]", pairs.join(" "))
}

fn safe_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| char::from(SAFE_LETTERS[usize::from(byte) % SAFE_LETTERS.len()]))
        .collect()
}
