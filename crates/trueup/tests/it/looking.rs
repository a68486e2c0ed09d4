//! Commands that look: whole outputs, as a person or a script gets them.

use crate::world::{World, in_a_world};
use trueup_object::{from_json, from_yaml};

/// `web` and `api` applied at the first commit.
async fn deployed(world: &World) {
    for folder in ["web", "api"] {
        world.deploy(folder).await;
    }
    let commit = world.fleet.head().await;
    for folder in ["web", "api"] {
        world.applied(folder, &commit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_has_tables_for_people_and_documents_for_scripts() {
    in_a_world("tables", async |world| {
        deployed(world).await;
        let table = "\
NAME REVISION SUSPENDED READY MESSAGE
api main@sha1:COMMIT False True Applied revision: main@sha1:COMMIT
web main@sha1:COMMIT False True Applied revision: main@sha1:COMMIT
";
        let said = world.trueup(&["get", "kustomizations"]).await.out;
        assert_eq!(squeezed(&world.plain(&said).await), table);
        let sources = "\
NAME SOURCE REVISION SUSPENDED READY MESSAGE
web GitRepository/NAMESPACE/fleet main@sha1:COMMIT False True Applied revision: main@sha1:COMMIT
";
        let said = world
            .trueup(&["get", "ks", "web", "--show-source"])
            .await
            .out;
        assert_eq!(squeezed(&world.plain(&said).await), sources);
        let everything = "\
NAME REVISION SUSPENDED READY MESSAGE
gitrepository/fleet main@sha1:COMMIT False True stored artifact for revision 'main@sha1:COMMIT'

NAME REVISION SUSPENDED READY MESSAGE
kustomization/api main@sha1:COMMIT False True Applied revision: main@sha1:COMMIT
kustomization/web main@sha1:COMMIT False True Applied revision: main@sha1:COMMIT
";
        let said = world.trueup(&["get", "all"]).await.out;
        assert_eq!(squeezed(&world.plain(&said).await), everything);
        let names = "\
gitrepository.source.toolkit.fluxcd.io/fleet
kustomization.kustomize.toolkit.fluxcd.io/api
kustomization.kustomize.toolkit.fluxcd.io/web
";
        world.prints(&["get", "all", "-o", "name"], names).await;
        let one = world.trueup(&["get", "ks", "web", "-o", "json"]).await.out;
        let one = from_json(one.as_bytes()).unwrap();
        assert_eq!(one.str_at(&["kind"]), Some("Kustomization"));
        assert_eq!(one.at(&["metadata", "managedFields"]), None);
        let list = world.trueup(&["get", "ks", "-o", "yaml"]).await.out;
        let list = from_yaml(&list).unwrap();
        assert_eq!(list.str_at(&["kind"]), Some("List"));
        assert_eq!(list.get("items").unwrap().as_list().unwrap().len(), 2);
        let none = ["get", "ks", "--status-selector", "ready!=true"];
        world
            .tells(&none, 0, "✗ no objects found in \"NAMESPACE\" namespace\n")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_a_failure_with_advice() {
    in_a_world("nothing", async |world| {
        world
            .tells(
                &["get", "kustomizations"],
                1,
                "✗ no Kustomization objects found in \"NAMESPACE\" namespace\n  hint: \
                 --all-namespaces (-A) looks in all of them, --namespace (-n) in another\n",
            )
            .await;
        world
            .tells(
                &["get", "source", "git", "fleet", "-A"],
                1,
                "✗ GitRepository object 'fleet' not found in any namespace\n",
            )
            .await;
        world
            .tells(
                &["get", "all", "--watch"],
                1,
                "✗ expected a single resource type, but found all\n  hint: watch one kind, such \
                 as `trueup get kustomizations --watch`\n",
            )
            .await;
        world
            .tells(
                &["get", "ks", "--status-selector", "ready"],
                1,
                "✗ --status-selector takes CONDITION=STATUS such as ready=false, not \"ready\"\n",
            )
            .await;
        for command in [["suspend", "ks"], ["resume", "ks"], ["export", "ks"]] {
            world
                .tells(
                    &command,
                    1,
                    "✗ kustomization name is required\n  hint: --all means all objects of the \
                     kind in the namespace\n",
                )
                .await;
        }
        let denied = world.try_trueup(&["get", "ks", "--as", "nobody"]).await;
        assert_eq!(denied.code, Some(1), "{denied:?}");
        assert!(
            denied.err.contains("nobody") && denied.err.contains("hint: `kubectl auth whoami`"),
            "{denied:?}"
        );
        for command in [["events", "--types", "Odd"], ["events", "--for", "Pod/x"]] {
            let answer = world.try_trueup(&command).await;
            assert_eq!(answer.code, Some(1), "{answer:?}");
        }
        world
            .tells(
                &["tree", "kustomization", "web"],
                1,
                "✗ get Kustomization/NAMESPACE/web: kustomizations.kustomize.toolkit.fluxcd.io \
                 \"web\" not found\n  hint: `trueup get all -A` shows what there is, and where\n",
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_shows_what_was_applied_level_by_level() {
    in_a_world("tree", async |world| {
        let inner = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
                     metadata:\n  name: api\nspec:\n  interval: 1h\n  path: ./api\n  prune: true\n  \
                     targetNamespace: TARGET\n  sourceRef:\n    kind: GitRepository\n    name: fleet\n";
        let inner = inner.replace("TARGET", &world.namespace);
        world.fleet.write("all/api.yaml", &inner);
        let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: all\nspec:\n  ports:\n    - port: 80\n";
        world.fleet.write("all/service.yaml", service);
        let commit = world.fleet.push("Everything").await;
        world.deploy("all").await;
        world.applied("all", &commit).await;
        world.applied("api", &commit).await;
        let drawing = "\
Kustomization/NAMESPACE/all
├── Service/NAMESPACE/all
└── Kustomization/NAMESPACE/api
    └── ConfigMap/NAMESPACE/api
";
        world.prints(&["tree", "kustomization", "all"], drawing).await;
        let compact = "Kustomization/NAMESPACE/all\n└── Kustomization/NAMESPACE/api\n";
        world.prints(&["tree", "ks", "all", "--compact"], compact).await;
        let document = "\
resource:
  GroupKind:
    Group: kustomize.toolkit.fluxcd.io
    Kind: Kustomization
  Name: api
  Namespace: NAMESPACE
resources:
- resource:
    GroupKind:
      Group: \"\"
      Kind: ConfigMap
    Name: api
    Namespace: NAMESPACE
";
        world.prints(&["tree", "ks", "api", "-o", "yaml"], document).await;
        let json = world.trueup(&["tree", "ks", "api", "-o", "json"]).await.out;
        let json = from_json(json.as_bytes()).unwrap();
        assert_eq!(json.str_at(&["resource", "Name"]), Some("api"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_leads_from_a_pod_to_the_repository() {
    in_a_world("trace", async |world| {
        deployed(world).await;
        world.has_replicas("web", 2).await;
        let service = "\
Object:          Service/web
Namespace:       NAMESPACE
Status:          Managed by Flux
---
Kustomization:   web
Namespace:       NAMESPACE
Target:          NAMESPACE
Path:            ./web
Revision:        main@sha1:COMMIT
Status:          Last reconciled at TIME
Message:         Applied revision: main@sha1:COMMIT
---
GitRepository:   fleet
Namespace:       NAMESPACE
URL:             GIT/fleet.git
Branch:          main
Revision:        main@sha1:COMMIT
Status:          Last reconciled at TIME
Message:         stored artifact for revision 'main@sha1:COMMIT'
";
        world.prints(&["trace", "service", "web"], service).await;
        world.prints(&["trace", "svc/web"], service).await;
        let flags = ["trace", "web", "--kind=Service", "--api-version=v1"];
        world.prints(&flags, service).await;
        let pods = world.kubectl(&["get", "pods", "-o", "name"]).await;
        let pod = pods.lines().next().unwrap();
        let said = world.trueup(&["trace", pod]).await.out;
        let lines: Vec<&str> = said.lines().skip(1).collect();
        let plain = world.plain(&(lines.join("\n") + "\n")).await;
        let (_, expected) = service.split_once('\n').unwrap();
        assert_eq!(plain, expected);
        world
            .tells(
                &["trace", "namespace", "default"],
                1,
                "✗ failed to trace Namespace/default: object not managed by Flux\n  hint: neither \
                 it nor its owners carry the labels kustomize.toolkit.fluxcd.io/name and \
                 namespace\n",
            )
            .await;
        world
            .tells(
                &["trace", "nothing", "x"],
                1,
                "✗ the cluster serves no resource type \"nothing\"\n  hint: `kubectl api-resources` \
                 lists those that it serves\n",
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_prints_what_can_be_kept_in_git() {
    in_a_world("export", async |world| {
        deployed(world).await;
        let one = "\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: web
  namespace: NAMESPACE
spec:
  force: false
  interval: 1h
  path: ./web
  prune: true
  retryInterval: 5s
  sourceRef:
    kind: GitRepository
    name: fleet
  targetNamespace: NAMESPACE
  timeout: 1m
  wait: true
";
        world.prints(&["export", "kustomization", "web"], one).await;
        let all = world.trueup(&["export", "ks", "--all"]).await.out;
        assert_eq!(all.matches("---\n").count(), 2, "{all}");
        let applied = world.kubectl_apply(&all).await;
        assert!(
            applied.contains("kustomization.kustomize.toolkit.fluxcd.io/web"),
            "{applied}"
        );
        let source = world
            .trueup(&["export", "source", "git", "fleet"])
            .await
            .out;
        assert!(
            source.contains("kind: GitRepository\n") && !source.contains("status"),
            "{source}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stats_and_debug_tell_how_things_stand() {
    in_a_world("stats", async |world| {
        deployed(world).await;
        world.trueup(&["suspend", "kustomization", "api"]).await;
        let said = world.trueup(&["stats"]).await.out;
        let lines: Vec<String> = said.lines().map(squeezed_line).collect();
        assert_eq!(lines[0], "RECONCILERS RUNNING FAILING SUSPENDED STORAGE");
        assert!(
            lines[1].starts_with("GitRepository 1 0 0 ") && lines[1].ends_with(" B"),
            "{said}"
        );
        assert_eq!(lines[2], "Kustomization 1 0 1 -");
        let status = world
            .trueup(&["debug", "kustomization", "web", "--show-status"])
            .await
            .out;
        let status = from_yaml(&status).unwrap();
        assert!(
            status.str_at(&["lastAppliedRevision"]).is_some(),
            "{status:?}"
        );
        let history = world
            .trueup(&["debug", "ks", "web", "--show-history"])
            .await
            .out;
        let history = from_yaml(&history).unwrap();
        let status = history.as_list().unwrap()[0].str_at(&["lastReconciledStatus"]);
        assert_eq!(status, Some("ReconciliationSucceeded"));
        world
            .tells(
                &["debug", "ks", "web", "--show-vars"],
                1,
                "✗ no post build substitutions found\n",
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_of_secrets_are_masked_unless_they_are_asked_for() {
    in_a_world("vars", async |world| {
        let mut kustomization = world.kustomization("web");
        let from = from_yaml(
            "[{kind: Secret, name: vars}, {kind: ConfigMap, name: gone, optional: true}]",
        );
        let inline = from_yaml("{colour: blue}").unwrap();
        kustomization.set_at(&["spec", "postBuild", "substitute"], inline);
        kustomization.set_at(&["spec", "postBuild", "substituteFrom"], from.unwrap());
        kustomization.set_at(&["spec", "suspend"], true.into());
        world.apply(&kustomization).await;
        let secret = from_yaml(
            "{apiVersion: v1, kind: Secret, metadata: {name: vars}, stringData: {token: hunter2}}",
        );
        world.apply(&secret.unwrap()).await;
        let show = ["debug", "ks", "web", "--show-vars"];
        world.prints(&show, "colour=blue\ntoken=***\n").await;
        let all = ["debug", "ks", "web", "--show-vars", "--show-secrets"];
        world.prints(&all, "colour=blue\ntoken=hunter2\n").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_without_pods_say_where_the_lines_are() {
    in_a_world("logs", async |world| {
        world
            .tells(
                &["logs", "--flux-namespace", &world.namespace],
                1,
                "✗ no Flux pods found in namespace \"NAMESPACE\"\n  hint: --flux-namespace names \
                 another; `trueup demo` and `trueup controller` print their lines themselves: \
                 `trueup logs --file FILE` reads them\n",
            )
            .await;
        let line = r#"{"level":"info","ts":"2026-01-31T12:00:00Z","msg":"done","controllerKind":"Kustomization","name":"web","namespace":"apps"}"#;
        let file = world.fleet.folder.join("log");
        std::fs::write(&file, format!("{line}\nno json\n")).unwrap();
        let shown = "2026-01-31T12:00:00Z info Kustomization/web.apps - done \n";
        let file = file.to_str().unwrap();
        world.prints(&["logs", "-A", "--file", file], shown).await;
        world.prints(&["logs", "-A", "--file", file, "--level", "error"], "").await;
        world.prints(&["logs", "-A", "--file", file, "--kind", "ks"], shown).await;
    })
    .await;
}

fn squeezed(text: &str) -> String {
    text.lines()
        .map(|line| squeezed_line(line) + "\n")
        .collect()
}

fn squeezed_line(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
