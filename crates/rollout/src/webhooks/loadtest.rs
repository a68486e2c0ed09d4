//! The requests of Flagger's load tester: gates that somebody opens and
//! closes, and commands that are run while a canary is watched.
//!
//! Only what is asked and what is answered; the gates themselves and the
//! commands are the caller's.

use super::incoming::{Incoming, read_payload, route};
use trueup_gocompat::regexp::Regexp;
use trueup_object::Text;

/// The most bytes of one request.
pub const MAX_LOADTEST_BODY_BYTES: usize = 1 << 20;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadtestReply {
    /// The status code.
    pub status: u16,
    /// The body, plain text.
    pub body: String,
}

impl LoadtestReply {
    fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadtestRequest {
    /// Nothing but this answer: health, the gates that are always open or
    /// always closed.
    Answered(LoadtestReply),
    /// Something about a gate.
    Gate {
        /// What.
        action: GateAction,
        /// Which of the Canary's gates. One that nobody has opened is closed.
        kind: GateKind,
        /// The Canary's name, as it was given.
        name: Text,
        /// Its namespace, as it was given.
        namespace: Text,
    },
    /// A command.
    Task(Task),
}

/// What a gate lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateKind {
    /// A canary on its way: `/gate/…`.
    Advance,
    /// A rollback of it: `/rollback/…`.
    Rollback,
}

/// What is wanted of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateAction {
    /// Whether it is open.
    Check,
    /// That it is open from now on.
    Open,
    /// That it is closed from now on.
    Close,
}

/// How a command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// `cmd`: by `sh -c`, answered before it ends. The same command of the
    /// same Canary isn't started while it runs.
    Command,
    /// `bash`: by `bash -c`, answered with its result.
    Bash,
    /// `helm`, `helmv3`: its words as arguments of helm.
    Helm,
    /// `kubectl`: its words as arguments of kubectl.
    Kubectl,
}

/// A command that is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// `name.namespace`.
    pub canary: String,
    /// How.
    pub kind: TaskKind,
    /// `cmd` of the metadata.
    pub command: String,
    /// `logCmdOutput`: whether what it prints is logged.
    pub logs_output: bool,
    /// `returnCmdOutput`: whether what it prints is the answer.
    pub returns_output: bool,
}

/// Reads a request by its path and body, whatever its method is. A path means
/// what it means when it is cleaned: Flagger's load tester redirects to that.
/// Namespaces that don't match are refused.
///
/// # Errors
/// What is to be answered to a request that can't be understood or isn't
/// allowed.
pub fn read_request(
    path: &str,
    body: &[u8],
    namespaces: Option<&Regexp>,
) -> Result<LoadtestRequest, LoadtestReply> {
    let answered = |status, body| Ok(LoadtestRequest::Answered(LoadtestReply::new(status, body)));
    let route = route(path);
    let segments: Vec<&str> = route.iter().map(AsRef::as_ref).collect();
    let (action, kind) = match segments.as_slice() {
        ["healthz"] | ["gate", "approve"] => return answered(200, "OK"),
        ["gate", "halt"] => return answered(403, "Forbidden"),
        ["gate", "check"] => (GateAction::Check, GateKind::Advance),
        ["gate", "open"] => (GateAction::Open, GateKind::Advance),
        ["gate", "close"] => (GateAction::Close, GateKind::Advance),
        ["rollback", "check"] => (GateAction::Check, GateKind::Rollback),
        ["rollback", "open"] => (GateAction::Open, GateKind::Rollback),
        ["rollback", "close"] => (GateAction::Close, GateKind::Rollback),
        _ => {
            let payload = allowed_payload(body, namespaces)?;
            return task(&payload).map(LoadtestRequest::Task);
        }
    };
    let payload = allowed_payload(body, namespaces)?;
    Ok(LoadtestRequest::Gate {
        action,
        kind,
        name: payload.name,
        namespace: payload.namespace,
    })
}

/// The answer to a request about a gate; `open` is how a checked one is.
#[must_use]
pub fn gate_reply(action: GateAction, open: bool) -> LoadtestReply {
    match (action, open) {
        (GateAction::Check, true) => LoadtestReply::new(200, "Approved"),
        (GateAction::Check, false) => LoadtestReply::new(403, "Forbidden"),
        (GateAction::Open | GateAction::Close, _) => LoadtestReply::new(202, ""),
    }
}

impl Task {
    /// The program and its arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let by_shell = |shell: &str| vec![shell.to_owned(), "-c".to_owned(), self.command.clone()];
        let words = |program: &str| {
            let words = self.command.split_whitespace();
            [program]
                .into_iter()
                .chain(words)
                .map(str::to_owned)
                .collect()
        };
        match self.kind {
            TaskKind::Command => by_shell("sh"),
            TaskKind::Bash => by_shell("bash"),
            TaskKind::Helm => words("helm"),
            TaskKind::Kubectl => words("kubectl"),
        }
    }

    /// Whether the answer waits for the command's end.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        !matches!(self.kind, TaskKind::Command)
    }

    /// The answer to a command that isn't awaited: it was taken.
    #[must_use]
    pub fn accepted(&self) -> LoadtestReply {
        LoadtestReply::new(202, "")
    }

    /// The answer to a command that ended well or, with what went wrong (such
    /// as `exit status 1`), did not.
    #[must_use]
    pub fn finished(&self, output: &str, failure: Option<&str>) -> LoadtestReply {
        match failure {
            Some(failure) => LoadtestReply::new(
                500,
                format!("command {} failed: {output}: {failure}", self.command),
            ),
            None if self.returns_output => LoadtestReply::new(200, output),
            None => LoadtestReply::new(200, ""),
        }
    }
}

fn allowed_payload(body: &[u8], namespaces: Option<&Regexp>) -> Result<Incoming, LoadtestReply> {
    if body.len() > MAX_LOADTEST_BODY_BYTES {
        return Err(LoadtestReply::new(413, ""));
    }
    let payload = read_payload(body).ok_or_else(|| LoadtestReply::new(400, ""))?;
    if namespaces.is_some_and(|allowed| !allowed.is_match(&payload.namespace)) {
        return Err(LoadtestReply::new(403, "Forbidden"));
    }
    Ok(payload)
}

fn task(payload: &Incoming) -> Result<Task, LoadtestReply> {
    let refused = |words: String| Err(LoadtestReply::new(400, words));
    let metadata = &payload.metadata;
    if metadata.is_empty() {
        return refused("metadata not found in payload".to_owned());
    }
    let text = |key: &str| metadata.get(key).map(Text::as_str);
    let kind = match text("type").unwrap_or("cmd") {
        "cmd" => TaskKind::Command,
        "bash" => TaskKind::Bash,
        "helm" | "helmv3" => TaskKind::Helm,
        "kubectl" => TaskKind::Kubectl,
        other => return refused(format!("unknown task type {other}")),
    };
    if kind == TaskKind::Command && text("cmd").is_none() {
        return refused("cmd not found in metadata".to_owned());
    }
    Ok(Task {
        canary: format!("{}.{}", payload.name, payload.namespace),
        kind,
        command: text("cmd").unwrap_or_default().to_owned(),
        logs_output: kind != TaskKind::Command || text("logCmdOutput").is_some_and(is_true),
        returns_output: text("returnCmdOutput").is_some_and(is_true),
    })
}

/// Go's `strconv.ParseBool`; what it can't read is not true.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}
