//! Security contexts of Pods and containers.

use super::every_container;
use crate::core::status::Cause;
use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::descending_path_errors;
use std::collections::HashSet;

const MAX_ID: i64 = i32::MAX as i64;
const MAX_PROFILE_BYTES: usize = 4095;
const MAX_SYSCTL_BYTES: usize = 253;
const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// The context of a Pod.
pub(super) fn pod(causes: &mut Causes, spec: &At<'_>) {
    let context = spec.get("securityContext");
    for key in ["fsGroup", "runAsUser", "runAsGroup"] {
        context.get(key).within(causes, 0, MAX_ID);
    }
    for group in context.get("supplementalGroups").items() {
        group.within(causes, 0, MAX_ID);
    }
    let shared = spec
        .get("shareProcessNamespace")
        .called(context.child("shareProcessNamespace"));
    if shared.is_true() && spec.get("hostPID").is_true() {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        shared.invalid(causes, detail);
    }
    sysctls(causes, spec, &context.get("sysctls"));
    context
        .get("fsGroupChangePolicy")
        .optional_one_of(causes, &["Always", "OnRootMismatch"]);
    seccomp(causes, &context.get("seccompProfile"));
    app_armor(causes, &context.get("appArmorProfile"));
    context
        .get("supplementalGroupsPolicy")
        .optional_one_of(causes, &["Merge", "Strict"]);
    context
        .get("seLinuxChangePolicy")
        .optional_one_of(causes, &["Recursive"]);
}

fn sysctls(causes: &mut Causes, spec: &At<'_>, sysctls: &At<'_>) {
    const PATTERN: &str = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let mut seen = HashSet::new();
    for sysctl in sysctls.items() {
        let name = sysctl.get("name");
        if name.text().is_empty() {
            name.required(causes, "");
        } else if !is_sysctl(name.text()) {
            let detail = format!(
                "must have at most {MAX_SYSCTL_BYTES} characters and match regex {PATTERN}"
            );
            name.invalid(causes, &detail);
        } else if !seen.insert(name.text()) {
            name.duplicate(causes);
        }
        let plain = name.text().replace('/', ".");
        if spec.get("hostNetwork").is_true() && plain.starts_with("net.") {
            name.invalid(causes, "may not be specified when 'hostNetwork' is true");
        } else if spec.get("hostIPC").is_true() && is_of_ipc(&plain) {
            name.invalid(causes, "may not be specified when 'hostIPC' is true");
        }
    }
}

fn is_of_ipc(name: &str) -> bool {
    ["kernel.shm", "kernel.msg", "fs.mqueue."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || name == "kernel.sem"
}

fn is_sysctl(name: &str) -> bool {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_segment = |segment: &str| {
        let bytes = segment.as_bytes();
        bytes.first().is_some_and(|b| edge(*b))
            && bytes.last().is_some_and(|b| edge(*b))
            && bytes.iter().all(|b| edge(*b) || b"-_".contains(b))
    };
    name.len() <= MAX_SYSCTL_BYTES && name.split(['.', '/']).all(is_segment)
}

/// The context of a container.
pub(super) fn container(causes: &mut Causes, container: &At<'_>, spec: &At<'_>) {
    let context = container.get("securityContext");
    for key in ["runAsUser", "runAsGroup"] {
        context.get(key).within(causes, 0, MAX_ID);
    }
    let mount = context.get("procMount");
    mount.optional_one_of(causes, &["Default", "Unmasked"]);
    if mount.text() == "Unmasked" && !spec.get("hostUsers").is_false() {
        mount.invalid(causes, "`hostUsers` must be false to use `Unmasked`");
    }
    seccomp(causes, &context.get("seccompProfile"));
    if context.get("allowPrivilegeEscalation").is_false() {
        escalation(causes, &context);
    }
    app_armor(causes, &context.get("appArmorProfile"));
}

fn escalation(causes: &mut Causes, context: &At<'_>) {
    if context.get("privileged").is_true() {
        let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        context.invalid(causes, detail);
    }
    let added = context.at(&["capabilities", "add"]);
    for _ in added.items().filter(|it| it.text() == "CAP_SYS_ADMIN") {
        let detail =
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
        context.invalid(causes, detail);
    }
}

fn seccomp(causes: &mut Causes, profile: &At<'_>) {
    if !profile.is_set() {
        return;
    }
    let kind = profile.get("type");
    if kind.text().is_empty() {
        kind.required(causes, "type is required when seccompProfile is set");
    } else {
        kind.one_of(causes, &PROFILES);
    }
    let local = profile.get("localhostProfile");
    if kind.text() != "Localhost" {
        if local.is_set() {
            let detail = "can only be set when seccomp type is Localhost";
            causes.push(Cause::invalid(local.path(), profile.shown(), detail));
        }
    } else if !local.is_set() {
        local.required(causes, "must be set when seccomp type is Localhost");
    } else {
        local.rules(causes, descending_path_errors(local.text()));
    }
}

fn app_armor(causes: &mut Causes, profile: &At<'_>) {
    if !profile.is_set() {
        return;
    }
    const MISSING: &str = "must be set when AppArmor type is Localhost";
    let (kind, local) = (profile.get("type"), profile.get("localhostProfile"));
    match kind.text() {
        "Localhost" if !local.is_set() => local.required(causes, MISSING),
        "Localhost" => {
            let trimmed = local.text().trim();
            if trimmed != local.text() {
                local.invalid(causes, "must not be padded with whitespace");
            } else if trimmed.is_empty() {
                local.required(causes, MISSING);
            }
            if local.text().len() > MAX_PROFILE_BYTES {
                local.too_long(causes, MAX_PROFILE_BYTES);
            }
        }
        "RuntimeDefault" | "Unconfined" if local.is_set() => {
            local.invalid(causes, "can only be set when AppArmor type is Localhost");
        }
        "RuntimeDefault" | "Unconfined" => {}
        "" => kind.required(causes, "type is required when appArmorProfile is set"),
        _ => kind.unsupported(causes, &PROFILES),
    }
}

/// What a Pod with users of its own may not share with its node.
pub(super) fn host_users(causes: &mut Causes, spec: &At<'_>) {
    const RULE: &str = "when `hostUsers` is false";
    if !spec.get("hostUsers").is_false() {
        return;
    }
    for (key, called) in [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ] {
        if spec.get(key).is_true() {
            causes.push(Cause::forbidden(spec.child(called), RULE));
        }
    }
    for container in every_container(spec) {
        if !container.get("volumeDevices").is_empty() {
            container.get("volumeDevices").forbidden(causes, RULE);
        }
    }
}

/// What the operating system that a Pod names does not have.
pub(super) fn operating_system(causes: &mut Causes, spec: &At<'_>) {
    let system = spec.get("os");
    if !system.is_set() {
        return;
    }
    let name = system.get("name");
    match name.text() {
        "" => name.required(causes, ""),
        "linux" => not_on_linux(causes, spec),
        "windows" => not_on_windows(causes, spec),
        _ => name
            .called(system.path().to_owned())
            .unsupported(causes, &["linux", "windows"]),
    }
}

fn not_on_linux(causes: &mut Causes, spec: &At<'_>) {
    let holders = std::iter::once(spec.clone()).chain(every_container(spec));
    for holder in holders {
        let options = holder.at(&["securityContext", "windowsOptions"]);
        if options.is_set() {
            options.forbidden(causes, "windows options cannot be set for a linux pod");
        }
    }
}

/// Fields of a Pod on Windows, in the order of the messages.
const NOT_ON_WINDOWS: [&str; 15] = [
    "securityContext.appArmorProfile",
    "securityContext.seLinuxOptions",
    "hostUsers",
    "hostPID",
    "hostIPC",
    "securityContext.seccompProfile",
    "securityContext.fsGroup",
    "securityContext.fsGroupChangePolicy",
    "securityContext.sysctls",
    "shareProcessNamespace",
    "securityContext.runAsUser",
    "securityContext.runAsGroup",
    "securityContext.supplementalGroups",
    "securityContext.supplementalGroupsPolicy",
    "securityContext.seLinuxChangePolicy",
];
const NOT_IN_WINDOWS_CONTAINERS: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

fn not_on_windows(causes: &mut Causes, spec: &At<'_>) {
    const RULE: &str = "cannot be set for a windows pod";
    for path in NOT_ON_WINDOWS {
        let field = spec.at(&path.split('.').collect::<Vec<_>>());
        // What a Pod shares with its node counts only where it does.
        let plain = ["hostPID", "hostIPC"].contains(&path);
        if field.is_set() && !(plain && field.is_false()) {
            field.forbidden(causes, RULE);
        }
    }
    for container in every_container(spec) {
        for key in NOT_IN_WINDOWS_CONTAINERS {
            let field = container.get("securityContext").get(key);
            if field.is_set() {
                field.forbidden(causes, RULE);
            }
        }
    }
}
