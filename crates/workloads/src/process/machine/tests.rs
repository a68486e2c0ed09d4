use super::*;
use crate::process::{Image, ImageMap, Program, RestartBackoff};
use jiff::{SignedDuration, Timestamp};
use trueup_object::{Value, value};

/// A Pod played with: time goes on as the test says, commands become words.
struct Play {
    pod: Value,
    spec: PodSpec,
    state: PodState,
    now: Timestamp,
    wake_at: Option<Timestamp>,
    deletion: Option<SignedDuration>,
    told: Vec<String>,
}

fn images() -> ImageMap {
    let web = Image::new(Program::new("/bin/web")).with_command("sh", Program::new("/bin/sh"));
    ImageMap::default().with("web", web)
}

fn pod(container: Value, spec: Value) -> Value {
    let mut pod =
        value!({"metadata": {"name": "web-1", "namespace": "n", "uid": "u"}, "spec": spec});
    let mut container = container;
    for (key, text) in [("name", "app"), ("image", "web:1")] {
        if container.get(key).is_none() {
            container.set_at(&[key], text.into());
        }
    }
    pod.set_at(&["spec", "containers"], vec![container].into());
    pod
}

impl Play {
    fn of(pod: Value) -> Self {
        let spec = PodSpec::of(&pod, &images());
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        Self {
            state: PodState::new(&pod, &spec.names(), now),
            pod,
            spec,
            now,
            wake_at: None,
            deletion: None,
            told: Vec::new(),
        }
    }

    fn new(container: Value, spec: Value) -> Self {
        Self::of(pod(container, spec))
    }

    /// Started already.
    fn running(container: Value, spec: Value) -> Self {
        let mut play = Self::new(container, spec);
        assert_eq!(play.go(), ["start 1"]);
        play.happens(What::Started);
        play
    }

    fn go(&mut self) -> Vec<String> {
        self.step(None)
    }

    fn happens(&mut self, what: What) -> Vec<String> {
        let run = self.state.containers[0].run;
        self.happens_in(run, what)
    }

    fn happens_in(&mut self, run: u32, what: What) -> Vec<String> {
        self.step(Some(Observation {
            container: 0,
            run,
            what,
        }))
    }

    fn step(&mut self, observation: Option<Observation>) -> Vec<String> {
        let backoff = RestartBackoff::default();
        let step = step(
            &self.spec,
            self.state.clone(),
            observation,
            self.deletion,
            backoff,
            self.now,
        );
        self.state = step.state;
        self.wake_at = step.wake_at;
        let mut words = Vec::new();
        for command in step.commands {
            match command {
                Command::Start { run, .. } => words.push(format!("start {run}")),
                Command::Probe { kind, .. } => words.push(format!("ask {}", kind.name())),
                Command::Hook { .. } => words.push("hook".into()),
                Command::Terminate { .. } => words.push("terminate".into()),
                Command::Kill { .. } => words.push("kill".into()),
                Command::Finish => words.push("finish".into()),
                Command::Tell(Telling {
                    reason, message, ..
                }) => {
                    self.told.push(format!("{reason}: {message}"));
                }
            }
        }
        words
    }

    fn passes_ms(&mut self, milliseconds: i64) -> Vec<String> {
        self.now += SignedDuration::from_millis(milliseconds);
        self.go()
    }

    fn passes(&mut self, seconds: i64) -> Vec<String> {
        self.passes_ms(seconds * 1_000)
    }

    /// Milliseconds until the next time that matters.
    fn sleeps_ms(&self) -> Option<i128> {
        self.wake_at
            .map(|at| at.duration_since(self.now).as_millis())
    }

    fn status(&self) -> Value {
        status_of(&self.spec, &self.state, &self.pod, 1, self.now)
    }

    fn phase(&self) -> String {
        self.status().str_at(&["phase"]).unwrap().into()
    }

    fn container(&self) -> Value {
        self.status()
            .get("containerStatuses")
            .unwrap()
            .as_list()
            .unwrap()[0]
            .clone()
    }

    fn waits_for(&self) -> Option<String> {
        self.container()
            .str_at(&["state", "waiting", "reason"])
            .map(Into::into)
    }

    fn is_ready(&self) -> bool {
        let conditions = self.status().get("conditions").unwrap().clone();
        let ready = crate::conditions::get(conditions.as_list().unwrap(), "Ready")
            .unwrap()
            .clone();
        ready.str_at(&["status"]) == Some("True")
    }
}

fn failed() -> Outcome {
    Outcome::Failed("no".into())
}

#[test]
fn a_container_without_probes_is_ready_as_soon_as_it_runs() {
    let mut play = Play::new(value!({}), value!({}));
    assert_eq!((play.phase().as_str(), play.is_ready()), ("Pending", false));
    assert_eq!(play.go(), ["start 1"]);
    assert_eq!(play.waits_for().as_deref(), Some("ContainerCreating"));
    play.happens(What::Started);
    assert_eq!((play.phase().as_str(), play.is_ready()), ("Running", true));
    assert!(
        play.status()
            .str_at(&["podIP"])
            .unwrap()
            .starts_with("10.244.")
    );
    assert_eq!(play.wake_at, None);
    assert_eq!(play.told, ["Started: Started container app"]);
}

#[test]
fn the_pause_before_a_restart_doubles_and_is_forgotten_after_a_long_run() {
    let mut play = Play::running(value!({}), value!({}));
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let commands = play.happens(What::Exited(3));
        pauses.push(if commands.is_empty() {
            assert_eq!(play.waits_for().as_deref(), Some("CrashLoopBackOff"));
            let pause = play.sleeps_ms().unwrap() / 1_000;
            assert!(play.passes_ms(pause as i64 * 1_000 - 1).is_empty());
            assert!(play.passes_ms(1)[0].starts_with("start"));
            pause
        } else {
            assert!(commands[0].starts_with("start"));
            0
        });
        play.happens(What::Started);
    }
    assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(play.container().i64_at(&["restartCount"]), Some(8));
    assert_eq!(
        play.container()
            .i64_at(&["lastState", "terminated", "exitCode"]),
        Some(3)
    );
    play.passes(601);
    assert!(play.happens(What::Exited(0))[0].starts_with("start"));
}

#[test]
fn a_back_off_says_for_how_long_and_for_what() {
    let mut play = Play::running(value!({}), value!({}));
    for _ in 0..5 {
        play.happens(What::Exited(1));
        play.passes(300);
        play.happens(What::Started);
    }
    play.happens(What::Exited(1));
    assert_eq!(
        play.container().str_at(&["state", "waiting", "message"]),
        Some("back-off 2m40s restarting failed container=app pod=web-1_n(u)")
    );
    assert_eq!(
        play.told.last().unwrap(),
        "BackOff: Back-off restarting failed container app in pod web-1_n(u)"
    );
    assert_eq!(play.phase(), "Running");
}

#[test]
fn the_restart_policy_says_who_is_started_again_and_what_becomes_of_the_pod() {
    for (policy, code, restarts, phase) in [
        ("Always", 0, true, "Running"),
        ("Always", 1, true, "Running"),
        ("OnFailure", 0, false, "Succeeded"),
        ("OnFailure", 1, true, "Running"),
        ("Never", 0, false, "Succeeded"),
        ("Never", 137, false, "Failed"),
    ] {
        let mut play = Play::running(value!({}), value!({"restartPolicy": policy}));
        let commands = play.happens(What::Exited(code));
        assert_eq!(!commands.is_empty(), restarts, "{policy} {code}");
        assert_eq!(play.phase(), phase, "{policy} {code}");
        assert!(!play.is_ready());
    }
}

#[test]
fn a_program_that_can_not_be_executed_ends_with_code_128() {
    let mut play = Play::new(value!({}), value!({"restartPolicy": "Never"}));
    play.go();
    play.happens(What::NotExecuted("No such file".into()));
    let terminated = play
        .container()
        .at(&["state", "terminated"])
        .unwrap()
        .clone();
    assert_eq!(terminated.i64_at(&["exitCode"]), Some(128));
    assert_eq!(terminated.str_at(&["reason"]), Some("StartError"));
    assert_eq!(play.phase(), "Failed");
}

#[test]
fn readiness_is_asked_eagerly_at_first_then_by_its_period_and_thresholds() {
    let probe = value!({"httpGet": {"port": 80}, "periodSeconds": 1, "successThreshold": 2, "failureThreshold": 3});
    let mut play = Play::new(value!({"readinessProbe": probe}), value!({}));
    play.go();
    assert_eq!(play.happens(What::Started), ["ask Readiness"]);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        play.happens(What::Probed(ProbeKind::Readiness, failed()));
        let pause = play.sleeps_ms().unwrap();
        pauses.push(pause);
        assert_eq!(play.passes_ms(pause as i64), ["ask Readiness"]);
    }
    assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000]);
    let mut readiness = Vec::new();
    for passed in [
        true, true, false, false, true, false, false, false, true, true,
    ] {
        let outcome = if passed { Outcome::Passed } else { failed() };
        play.happens(What::Probed(ProbeKind::Readiness, outcome));
        readiness.push(play.is_ready());
        play.passes(1);
    }
    let expected = [
        false, true, true, true, true, true, true, false, false, true,
    ];
    assert_eq!(readiness, expected);
    assert_eq!(play.container().i64_at(&["restartCount"]), Some(0));
    assert!(
        play.told
            .contains(&"Unhealthy: Readiness probe failed: no".to_owned())
    );
}

#[test]
fn a_container_whose_liveness_fails_is_ended_by_force_in_the_end_and_started_again() {
    let probe = value!({"tcpSocket": {"port": 80}, "initialDelaySeconds": 5, "periodSeconds": 2,
        "terminationGracePeriodSeconds": 4});
    let mut play = Play::running(value!({"livenessProbe": probe}), value!({}));
    assert_eq!(play.sleeps_ms(), Some(5_000));
    assert_eq!(play.passes(5), ["ask Liveness"]);
    for _ in 0..2 {
        assert!(
            play.happens(What::Probed(ProbeKind::Liveness, failed()))
                .is_empty()
        );
        assert_eq!(play.passes(2), ["ask Liveness"]);
    }
    let commands = play.happens(What::Probed(ProbeKind::Liveness, failed()));
    assert_eq!(commands, ["terminate"]);
    let message = "Killing: Container app failed liveness probe, will be restarted";
    assert_eq!(play.told.last().unwrap(), message);
    assert_eq!(play.sleeps_ms(), Some(4_000));
    assert!(play.passes_ms(3_999).is_empty());
    assert_eq!(play.passes_ms(1), ["kill"]);
    assert_eq!(play.happens(What::Exited(137)), ["start 2"]);
    play.happens(What::Started);
    assert_eq!(play.sleeps_ms(), Some(5_000), "the new run is asked anew");
}

#[test]
fn other_probes_wait_for_startup() {
    let container = value!({
        "startupProbe": {"exec": {"command": ["sh", "-c", "true"]}, "periodSeconds": 1, "failureThreshold": 2},
        "readinessProbe": {"httpGet": {"port": 80}}, "livenessProbe": {"httpGet": {"port": 80}},
    });
    let mut play = Play::new(container.clone(), value!({}));
    play.go();
    assert_eq!(play.happens(What::Started), ["ask Startup"]);
    assert_eq!(
        play.container().get("started").unwrap().as_bool(),
        Some(false)
    );
    play.happens(What::Probed(ProbeKind::Startup, failed()));
    assert_eq!(play.passes(1), ["ask Startup"]);
    let asked = play.happens(What::Probed(ProbeKind::Startup, Outcome::Passed));
    assert_eq!(asked, ["ask Readiness", "ask Liveness"]);
    assert_eq!(
        play.container().get("started").unwrap().as_bool(),
        Some(true)
    );
    play.happens(What::Probed(ProbeKind::Readiness, Outcome::Passed));
    assert!(play.is_ready());

    let mut play = Play::running(container, value!({}));
    play.happens(What::Probed(ProbeKind::Startup, failed()));
    play.passes(1);
    let commands = play.happens(What::Probed(ProbeKind::Startup, failed()));
    assert_eq!(commands, ["terminate"]);
    assert!(play.told.last().unwrap().contains("failed startup probe"));
}

#[test]
fn a_deleted_pod_gets_its_hook_then_its_time_then_the_end() {
    let container = value!({"lifecycle": {"preStop": {"exec": {"command": ["sh"]}}}});
    let mut play = Play::running(container, value!({}));
    play.deletion = Some(SignedDuration::from_secs(10));
    assert_eq!(play.go(), ["hook"]);
    assert_eq!(play.passes(3), [""; 0]);
    assert_eq!(play.happens(What::HookDone(failed())), ["terminate"]);
    assert_eq!(
        play.told.last().unwrap(),
        "FailedPreStopHook: PreStopHook failed: no"
    );
    assert_eq!(play.sleeps_ms(), Some(7_000));
    assert_eq!(play.passes(7), ["kill"]);
    assert_eq!(play.passes(1), [""; 0]);
    assert_eq!(play.happens(What::Exited(137)), ["finish"]);
    assert_eq!(play.phase(), "Running", "the Pod is not marked here");
    play.pod.set_at(
        &["metadata", "deletionTimestamp"],
        "2026-01-01T00:00:00Z".into(),
    );
    assert_eq!(play.phase(), "Failed");
    assert_eq!(play.go(), [""; 0], "once is enough");
}

#[test]
fn a_hook_that_takes_all_the_time_leaves_two_seconds() {
    let container = value!({"lifecycle": {"preStop": {"sleep": {"seconds": 100}}}});
    let mut play = Play::running(container, value!({}));
    play.deletion = Some(SignedDuration::from_secs(10));
    play.go();
    assert_eq!(play.passes(10), ["terminate"]);
    assert_eq!(play.sleeps_ms(), Some(2_000));
    assert_eq!(play.passes(2), ["kill"]);
}

#[test]
fn who_deletes_again_with_less_time_is_heard() {
    let mut play = Play::running(value!({}), value!({}));
    play.deletion = Some(SignedDuration::from_secs(30));
    assert_eq!(play.go(), ["terminate"]);
    play.passes(1);
    play.deletion = Some(SignedDuration::from_secs(2));
    play.go();
    assert_eq!(play.sleeps_ms(), Some(2_000));
    play.deletion = Some(SignedDuration::ZERO);
    assert_eq!(play.go(), ["kill"]);
}

#[test]
fn a_pod_deleted_while_it_starts_or_waits_is_ended_all_the_same() {
    let mut play = Play::new(value!({}), value!({}));
    play.go();
    play.deletion = Some(SignedDuration::from_secs(5));
    assert_eq!(play.go(), [""; 0], "its process may come up yet");
    assert_eq!(play.happens(What::Started), ["terminate"]);
    assert_eq!(play.happens(What::Exited(143)), ["finish"]);

    let mut play = Play::running(value!({}), value!({}));
    play.happens(What::Exited(1));
    play.happens(What::Started);
    play.happens(What::Exited(1));
    play.deletion = Some(SignedDuration::from_secs(5));
    assert_eq!(play.go(), ["finish"]);
}

#[test]
fn a_pod_that_runs_for_too_long_fails() {
    let mut play = Play::running(value!({}), value!({"activeDeadlineSeconds": 60}));
    assert_eq!(play.sleeps_ms(), Some(60_000));
    assert_eq!(play.passes(60), ["terminate"]);
    assert_eq!(play.happens(What::Exited(0)), [""; 0]);
    assert_eq!(play.phase(), "Failed");
    assert_eq!(play.status().str_at(&["reason"]), Some("DeadlineExceeded"));
    assert_eq!(play.passes(1_000), [""; 0]);
}

#[test]
fn news_of_an_earlier_run_change_nothing() {
    let mut play = Play::running(value!({}), value!({}));
    play.happens(What::Exited(1));
    play.happens(What::Started);
    let before = play.state.clone();
    for what in [
        What::Exited(9),
        What::Started,
        What::Probed(ProbeKind::Liveness, failed()),
    ] {
        play.happens_in(1, what);
    }
    assert_eq!(play.state, before);
}

#[test]
fn a_start_that_is_refused_is_tried_again() {
    let mut play = Play::new(value!({}), value!({}));
    play.go();
    play.happens(What::Refused {
        reason: "CreateContainerConfigError".into(),
        message: "configmap \"n/x\" not found".into(),
    });
    assert_eq!(
        play.waits_for().as_deref(),
        Some("CreateContainerConfigError")
    );
    assert_eq!(play.phase(), "Pending");
    assert_eq!(play.passes(5), ["start 2"]);
    play.happens(What::Started);
    assert_eq!(play.container().i64_at(&["restartCount"]), Some(0));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let probe = |probe: Value| value!({"readinessProbe": probe});
    for (container, reason, words) in [
        (
            value!({"image": "other:1"}),
            "ErrImagePull",
            "image \"other:1\" is no program of this node",
        ),
        (
            value!({"image": ""}),
            "ErrImagePull",
            "no program of this node",
        ),
        (
            value!({"command": ["/bin/bash"]}),
            "CreateContainerConfigError",
            "\"/bin/bash\" is none of the commands",
        ),
        (
            probe(value!({"grpc": {"port": 1}})),
            "CreateContainerConfigError",
            "readinessProbe.grpc",
        ),
        (
            probe(value!({})),
            "CreateContainerConfigError",
            "neither httpGet, tcpSocket nor exec",
        ),
        (
            probe(value!({"httpGet": {"port": 1, "host": "example.com"}})),
            "CreateContainerConfigError",
            "httpGet.host",
        ),
        (
            probe(value!({"httpGet": {"port": 1, "scheme": "HTTPS"}})),
            "CreateContainerConfigError",
            "without TLS",
        ),
        (
            probe(value!({"httpGet": {"port": "http"}})),
            "CreateContainerConfigError",
            "httpGet.port is none",
        ),
        (
            probe(value!({"tcpSocket": {"port": 70_000}})),
            "CreateContainerConfigError",
            "tcpSocket.port is none",
        ),
        (
            probe(value!({"exec": {"command": ["rm", "-rf", "/"]}})),
            "CreateContainerConfigError",
            "\"rm\" is none",
        ),
        (
            value!({"lifecycle": {"postStart": {"exec": {}}}}),
            "CreateContainerConfigError",
            "postStart",
        ),
    ] {
        let mut play = Play::new(container, value!({}));
        assert_eq!(play.go(), [""; 0]);
        assert_eq!(play.waits_for().as_deref(), Some(reason), "{words}");
        let message = play
            .container()
            .str_at(&["state", "waiting", "message"])
            .unwrap()
            .to_owned();
        assert!(message.contains(words), "{message}");
        assert_eq!((play.phase().as_str(), play.told.len()), ("Pending", 1));
        assert_eq!(play.passes(1_000), [""; 0]);
        assert_eq!(play.told.len(), 1);
    }
    let init = value!({"initContainers": [{"name": "i", "image": "web"}]});
    let mut play = Play::new(value!({}), init);
    play.go();
    assert!(
        play.told[0].contains("spec.initContainers"),
        "{:?}",
        play.told
    );
}

#[test]
fn what_is_passed_over_is_told_once() {
    let container = value!({"workingDir": "/srv", "volumeMounts": [
        {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "token"},
        {"mountPath": "/etc/app", "name": "settings"}]});
    let mut play = Play::running(container, value!({}));
    play.happens(What::Exited(1));
    let told = play
        .told
        .iter()
        .filter(|it| it.starts_with("NotSupported"))
        .collect::<Vec<_>>();
    let message = "NotSupported: The process node passes over: volumeMounts of container app, workingDir of container app";
    assert_eq!(told, [message]);
}

#[test]
fn processes_of_a_node_that_is_gone_are_gone_too() {
    let mut pod = pod(value!({}), value!({}));
    pod.set_at(&["status"], value!({"startTime": "2025-12-31T00:00:00Z", "containerStatuses": [{
        "name": "app", "restartCount": 4, "state": {"running": {"startedAt": "2025-12-31T00:00:01Z"}}}]}));
    let mut play = Play::of(pod);
    assert_eq!(play.go(), ["start 1"]);
    play.happens(What::Started);
    let container = play.container();
    assert_eq!(container.i64_at(&["restartCount"]), Some(5));
    let last = container.at(&["lastState", "terminated"]).unwrap().clone();
    assert_eq!(last.str_at(&["reason"]), Some("ContainerStatusUnknown"));
    assert_eq!(last.i64_at(&["exitCode"]), Some(137));
    assert_eq!(
        play.status().str_at(&["startTime"]),
        Some("2025-12-31T00:00:00Z")
    );
}

#[test]
fn readiness_gates_are_conditions_of_others() {
    let gates = value!({"readinessGates": [{"conditionType": "example.com/ready"}]});
    let mut play = Play::running(value!({}), gates);
    assert!(!play.is_ready());
    let condition = value!({"type": "example.com/ready", "status": "True"});
    play.pod
        .set_at(&["status", "conditions"], vec![condition].into());
    assert!(play.is_ready());
}

#[test]
fn a_status_that_says_the_same_stays_the_same() {
    let mut play = Play::running(value!({}), value!({}));
    let status = play.status();
    play.pod.set_at(&["status"], status.clone());
    play.passes(1_000);
    assert_eq!(play.status(), status);
}
