//! Tables of `apps` and `batch`.

use super::Builtin;
use super::age::{human_duration, since};
use super::cells::{
    NONE, age, condition, condition_is_true, containers_and_images, go_bool, label_selector,
    labels, list, name, number, text_or,
};
use super::columns::{AGE, CONTAINERS, Column, IMAGES, NAME, SELECTOR};
use jiff::Timestamp;
use trueup_object::Value;

const TEMPLATE: &[&str] = &["spec", "template"];
const READY: Column = Column::text("Ready", "How many of the wanted Pods are ready.");

pub static PRINTERS: &[Builtin] = &[
    Builtin {
        group: "apps",
        resource: "deployments",
        columns: &[
            NAME,
            READY,
            Column::text("Up-to-date", "Pods that have the wanted template."),
            Column::text("Available", "Pods that have been ready for long enough."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: deployment,
    },
    Builtin {
        group: "apps",
        resource: "replicasets",
        columns: REPLICA_SET_COLUMNS,
        cells: replica_set,
    },
    Builtin {
        group: "",
        resource: "replicationcontrollers",
        columns: REPLICA_SET_COLUMNS,
        cells: replica_set,
    },
    Builtin {
        group: "apps",
        resource: "statefulsets",
        columns: &[NAME, READY, AGE, CONTAINERS, IMAGES],
        cells: stateful_set,
    },
    Builtin {
        group: "apps",
        resource: "daemonsets",
        columns: &[
            NAME,
            Column::integer("Desired", "Nodes that should run the Pod."),
            Column::integer("Current", "Nodes that run the Pod and should."),
            Column::integer("Ready", "Nodes whose Pod is ready."),
            Column::integer("Up-to-date", "Nodes that run the wanted template."),
            Column::integer(
                "Available",
                "Nodes whose Pod has been ready for long enough.",
            ),
            Column::text("Node Selector", "Labels of the nodes that run the Pod."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: daemon_set,
    },
    Builtin {
        group: "apps",
        resource: "controllerrevisions",
        columns: &[
            NAME,
            Column::text("Controller", "The object that this is a revision of."),
            Column::text("Revision", "The number of the revision."),
            AGE,
        ],
        cells: controller_revision,
    },
    Builtin {
        group: "batch",
        resource: "jobs",
        columns: &[
            NAME,
            Column::text("Status", "State of the Job."),
            Column::text("Completions", "How many of the wanted Pods have succeeded."),
            Column::text("Duration", "Time from start to end, or until now."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: job,
    },
    Builtin {
        group: "batch",
        resource: "cronjobs",
        columns: &[
            NAME,
            Column::text("Schedule", "The schedule in cron's notation."),
            Column::text("Timezone", "The time zone of the schedule."),
            Column::boolean("Suspend", "Whether no further Jobs are started."),
            Column::integer("Active", "Jobs that run now."),
            Column::text("Last Schedule", "Time since the last Job was started."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: cron_job,
    },
];

const REPLICA_SET_COLUMNS: &[Column] = &[
    NAME,
    Column::integer("Desired", "Wanted Pods."),
    Column::integer("Current", "Pods that there are."),
    Column::integer("Ready", "Pods that are ready."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

fn ready_of_wanted(object: &Value) -> Value {
    let wanted = number(object, &["spec", "replicas"]);
    format!("{}/{wanted}", number(object, &["status", "readyReplicas"])).into()
}

fn deployment(object: &Value, now: Timestamp) -> Vec<Value> {
    let [containers, images] = containers_and_images(object, TEMPLATE);
    vec![
        name(object),
        ready_of_wanted(object),
        number(object, &["status", "updatedReplicas"]).into(),
        number(object, &["status", "availableReplicas"]).into(),
        age(object, now),
        containers,
        images,
        label_selector(object.at(&["spec", "selector"])).into(),
    ]
}

fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let [containers, images] = containers_and_images(object, TEMPLATE);
    let selector = object.at(&["spec", "selector"]);
    let structured = selector
        .is_some_and(|it| it.get("matchLabels").is_some() || it.get("matchExpressions").is_some());
    vec![
        name(object),
        number(object, &["spec", "replicas"]).into(),
        number(object, &["status", "replicas"]).into(),
        number(object, &["status", "readyReplicas"]).into(),
        age(object, now),
        containers,
        images,
        if structured {
            label_selector(selector)
        } else {
            labels(selector)
        }
        .into(),
    ]
}

fn stateful_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let [containers, images] = containers_and_images(object, TEMPLATE);
    vec![
        name(object),
        ready_of_wanted(object),
        age(object, now),
        containers,
        images,
    ]
}

fn daemon_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let [containers, images] = containers_and_images(object, TEMPLATE);
    let status = |key| Value::from(number(object, &["status", key]));
    vec![
        name(object),
        status("desiredNumberScheduled"),
        status("currentNumberScheduled"),
        status("numberReady"),
        status("updatedNumberScheduled"),
        status("numberAvailable"),
        labels(object.at(&["spec", "template", "spec", "nodeSelector"])).into(),
        age(object, now),
        containers,
        images,
        label_selector(object.at(&["spec", "selector"])).into(),
    ]
}

fn controller_revision(object: &Value, now: Timestamp) -> Vec<Value> {
    let owners = list(object, &["metadata", "ownerReferences"]);
    let controller = owners
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true));
    let controller = controller.map_or(NONE.to_owned(), |owner| {
        let group = owner
            .str_at(&["apiVersion"])
            .and_then(|it| it.split_once('/'))
            .map_or("", |it| it.0);
        let kind = owner.str_at(&["kind"]).unwrap_or_default().to_lowercase();
        let owner_name = owner.str_at(&["name"]).unwrap_or_default();
        if group.is_empty() {
            format!("{kind}/{owner_name}")
        } else {
            format!("{kind}.{group}/{owner_name}")
        }
    });
    vec![
        name(object),
        controller.into(),
        number(object, &["revision"]).into(),
        age(object, now),
    ]
}

fn job(object: &Value, now: Timestamp) -> Vec<Value> {
    let [containers, images] = containers_and_images(object, TEMPLATE);
    vec![
        name(object),
        job_status(object).into(),
        job_completions(object).into(),
        job_duration(object, now).into(),
        age(object, now),
        containers,
        images,
        label_selector(object.at(&["spec", "selector"])).into(),
    ]
}

fn job_status(object: &Value) -> &'static str {
    match () {
        () if condition_is_true(object, "Complete") => "Complete",
        () if condition_is_true(object, "Failed") => "Failed",
        () if object.at(&["metadata", "deletionTimestamp"]).is_some() => "Terminating",
        () if condition_is_true(object, "Suspended") => "Suspended",
        () if condition_is_true(object, "FailureTarget") => "FailureTarget",
        () if condition_is_true(object, "SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn job_completions(object: &Value) -> String {
    let succeeded = number(object, &["status", "succeeded"]);
    match (
        object.i64_at(&["spec", "completions"]),
        object.i64_at(&["spec", "parallelism"]),
    ) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, Some(parallelism)) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn job_duration(object: &Value, now: Timestamp) -> String {
    let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    let Some(start) = object.at(&["status", "startTime"]).and_then(time) else {
        return String::new();
    };
    let failed = condition(object, "Failed").filter(|it| it.str_at(&["status"]) == Some("True"));
    let end = object
        .at(&["status", "completionTime"])
        .or_else(|| failed?.get("lastTransitionTime"))
        .and_then(time)
        .unwrap_or(now);
    human_duration(end.as_second() - start.as_second())
}

fn cron_job(object: &Value, now: Timestamp) -> Vec<Value> {
    let [containers, images] =
        containers_and_images(object, &["spec", "jobTemplate", "spec", "template"]);
    let active = i64::try_from(list(object, &["status", "active"]).len()).unwrap_or(i64::MAX);
    let last = object.at(&["status", "lastScheduleTime"]);
    vec![
        name(object),
        text_or(object, &["spec", "schedule"], ""),
        text_or(object, &["spec", "timeZone"], NONE),
        go_bool(object.at(&["spec", "suspend"]).and_then(Value::as_bool)),
        active.into(),
        last.map_or(NONE.to_owned(), |_| since(last, now)).into(),
        age(object, now),
        containers,
        images,
        label_selector(object.at(&["spec", "jobTemplate", "spec", "selector"])).into(),
    ]
}
