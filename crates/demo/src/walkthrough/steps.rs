//! The steps, in order. Each plays one thing that people do and checks what
//! must follow from it.

use super::child::{Demo, last_lines};
use super::clone::Clone;
use super::{DELIVERY_DEADLINE, STEP_DEADLINE, Step, StepResult, eventually, view};
use crate::folder::ports_of;
use std::path::PathBuf;
use std::time::Duration;
use trueup_cluster::{
    Cluster, ClusterKey, ClusterOptions, DeleteOptions, Patch, Session, WriteOptions,
};
use trueup_object::value;

/// The applied stages of the sample repository.
const STAGES: [&str; 3] = ["dev", "staging", "production"];

/// The tour.
pub const STEPS: &[Step] = &[
    Step {
        name: "start",
        about: "the demo comes up as a process of its own",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.start()),
    },
    Step {
        name: "clone",
        about: "git clone",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.clone_fleet()),
    },
    Step {
        name: "deploy",
        about: "what is in Git runs",
        deadline: DELIVERY_DEADLINE,
        play: |stage| Box::pin(stage.deployed()),
    },
    Step {
        name: "push",
        about: "3 replicas for web: edit, commit, push",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.push()),
    },
    Step {
        name: "drift",
        about: "scale by hand to 5",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.drift()),
    },
    Step {
        name: "delete",
        about: "delete a Service by hand",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.delete()),
    },
    Step {
        name: "bad",
        about: "push a commit with `replicas: many`",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.bad_commit()),
    },
    Step {
        name: "revert",
        about: "git revert, push",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.revert()),
    },
    Step {
        name: "prune",
        about: "remove api.yaml of dev, push",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.prune()),
    },
    Step {
        name: "kill",
        about: "push, kill -9 at once, start again",
        deadline: STEP_DEADLINE,
        play: |stage| Box::pin(stage.kill()),
    },
    Step {
        name: "promote",
        about: "push shop 1.1.0: little traffic first, then all",
        deadline: DELIVERY_DEADLINE,
        play: |stage| Box::pin(stage.promote()),
    },
    Step {
        name: "rollback",
        about: "push shop 1.2.0, half of whose answers are errors",
        deadline: DELIVERY_DEADLINE,
        play: |stage| Box::pin(stage.roll_back()),
    },
    Step {
        name: "slow",
        about: "push shop 1.3.0, which takes half a second",
        deadline: DELIVERY_DEADLINE,
        play: |stage| Box::pin(stage.roll_back_slow()),
    },
];

/// What the steps share.
pub struct Stage {
    program: PathBuf,
    folder: PathBuf,
    demo: Option<Demo>,
    session: Option<Session>,
    clone: Option<Clone>,
    pub(super) pending: String,
}

impl Stage {
    /// Nothing is started yet.
    pub fn new(program: PathBuf, folder: PathBuf) -> Self {
        Self {
            program,
            folder,
            demo: None,
            session: None,
            clone: None,
            pending: String::new(),
        }
    }

    /// Why a step that ran out of time was still waiting.
    pub fn overdue(&mut self, deadline: Duration) -> String {
        if let Err(ended) = self.demo.as_mut().map_or(Ok(()), Demo::running) {
            return ended;
        }
        format!("not within {} s: {}", deadline.as_secs(), self.pending)
    }

    /// The last lines that the demo printed.
    pub fn last_words(&self) -> Vec<String> {
        last_lines(&self.output())
    }

    fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn session(&self) -> Result<Session, String> {
        self.session
            .clone()
            .ok_or_else(|| "the demo is not started".to_owned())
    }

    pub(super) fn fleet(&self) -> Result<&Clone, String> {
        self.clone
            .as_ref()
            .ok_or_else(|| "fleet is not cloned".to_owned())
    }

    async fn start(&mut self) -> StepResult {
        self.start_demo().await?;
        Ok(vec![
            "the API answers with the kubeconfig that the demo wrote".into(),
        ])
    }

    async fn start_demo(&mut self) -> Result<(), String> {
        self.demo = Some(Demo::start(&self.program, &self.data(), &self.output())?);
        let kubeconfig = self.data().join("kubeconfig");
        loop {
            self.demo.as_mut().map_or(Ok(()), Demo::running)?;
            let options = ClusterOptions {
                attempts: 1,
                ..ClusterOptions::default()
            };
            let cluster =
                Cluster::from_kubeconfig(ClusterKey::local(), &kubeconfig, None, options).await;
            let answer = match &cluster {
                Ok(cluster) => cluster
                    .catalogue()
                    .await
                    .map(|_| ())
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match (cluster, answer) {
                (Ok(cluster), Ok(())) => {
                    self.session = Some(cluster.session());
                    return Ok(());
                }
                (_, answer) => self.pending = answer.err().unwrap_or_default(),
            }
            tokio::time::sleep(super::CHECK_INTERVAL).await;
        }
    }

    async fn clone_fleet(&mut self) -> StepResult {
        let ports = ports_of(&self.data()).map_err(|error| error.to_string())?;
        let url = format!("http://127.0.0.1:{}/fleet.git", ports.git);
        let clone = Clone::make(&url, &self.folder.join("fleet")).await?;
        for file in [
            "dev/web.yaml",
            "staging/web.yaml",
            "production/kustomization.yaml",
            "shop/canary.yaml",
        ] {
            if !clone.has(file) {
                return Err(format!("the clone lacks {file}"));
            }
        }
        self.clone = Some(clone);
        Ok(vec![
            "fleet holds dev, staging, production and the shop".into(),
        ])
    }

    async fn deployed(&mut self) -> StepResult {
        let (session, head) = (self.session()?, self.fleet()?.head().await?);
        for name in STAGES.into_iter().chain(["shop", "apps"]) {
            eventually(&mut self.pending, || view::applied(&session, name, &head)).await;
        }
        let mut deployments = 0;
        for (stage, [web, api]) in STAGES.into_iter().zip([[1, 1], [2, 1], [3, 2]]) {
            for (name, count) in [("web", web), ("api", api)] {
                let deployment = view::deployment(stage, name);
                eventually(&mut self.pending, || {
                    view::replicas(&session, &deployment, count)
                })
                .await;
                deployments += 1;
            }
        }
        Ok(vec![
            "apps, dev, staging, production and shop are Ready at the newest commit".into(),
            format!("{deployments} Deployments have all their Pods ready"),
        ])
    }

    async fn push(&mut self) -> StepResult {
        let session = self.session()?;
        let staging = view::deployment("staging", "web");
        let before = view::live(&session, &staging).await?;
        self.fleet()?
            .edit("dev/web.yaml", "replicas: 1", "replicas: 3")?;
        let commit = self
            .fleet()?
            .commit_and_push("Scale web in dev to 3")
            .await?;
        eventually(&mut self.pending, || {
            view::applied(&session, "dev", &commit)
        })
        .await;
        let web = view::deployment("dev", "web");
        eventually(&mut self.pending, || view::replicas(&session, &web, 3)).await;
        let after = view::live(&session, &staging).await?;
        if before.resource_version() != after.resource_version() {
            return Err(format!(
                "{staging} was written although nothing of it changed"
            ));
        }
        Ok(vec![
            format!("dev is Ready at {}", &commit[..8.min(commit.len())]),
            "Deployment dev/web has 3 Pods ready".into(),
            "Deployment staging/web was not touched".into(),
        ])
    }

    async fn drift(&mut self) -> StepResult {
        let (session, web) = (self.session()?, view::deployment("dev", "web"));
        let scale = Patch::Merge(value!({"spec": {"replicas": 5}}));
        let options = WriteOptions::new("kubectl").on("scale");
        session
            .patch(&web, &scale, &options)
            .await
            .map_err(|error| error.to_string())?;
        eventually(&mut self.pending, || view::replicas(&session, &web, 3)).await;
        let words = ["replicas", "5", "3", "kubectl"];
        let message = eventually(&mut self.pending, || view::event(&session, "dev", &words)).await;
        Ok(vec![
            "back at 3".into(),
            format!("event: {}", message.lines().next().unwrap_or_default()),
        ])
    }

    async fn delete(&mut self) -> StepResult {
        let (session, service) = (self.session()?, view::service("dev", "web"));
        let before = view::live(&session, &service).await?;
        let options = DeleteOptions::of_uid(before.uid());
        session
            .delete(&service, &options)
            .await
            .map_err(|error| error.to_string())?;
        let old = before.uid().clone();
        eventually(&mut self.pending, || async {
            let live = view::live(&session, &service).await?;
            if live.uid() == &old {
                Err(format!("{service} is still the old one"))
            } else {
                Ok(())
            }
        })
        .await;
        Ok(vec!["the Service is back, as a new object".into()])
    }

    async fn bad_commit(&mut self) -> StepResult {
        let session = self.session()?;
        self.fleet()?
            .edit("dev/web.yaml", "replicas: 3", "replicas: many")?;
        self.fleet()?
            .commit_and_push("Scale web in dev to many")
            .await?;
        let dev = view::kustomization("dev");
        let message = eventually(&mut self.pending, || async {
            let (status, message) = view::ready(&session, &dev).await?;
            if status == "False" && message.contains("replicas") {
                return Ok(message);
            }
            Err(format!("dev is Ready={status}: {message}"))
        })
        .await;
        view::replicas(&session, &view::deployment("dev", "web"), 3).await?;
        for name in ["staging", "production"] {
            let (status, message) = view::ready(&session, &view::kustomization(name)).await?;
            if status == "False" && !message.contains("ependenc") {
                return Err(format!("{name} is Ready={status}: {message}"));
            }
        }
        Ok(vec![
            format!("dev says: {}", message.lines().next().unwrap_or_default()),
            "Deployment dev/web still has its 3 Pods".into(),
            "nothing was changed in staging and production".into(),
        ])
    }

    async fn revert(&mut self) -> StepResult {
        let session = self.session()?;
        let commit = self.fleet()?.revert_and_push().await?;
        for name in STAGES {
            eventually(&mut self.pending, || view::applied(&session, name, &commit)).await;
        }
        Ok(vec![
            "dev, staging and production are Ready at the revert".into(),
        ])
    }

    async fn prune(&mut self) -> StepResult {
        let session = self.session()?;
        self.fleet()?.remove("dev/api.yaml")?;
        let commit = self.fleet()?.commit_and_push("Remove api from dev").await?;
        eventually(&mut self.pending, || {
            view::applied(&session, "dev", &commit)
        })
        .await;
        for object in [
            view::deployment("dev", "api"),
            view::config_map("dev", "api"),
        ] {
            eventually(&mut self.pending, || view::gone(&session, &object)).await;
        }
        view::live(&session, &view::deployment("staging", "api")).await?;
        Ok(vec![
            "Deployment and ConfigMap dev/api are gone".into(),
            "Deployment staging/api is still there".into(),
        ])
    }

    async fn kill(&mut self) -> StepResult {
        let before = view::live(&self.session()?, &view::deployment("production", "web")).await?;
        self.fleet()?
            .edit("dev/web.yaml", "nginx:1.28.0", "nginx:1.29.1")?;
        let commit = self
            .fleet()?
            .commit_and_push("Update web in dev to 1.29.1")
            .await?;
        self.demo.take().map_or(Ok(()), |mut demo| demo.kill())?;
        self.start_demo().await?;
        let session = self.session()?;
        for name in STAGES.into_iter().chain(["apps"]) {
            eventually(&mut self.pending, || view::applied(&session, name, &commit)).await;
        }
        let web = view::deployment("dev", "web");
        eventually(&mut self.pending, || async {
            let live = view::replicas(&session, &web, 3).await?;
            let text = String::from_utf8_lossy(&live.json()).into_owned();
            if text.contains("nginx:1.29.1") {
                Ok(())
            } else {
                Err(format!("{web} has the old image"))
            }
        })
        .await;
        let after = view::live(&session, &view::deployment("production", "web")).await?;
        if (before.uid(), before.generation()) != (after.uid(), after.generation()) {
            return Err("Deployment production/web was changed by the restart".into());
        }
        Ok(vec![
            "the pushed commit is applied by the new process".into(),
            "what was running is the same as before".into(),
        ])
    }
}
