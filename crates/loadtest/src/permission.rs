//! What is done for a task: load by the generator that is built in, a program
//! that is allowed, or nothing.

use crate::command::{CommandError, GENERATORS, read_command};
use crate::load::Load;
use crate::words::{WordsError, split_words};
use std::collections::BTreeSet;
use trueup_rollout::webhooks::loadtest::{Task, TaskKind};

/// Whether commands may be given to a shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shell {
    /// They may, whatever they are.
    Allowed,
    /// They may not.
    #[default]
    Refused,
}

/// What whoever runs the server lets others run on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Programs by name, as commands write them. One that is named here is
    /// run even where the generator could play its command.
    pub programs: BTreeSet<String>,
    /// Whether commands may be given to a shell.
    pub shell: Shell,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Load.
    Load(Box<Load>),
    /// A program with its arguments.
    Program(Vec<String>),
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A program that is neither built in nor allowed.
    #[error(
        "{0} is not allowed here: built in are hey, wrk and ab; other programs are named by \
         --allow-commands"
    )]
    Program(String),
    /// A command that only a shell can run.
    #[error("{0}: shells are not allowed here (--allow-shell)")]
    Shell(WordsError),
    /// A command that says nothing that can be done.
    #[error("{0}")]
    Command(CommandError),
}

impl Refusal {
    /// 403 for what could be allowed, 400 for what can't be done.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Program(_) | Self::Shell(_) => 403,
            Self::Command(_) => 400,
        }
    }
}

impl Permissions {
    /// What is done for a task.
    ///
    /// # Errors
    /// What is not allowed, or can't be done.
    pub fn work(&self, task: &Task) -> Result<Work, Refusal> {
        match task.kind {
            TaskKind::Command | TaskKind::Bash => self.command(task),
            TaskKind::Helm | TaskKind::Kubectl => self.program(task.arguments()),
        }
    }

    fn command(&self, task: &Task) -> Result<Work, Refusal> {
        let by_shell = || Work::Program(task.arguments());
        let words = match split_words(&task.command) {
            Ok(words) => words,
            Err(WordsError::NeedsShell(_)) if self.shell == Shell::Allowed => {
                return Ok(by_shell());
            }
            Err(error @ WordsError::NeedsShell(_)) => return Err(Refusal::Shell(error)),
            Err(error) => return Err(Refusal::Command(error.into())),
        };
        let built_in = GENERATORS.contains(&words[0].as_str());
        if self.programs.contains(&words[0]) || (!built_in && self.shell == Shell::Refused) {
            return self.program(words);
        }
        match read_command(&words) {
            Ok(load) => Ok(Work::Load(Box::new(load))),
            Err(_) if self.shell == Shell::Allowed => Ok(by_shell()),
            Err(error) => Err(Refusal::Command(error)),
        }
    }

    fn program(&self, words: Vec<String>) -> Result<Work, Refusal> {
        match words.first() {
            Some(program) if self.programs.contains(program) => Ok(Work::Program(words)),
            program => Err(Refusal::Program(shown(program))),
        }
    }
}

/// A program's name as a message quotes it.
fn shown(program: Option<&String>) -> String {
    program
        .map_or("", String::as_str)
        .chars()
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(kind: TaskKind, command: &str) -> Task {
        Task {
            canary: "podinfo.test".to_owned(),
            kind,
            command: command.to_owned(),
            logs_output: false,
            returns_output: false,
        }
    }

    fn permissions(programs: &[&str], shell: Shell) -> Permissions {
        Permissions {
            programs: programs.iter().map(|it| (*it).to_owned()).collect(),
            shell,
        }
    }

    /// What becomes of a command: `load`, the program's words, or the status
    /// of the refusal.
    fn outcome(permissions: &Permissions, kind: TaskKind, command: &str) -> String {
        match permissions.work(&task(kind, command)) {
            Ok(Work::Load(_)) => "load".to_owned(),
            Ok(Work::Program(words)) => words.join("|"),
            Err(refusal) => refusal.status().to_string(),
        }
    }

    #[test]
    fn without_permissions_only_the_generator_is_run() {
        let none = Permissions::default();
        for (kind, command, expected) in [
            (TaskKind::Command, "hey -z 1m -q 10 -c 2 http://a", "load"),
            (TaskKind::Bash, "wrk -d 5s http://a", "load"),
            (TaskKind::Command, "hey -z 1m http://a; curl evil", "403"),
            (
                TaskKind::Command,
                "hey $(cat /var/run/secrets/token)",
                "403",
            ),
            (TaskKind::Command, "sh -c 'hey http://a'", "403"),
            (TaskKind::Command, "/bin/hey http://a", "403"),
            (TaskKind::Command, "../hey http://a", "403"),
            (TaskKind::Command, "hey -D /etc/passwd http://a", "400"),
            (TaskKind::Command, "hey", "400"),
            (TaskKind::Command, "", "400"),
            (TaskKind::Command, "hey 'http://a", "400"),
            (TaskKind::Bash, "curl -s http://a | grep ok", "403"),
            (TaskKind::Bash, "bats /tests/a.bats", "403"),
            (TaskKind::Helm, "test podinfo -n test", "403"),
            (TaskKind::Kubectl, "delete namespace kube-system", "403"),
        ] {
            assert_eq!(outcome(&none, kind, command), expected, "{command}");
        }
    }

    #[test]
    fn programs_that_are_named_get_their_words_and_no_shell() {
        let some = permissions(&["helm", "ghz", "wrk"], Shell::Refused);
        for (kind, command, expected) in [
            (
                TaskKind::Helm,
                "test podinfo; rm *",
                "helm|test|podinfo;|rm|*",
            ),
            (TaskKind::Kubectl, "get pods", "403"),
            (
                TaskKind::Command,
                "ghz 'a b' --insecure",
                "ghz|a b|--insecure",
            ),
            (TaskKind::Command, "ghz a | sh", "403"),
            (TaskKind::Command, "ghz a --x $HOME", "403"),
            (TaskKind::Bash, "helm list", "helm|list"),
            (TaskKind::Command, "/usr/bin/ghz a", "403"),
            (
                TaskKind::Command,
                "wrk -s x.lua http://a",
                "wrk|-s|x.lua|http://a",
            ),
            (TaskKind::Command, "hey http://a", "load"),
        ] {
            assert_eq!(outcome(&some, kind, command), expected, "{command}");
        }
    }

    #[test]
    fn with_a_shell_all_goes_that_the_generator_cannot_play() {
        let all = permissions(&[], Shell::Allowed);
        for (kind, command, expected) in [
            (TaskKind::Command, "hey http://a", "load"),
            (
                TaskKind::Command,
                "hey -o csv http://a",
                "sh|-c|hey -o csv http://a",
            ),
            (TaskKind::Command, "echo a | cat", "sh|-c|echo a | cat"),
            (TaskKind::Bash, "bats a", "bash|-c|bats a"),
            (TaskKind::Helm, "list", "403"),
        ] {
            assert_eq!(outcome(&all, kind, command), expected, "{command}");
        }
    }

    #[test]
    fn refusals_name_what_is_refused() {
        let refused = |command| {
            let error = Permissions::default().work(&task(TaskKind::Command, command));
            error.unwrap_err().to_string()
        };
        assert!(refused("curl http://a").starts_with("curl is not allowed here"));
        assert!(refused("hey http://a?b=1&c=2").contains("has to be quoted"));
        assert!(refused("hey -x p http://a").contains("option x: not supported"));
    }
}
