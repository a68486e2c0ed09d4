//! What a Pod asks of the process node, read once.

use super::probe::ProbeKind;
use crate::process::dial::{MAX_PORTS, ports_of};
use crate::process::{Image, ImageMap, Program};
use jiff::SignedDuration;
use trueup_object::{Text, Value};

/// When a container that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

/// A program, and the words that a Pod gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub program: Program,
    pub words: Vec<String>,
}

/// A GET request to one of a container's ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpGet {
    pub port: u16,
    pub path: String,
    pub headers: Vec<(String, String)>,
}

/// How a probe looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Http(HttpGet),
    Tcp(u16),
    Exec(Invocation),
}

/// What is done before a container is asked to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Http(HttpGet),
    Exec(Invocation),
    Sleep(SignedDuration),
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub check: Check,
    pub initial_delay: SignedDuration,
    pub period: SignedDuration,
    pub timeout: SignedDuration,
    pub success_threshold: u32,
    pub failure_threshold: u32,
    /// The time to end that a container has after this probe failed; `None`
    /// for the Pod's.
    pub grace: Option<SignedDuration>,
}

/// One container that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Runnable {
    /// Words may hold `$(NAME)`.
    pub invocation: Invocation,
    pub pre_stop: Option<Hook>,
    probes: Vec<(ProbeKind, Probe)>,
}

impl Runnable {
    pub(crate) fn probe(&self, kind: ProbeKind) -> Option<&Probe> {
        self.probes
            .iter()
            .find(|(it, _)| *it == kind)
            .map(|(_, probe)| probe)
    }
}

/// Why a container is never run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// In one word, such as `ErrImagePull`.
    pub reason: &'static str,
    pub message: String,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerSpec {
    pub name: Text,
    pub image: Text,
    /// As it is in the Pod.
    pub value: Value,
    pub runnable: Result<Runnable, Refusal>,
}

/// One Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodSpec {
    /// `NAME_NAMESPACE(UID)`, as messages name it.
    pub full_name: String,
    pub uid: Text,
    pub containers: Vec<ContainerSpec>,
    pub restart_policy: RestartPolicy,
    /// The time to end that its containers have.
    pub grace: SignedDuration,
    /// No longer than this may it run.
    pub active_deadline: Option<SignedDuration>,
    /// What it asks for and does not get, in words; empty for nothing.
    pub ignored: String,
}

impl PodSpec {
    /// Reads a Pod, given the images that are known.
    pub(crate) fn of(pod: &Value, images: &ImageMap) -> Self {
        let meta = |key| pod.str_at(&["metadata", key]).unwrap_or_default();
        let spec = pod.get("spec").cloned().unwrap_or_else(Value::map);
        let refusal = pod_refusal(pod, &spec);
        let container = |value: &Value| ContainerSpec {
            name: text(value, "name").into(),
            image: text(value, "image").into(),
            value: value.clone(),
            runnable: refusal.clone().map_or_else(|| runnable(value, images), Err),
        };
        Self {
            full_name: format!("{}_{}({})", meta("name"), meta("namespace"), meta("uid")),
            uid: meta("uid").into(),
            containers: list(&spec, "containers").iter().map(container).collect(),
            restart_policy: match text(&spec, "restartPolicy") {
                "Never" => RestartPolicy::Never,
                "OnFailure" => RestartPolicy::OnFailure,
                _ => RestartPolicy::Always,
            },
            grace: seconds(&spec, "terminationGracePeriodSeconds").unwrap_or(DEFAULT_GRACE),
            active_deadline: seconds(&spec, "activeDeadlineSeconds"),
            ignored: ignored(&spec),
        }
    }

    /// The containers' names in their order.
    pub(crate) fn names(&self) -> Vec<Text> {
        self.containers
            .iter()
            .map(|container| container.name.clone())
            .collect()
    }
}

const DEFAULT_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// Where every Pod gets a token that needs no mention here.
const TOKEN_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.str_at(&[key]).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_list).unwrap_or_default()
}

fn words(value: &Value, key: &str) -> Vec<String> {
    list(value, key)
        .iter()
        .map(|word| word.as_str().unwrap_or_default().to_owned())
        .collect()
}

/// A number of seconds; negative ones are none, and none is over the API's
/// 32 bits.
fn seconds(value: &Value, key: &str) -> Option<SignedDuration> {
    let seconds = value.get(key)?.as_i64()?;
    Some(SignedDuration::from_secs(
        seconds.clamp(0, i64::from(i32::MAX)),
    ))
}

fn pod_refusal(pod: &Value, spec: &Value) -> Option<Refusal> {
    let ports = ports_of(pod).len();
    let message = if !list(spec, "initContainers").is_empty() {
        "the process node runs no init containers (spec.initContainers)".to_owned()
    } else if ports > MAX_PORTS {
        format!("the containers have {ports} ports, more than {MAX_PORTS} (MAX_PORTS)")
    } else {
        return None;
    };
    Some(refusal(message))
}

fn refusal(message: impl Into<String>) -> Refusal {
    Refusal {
        reason: "CreateContainerConfigError",
        message: message.into(),
    }
}

fn ignored(spec: &Value) -> String {
    let mut ignored = Vec::new();
    for container in list(spec, "containers") {
        let mut mounts = list(container, "volumeMounts").iter();
        if mounts.any(|mount| text(mount, "mountPath") != TOKEN_FOLDER) {
            ignored.push(format!(
                "volumeMounts of container {}",
                text(container, "name")
            ));
        }
        if !text(container, "workingDir").is_empty() {
            ignored.push(format!(
                "workingDir of container {}",
                text(container, "name")
            ));
        }
    }
    ignored.join(", ")
}

fn runnable(container: &Value, images: &ImageMap) -> Result<Runnable, Refusal> {
    let name = text(container, "image");
    let image = images.find(name).ok_or_else(|| Refusal {
        reason: "ErrImagePull",
        message: format!(
            "image \"{name}\" is no program of this node: its configuration maps no such image name"
        ),
    })?;
    if container.at(&["lifecycle", "postStart"]).is_some() {
        return Err(refusal("the process node runs no lifecycle.postStart"));
    }
    let mut probes = Vec::new();
    for kind in ProbeKind::ALL {
        if let Some(value) = container.get(kind.field()).filter(|it| !it.is_null()) {
            probes.push((kind, probe(value, kind, container, image)?));
        }
    }
    let hook = container
        .at(&["lifecycle", "preStop"])
        .filter(|it| !it.is_null());
    Ok(Runnable {
        invocation: entry(container, image)?,
        pre_stop: hook
            .map(|hook| pre_stop(hook, container, image))
            .transpose()?,
        probes,
    })
}

/// What the container's process is: the image's program, or the one of its
/// commands that `command` names.
fn entry(container: &Value, image: &Image) -> Result<Invocation, Refusal> {
    let command = words(container, "command");
    let mut invocation = match command.is_empty() {
        true => Invocation {
            program: image.entrypoint.clone(),
            words: Vec::new(),
        },
        false => named(command, "command", image)?,
    };
    invocation.words.extend(words(container, "args"));
    Ok(invocation)
}

/// A command line whose first word names one of the image's commands.
fn named(mut line: Vec<String>, field: &str, image: &Image) -> Result<Invocation, Refusal> {
    let word = if line.is_empty() {
        String::new()
    } else {
        line.remove(0)
    };
    let program = image.commands.get(&word).ok_or_else(|| {
        refusal(format!(
            "{field}: \"{word}\" is none of the commands that this node's configuration maps for the image"
        ))
    })?;
    Ok(Invocation {
        program: program.clone(),
        words: line,
    })
}

fn probe(
    value: &Value,
    kind: ProbeKind,
    container: &Value,
    image: &Image,
) -> Result<Probe, Refusal> {
    let field = kind.field();
    let count = |key, default| {
        let count = value.i64_at(&[key]).unwrap_or(default);
        u32::try_from(count.max(1)).unwrap_or(u32::MAX)
    };
    let over_zero = |key, default| {
        let second = SignedDuration::from_secs(1);
        seconds(value, key)
            .unwrap_or(SignedDuration::from_secs(default))
            .max(second)
    };
    let check = if let Some(get) = value.get("httpGet") {
        Check::Http(http_get(get, &format!("{field}.httpGet"), container)?)
    } else if let Some(socket) = value.get("tcpSocket") {
        let field = format!("{field}.tcpSocket");
        own_host(socket, &field)?;
        Check::Tcp(port(socket, &field, container)?)
    } else if let Some(exec) = value.get("exec") {
        Check::Exec(named(
            words(exec, "command"),
            &format!("{field}.exec"),
            image,
        )?)
    } else if value.get("grpc").is_some() {
        return Err(refusal(format!("the process node has no {field}.grpc")));
    } else {
        return Err(refusal(format!(
            "{field}: it says neither httpGet, tcpSocket nor exec"
        )));
    };
    Ok(Probe {
        check,
        initial_delay: seconds(value, "initialDelaySeconds").unwrap_or(SignedDuration::ZERO),
        period: over_zero("periodSeconds", 10),
        timeout: over_zero("timeoutSeconds", 1),
        success_threshold: count("successThreshold", 1),
        failure_threshold: count("failureThreshold", 3),
        grace: seconds(value, "terminationGracePeriodSeconds"),
    })
}

fn pre_stop(hook: &Value, container: &Value, image: &Image) -> Result<Hook, Refusal> {
    let field = "lifecycle.preStop";
    if let Some(get) = hook.get("httpGet") {
        let get = http_get(get, &format!("{field}.httpGet"), container)?;
        Ok(Hook::Http(get))
    } else if let Some(exec) = hook.get("exec") {
        let exec = named(words(exec, "command"), &format!("{field}.exec"), image)?;
        Ok(Hook::Exec(exec))
    } else if let Some(sleep) = hook.get("sleep") {
        Ok(Hook::Sleep(
            seconds(sleep, "seconds").unwrap_or(SignedDuration::ZERO),
        ))
    } else {
        Err(refusal(format!(
            "{field}: it says neither httpGet, exec nor sleep"
        )))
    }
}

fn http_get(get: &Value, field: &str, container: &Value) -> Result<HttpGet, Refusal> {
    own_host(get, field)?;
    if text(get, "scheme") == "HTTPS" {
        return Err(refusal(format!(
            "{field}: the process node asks without TLS only (scheme: HTTP)"
        )));
    }
    let headers = list(get, "httpHeaders").iter();
    let path = text(get, "path");
    Ok(HttpGet {
        port: port(get, field, container)?,
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
        headers: headers
            .map(|header| {
                (
                    text(header, "name").to_owned(),
                    text(header, "value").to_owned(),
                )
            })
            .collect(),
    })
}

/// The node dials its own Pods and nothing else.
fn own_host(value: &Value, field: &str) -> Result<(), Refusal> {
    match text(value, "host") {
        "" => Ok(()),
        _ => Err(refusal(format!(
            "{field}.host: the process node asks the Pod itself only"
        ))),
    }
}

/// The number of a port, given by itself or by the name it has in the
/// container.
fn port(value: &Value, field: &str, container: &Value) -> Result<u16, Refusal> {
    let wanted = value.get("port");
    let number = match wanted.and_then(Value::as_str) {
        Some(name) => {
            let mut ports = list(container, "ports").iter();
            let found = ports.find(|port| !name.is_empty() && text(port, "name") == name);
            found
                .and_then(|port| port.i64_at(&["containerPort"]))
                .or_else(|| name.parse().ok())
        }
        None => wanted.and_then(Value::as_i64),
    };
    let number = number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|it| *it > 0);
    number.ok_or_else(|| refusal(format!("{field}.port is none of the container's ports")))
}
