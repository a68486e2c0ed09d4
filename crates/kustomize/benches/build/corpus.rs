//! Roots that the bench makes itself.

use trueup_artifact::TreePath;

/// Paths and texts.
type Files = Vec<(String, String)>;

/// One root.
pub struct Case {
    pub name: String,
    pub files: Files,
    pub folder: TreePath,
}

fn case(name: &str, folder: &str, files: Files) -> Case {
    Case {
        name: name.to_owned(),
        files,
        folder: TreePath::parse(folder).expect("the folders of the corpus are plain"),
    }
}

fn application(number: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number}
  labels: {{app: app-{number}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app-{number}}}}}
  template:
    metadata: {{labels: {{app: app-{number}}}}}
    spec:
      serviceAccountName: app-{number}
      containers:
      - name: app
        image: registry.example.com/app:1.0.{number}
        ports: [{{containerPort: 8080, name: http}}]
        envFrom: [{{configMapRef: {{name: settings-{number}}}}}]
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits: {{memory: 256Mi}}
---
apiVersion: v1
kind: Service
metadata:
  name: app-{number}
spec:
  selector: {{app: app-{number}}}
  ports: [{{port: 80, targetPort: http}}]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-{number}
data:
  level: info
  text: |
    first line
    second line {number}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app-{number}
"
    )
}

fn base(applications: usize) -> Files {
    let mut files = Files::new();
    let mut root = "resources:\n".to_owned();
    for number in 0..applications {
        root.push_str(&format!("- app-{number}.yaml\n"));
        files.push((format!("base/app-{number}.yaml"), application(number)));
    }
    files.push(("base/kustomization.yaml".to_owned(), root));
    files
}

fn overlay(applications: usize) -> Files {
    let mut files = base(applications);
    files.push((
        "overlay/kustomization.yaml".to_owned(),
        "resources: [../base]
namePrefix: prod-
namespace: prod
labels:
- pairs: {stage: prod}
  includeSelectors: true
commonAnnotations: {team: web}
images:
- name: registry.example.com/app
  newTag: v2
configMapGenerator:
- name: extra
  literals: [a=b, c=d]
replicas:
- {name: app-0, count: 5}
"
        .to_owned(),
    ));
    files
}

fn patched(patches: usize) -> Files {
    let mut files = base(10);
    let mut root = "resources: [../base]\npatches:\n".to_owned();
    for number in 0..patches {
        let application = number % 10;
        root.push_str(&format!(
            "- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {{name: app-{application}}}
    spec:
      template:
        spec:
          containers:
          - name: app
            env: [{{name: VARIABLE_{number}, value: '{number}'}}]
"
        ));
    }
    files.push(("overlay/kustomization.yaml".to_owned(), root));
    files
}

/// Roots upon roots, each with a prefix of its own.
fn deep(levels: usize) -> Files {
    let mut files = base(2);
    for level in 0..levels {
        let below = match level {
            0 => "../base".to_owned(),
            level => format!("../level-{}", level - 1),
        };
        files.push((
            format!("level-{level}/kustomization.yaml"),
            format!("resources: [{below}]\nnamePrefix: l{level}-\ncommonLabels: {{l{level}: x}}\n"),
        ));
    }
    files
}

/// Many small roots beside each other.
fn wide(roots: usize) -> Files {
    let mut files = Files::new();
    let mut all = "resources:\n".to_owned();
    for root in 0..roots {
        all.push_str(&format!("- root-{root}\n"));
        files.push((
            format!("root-{root}/kustomization.yaml"),
            format!("resources: [app.yaml]\nnameSuffix: '-{root}'\n"),
        ));
        files.push((format!("root-{root}/app.yaml"), application(root)));
    }
    files.push(("kustomization.yaml".to_owned(), all));
    files
}

/// Everything, the small first.
pub fn generated() -> Vec<Case> {
    vec![
        case("one application", "base", base(1)),
        case("overlay of one", "overlay", overlay(1)),
        case("overlay of ten", "overlay", overlay(10)),
        case("overlay of a thousand", "overlay", overlay(1000)),
        case("200 patches", "overlay", patched(200)),
        case("20 levels", "level-19", deep(20)),
        case("100 roots", ".", wide(100)),
    ]
}
