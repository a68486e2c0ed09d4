//! A world of its own for each test: a cluster (the embedded API, or the one
//! that `TRUEUP_TEST_KUBECONFIG` names) with a namespace in it, a Git server
//! with a repository, a clone driven by real `git`, and the controllers.

mod audit;
mod controllers;
pub mod git;
mod installed;
mod look;
mod objects;
mod place;
mod programs;

pub use git::{CREDENTIALS, PRIVATE_REPOSITORY};
pub use look::{condition, until};
pub use objects::{kustomization, object, with};
pub use programs::{Answer, is_there, kubectl_on, run};

pub use audit::Audit;

use controllers::Controllers;
use futures::FutureExt;
use git::{Checkout, GitHost};
use place::Place;
use std::panic::{AssertUnwindSafe, resume_unwind};
use tempfile::TempDir;
use trueup_cluster::{ApplyOptions, DeleteOptions, Session};
use trueup_object::{ObjectRef, Value};

/// Field manager of what a test applies by itself.
const MANAGER: &str = "trueup-tests";

pub struct World {
    /// Where the Flux objects of this test live, and what they apply.
    pub namespace: String,
    /// The person who looks and changes.
    pub session: Session,
    /// The Git server.
    pub git: GitHost,
    /// The clone of its repository `fleet`.
    pub fleet: Checkout,
    place: Place,
    controllers: Option<Controllers>,
    folder: TempDir,
}

/// Runs a test in a world, and cleans up after it, whatever came of it.
/// Without `git` or `kubectl` the test is skipped.
pub async fn in_a_world(name: &str, test: impl AsyncFnOnce(&mut World)) {
    if let Some(missing) = ["git", "kubectl"]
        .into_iter()
        .find(|program| !is_there(program))
    {
        println!("skipped: {name}: {missing} is not on PATH");
        return;
    }
    let mut world = World::make(name).await;
    let result = AssertUnwindSafe(test(&mut world)).catch_unwind().await;
    if result.is_err() {
        world.tell().await;
    }
    world.clean_up().await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

impl World {
    async fn make(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(folder.path()).await;
        let session = place.person().await;
        let namespace = format!("{name}-{}", folder_id(&folder));
        let git = GitHost::start(&folder.path().join("git"), objects::first_commit()).await;
        let fleet = Checkout::make(&git.url("fleet"), &folder.path().join("fleet")).await;
        let mut world = Self {
            namespace,
            session,
            git,
            fleet,
            place,
            controllers: None,
            folder,
        };
        world
            .apply(&object("v1", "Namespace", &world.namespace))
            .await;
        world.start_controllers().await;
        world
    }

    /// Whether other tests use the same cluster.
    pub fn is_shared(&self) -> bool {
        self.place.is_outside
    }

    /// Who asked the embedded API for what.
    pub fn audit(&self) -> &Audit {
        &self.place.audit
    }

    /// Applies an object as a person would; a namespaced one without a
    /// namespace comes into that of the test.
    pub async fn apply(&self, object: &Value) {
        let mut object = object.clone();
        let is_cluster_wide = matches!(
            object.str_at(&["kind"]),
            Some("Namespace" | "CustomResourceDefinition" | "ClusterRole" | "ClusterRoleBinding")
        );
        if !is_cluster_wide && object.at(&["metadata", "namespace"]).is_none() {
            object.set_at(&["metadata", "namespace"], self.namespace.as_str().into());
        }
        let options = ApplyOptions::new(MANAGER).taking_over();
        self.session.apply(&object, &options).await.unwrap();
    }

    /// The `GitRepository` of the clone, and a `Kustomization` for a folder.
    pub async fn deploy(&self, folder: &str) {
        self.follow_fleet().await;
        self.apply(&self.kustomization(folder)).await;
    }

    /// The `GitRepository` of the clone.
    pub async fn follow_fleet(&self) {
        self.apply(&objects::git_repository(&self.git.url("fleet")))
            .await;
    }

    /// A `Kustomization` for a folder by its name, which applies into the
    /// namespace of the test.
    pub fn kustomization(&self, folder: &str) -> Value {
        kustomization(folder, folder, &self.namespace)
    }

    /// An object in the namespace of the test.
    pub fn reference(&self, api_version: &str, kind: &str, name: &str) -> ObjectRef {
        let object = with(
            object(api_version, kind, name),
            &["metadata", "namespace"],
            self.namespace.as_str(),
        );
        ObjectRef::of(&object).unwrap()
    }

    /// Starts the controllers for the namespace of the test.
    pub async fn start_controllers(&mut self) {
        let cluster = self.place.connect().await;
        let controllers =
            Controllers::start(cluster, self.folder.path(), &self.namespace, &self.git);
        self.controllers = Some(controllers.await);
    }

    /// Ends the controllers where they stand, as a crash would.
    pub fn kill_controllers(&mut self) {
        if let Some(controllers) = self.controllers.take() {
            controllers.kill();
        }
    }

    /// Kills the controllers and starts new ones on the same files.
    pub async fn restart(&mut self) {
        self.kill_controllers();
        self.start_controllers().await;
    }

    /// The running controllers.
    pub fn controllers(&self) -> &Controllers {
        self.controllers.as_ref().expect("the controllers run")
    }

    /// Lets finalizers run, then takes the namespace away. The embedded
    /// cluster ends with its test.
    async fn clean_up(&mut self) {
        if self.is_shared() {
            if self.controllers.is_none() {
                self.start_controllers().await;
            }
            self.delete_flux_objects().await;
            let namespace = ObjectRef::of(&object("v1", "Namespace", &self.namespace)).unwrap();
            let _ = self
                .session
                .delete(&namespace, &DeleteOptions::default())
                .await;
        }
        self.kill_controllers();
        self.place.close();
    }

    async fn delete_flux_objects(&self) {
        let delete = [
            "delete",
            "kustomizations,gitrepositories",
            "--all",
            "--timeout=60s",
        ];
        let answer = self.try_kubectl(&delete).await;
        if !answer.success {
            println!("{} could not be cleaned up: {}", self.namespace, answer.err);
        }
    }
}

fn folder_id(folder: &TempDir) -> String {
    let name = folder
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .to_lowercase();
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}
