//! `trueup build`.

use super::local::{Absent, Builder, Built, too_deep};
use super::{Failure, online, said};
use crate::arguments::{
    BuildArguments, BuildKustomizationArguments, BuildKustomizeArguments, BuildWhat,
    LoadRestrictor, Reorder,
};
use crate::paint::printable_line;
use crate::{connect, document};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use trueup_artifact::{FileTree, TreePath};
use trueup_controller::RemoteBases;
use trueup_kinds::{Kustomization, Resource};
use trueup_kustomize::{
    Answer, Answers, AskedNeed, Build, BuildError, BuildOptions, FetchedInput, FetchedState,
    Inputs, Need, Order, Outcome, RemoteRoot, Root, build_tracked,
};
use trueup_object::{ObjectRef, Position, Value, to_yaml};
use trueup_source::{FolderTree, GitFetcher, GitFetcherOptions, WebFetcher};

/// How deep Kustomizations are built into each other.
pub const MAX_BUILD_LEVELS: usize = 32;

/// Builds and prints; what is printed is the build alone.
pub fn run(arguments: &BuildArguments) -> Result<ExitCode, Failure> {
    match &arguments.what {
        BuildWhat::Kustomize(arguments) => kustomize(arguments),
        BuildWhat::Kustomization(arguments) => online(kustomization(arguments)),
    }
}

/// What a Kustomization applies; with `--recursive` what the Kustomizations
/// among that apply stands behind it.
async fn kustomization(arguments: &BuildKustomizationArguments) -> Result<ExitCode, Failure> {
    Place::of(&arguments.local.path)?;
    let session = if arguments.dry_run {
        None
    } else {
        Some(connect::session(&arguments.scope).await?)
    };
    let builder = Builder {
        session: session.as_ref(),
        local: &arguments.local,
        namespace: &arguments.scope.namespace,
        absent: Absent::Refused,
    };
    let root = builder.root().await?;
    let mut collection = Collection::default();
    collect(&builder, &root, MAX_BUILD_LEVELS, &mut collection).await?;
    let objects = collection.objects.iter();
    let documents = objects.map(|it| format!("{}---\n", to_yaml(it)));
    document::print(&documents.collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

/// What was built.
#[derive(Default)]
struct Collection {
    objects: Vec<Value>,
    /// The Kustomizations that were built: each is once, whoever has it.
    seen: BTreeSet<ObjectRef>,
}

async fn collect(
    builder: &Builder<'_>,
    built: &Built,
    levels: usize,
    collection: &mut Collection,
) -> Result<(), Failure> {
    collection.seen.insert(built.kustomization.reference());
    collection.objects.extend(built.objects.iter().cloned());
    if !builder.local.recursive {
        return Ok(());
    }
    for (reference, object) in builder.inner(built) {
        if !collection.seen.insert(reference.clone()) {
            continue;
        }
        if levels == 0 {
            return Err(too_deep(&reference, MAX_BUILD_LEVELS));
        }
        let kustomization = Kustomization::read(object).map_err(said)?;
        let folder = builder.folder_of(&kustomization)?;
        let below = builder.build(object, &folder).await?;
        Box::pin(collect(builder, &below, levels - 1, collection)).await?;
    }
    Ok(())
}

/// Most roots need nothing from elsewhere, and are done before there would be
/// a network to ask.
fn kustomize(arguments: &BuildKustomizeArguments) -> Result<ExitCode, Failure> {
    if RemoteRoot::parse(&arguments.root).is_err() {
        let place = Place::of(Path::new(&arguments.root))?;
        let outcome = attempt(&place, &options(arguments, &place), Answers::none());
        if !matches!(outcome.result, Err(BuildError::NeedsInput { .. })) {
            return finish(arguments, &place, outcome);
        }
    }
    online(fetched(arguments))
}

async fn fetched(arguments: &BuildKustomizeArguments) -> Result<ExitCode, Failure> {
    let mut shell = Shell::default();
    let place = match RemoteRoot::parse(&arguments.root) {
        Ok(root) => shell.fetched(root).await?,
        Err(_) => Place::of(Path::new(&arguments.root))?,
    };
    let outcome = shell.build(&place, &options(arguments, &place)).await?;
    finish(arguments, &place, outcome)
}

fn attempt(place: &Place, options: &BuildOptions, answers: &Answers) -> Outcome {
    let root = Root::Folder(&place.root);
    build_tracked(place.tree.as_ref(), root, None, options, answers)
}

fn finish(
    arguments: &BuildKustomizeArguments,
    place: &Place,
    outcome: Outcome,
) -> Result<ExitCode, Failure> {
    if arguments.show_inputs {
        show_inputs(&outcome.inputs, place);
    }
    let built = outcome.result.map_err(|error| place.said(&error))?;
    match &arguments.output {
        None => document::print(&text(&built, place)?)?,
        Some(path) if path.is_dir() => write_files(&built, path, place)?,
        Some(path) => std::fs::write(path, text(&built, place)?)
            .map_err(|error| said(format!("write {}: {error}", path.display())))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds, and fetches what the build lacks. Mirrors of repositories live no
/// longer than the build.
#[derive(Default)]
pub(super) struct Shell {
    answers: Answers,
    fetcher: Option<(RemoteBases, tempfile::TempDir)>,
}

impl Shell {
    /// What was fetched so far.
    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Each round adds an answer, and a build asks for no more than so many.
    async fn build(&mut self, place: &Place, options: &BuildOptions) -> Result<Outcome, Failure> {
        loop {
            let outcome = attempt(place, options, &self.answers);
            match &outcome.result {
                Err(BuildError::NeedsInput { needs }) => self.fetch(needs).await?,
                _ => return Ok(outcome),
            }
        }
    }

    /// Fetches what a build asked for.
    pub(super) async fn fetch(&mut self, needs: &[AskedNeed]) -> Result<(), Failure> {
        if self.fetcher.is_none() {
            self.fetcher = Some(fetcher()?);
        }
        if let Some((fetcher, _)) = &self.fetcher {
            fetcher.answer(needs, &mut self.answers).await;
        }
        Ok(())
    }

    /// The root that a URL names.
    async fn fetched(&mut self, root: RemoteRoot) -> Result<Place, Failure> {
        let need = Need::Repository(root.repository);
        let asked = AskedNeed {
            need: need.clone(),
            position: Position::default(),
        };
        self.fetch(&[asked]).await?;
        match self.answers.get(&need) {
            Some(Answer::Tree(tree)) => Ok(Place {
                tree: Arc::clone(tree),
                root: root.path,
                standing: Standing::Elsewhere(need),
            }),
            Some(Answer::Failed(why)) => Err(said(format!("{need}: {why}"))),
            _ => Err(said(format!("{need}: it was not fetched"))),
        }
    }
}

fn fetcher() -> Result<(RemoteBases, tempfile::TempDir), Failure> {
    let folder = tempfile::tempdir().map_err(said)?;
    let git = GitFetcher::open(GitFetcherOptions {
        root: folder.path().to_owned(),
    });
    let web = WebFetcher::new().map_err(said)?;
    let bases = RemoteBases::new(Arc::new(git.map_err(said)?))
        .with_web(Arc::new(web))
        .with_local_repositories();
    Ok((bases, folder))
}

/// One line each: what was looked at, and where.
fn show_inputs(inputs: &Inputs, place: &Place) {
    for input in &inputs.source {
        let input = place.seen_from_here(&input.to_string());
        eprintln!("{}", printable_line(&input));
    }
    for FetchedInput { need, state } in &inputs.fetched {
        match state {
            FetchedState::Tree(inputs) => {
                let lines = inputs.iter().map(|input| format!("{need}: {input}"));
                lines.for_each(|line| eprintln!("{}", printable_line(&line)));
            }
            FetchedState::Bytes(_) => eprintln!("{}", printable_line(&need.to_string())),
            FetchedState::Failed(why) => {
                eprintln!("{}", printable_line(&format!("{need}: {why}")));
            }
        }
    }
}

/// As in kustomize: a root from elsewhere reads no files outside of itself.
fn options(arguments: &BuildKustomizeArguments, place: &Place) -> BuildOptions {
    use LoadRestrictor::{LoadRestrictionsNone, LoadRestrictionsRootOnly};
    BuildOptions {
        load_restrictor: match (arguments.load_restrictor, &place.standing) {
            (LoadRestrictionsNone, Standing::Here(_)) => trueup_kustomize::LoadRestrictor::None,
            (LoadRestrictionsNone, Standing::Elsewhere(_)) | (LoadRestrictionsRootOnly, _) => {
                trueup_kustomize::LoadRestrictor::RootOnly
            }
        },
        order: match arguments.reorder {
            Reorder::Legacy => Order::Legacy,
            Reorder::None => Order::Fifo,
        },
        managed_by_label: arguments.enable_managedby_label,
        ..BuildOptions::default()
    }
}

/// Where the root is, and how messages speak of files.
pub(super) struct Place {
    tree: Arc<dyn FileTree>,
    root: TreePath,
    standing: Standing,
}

enum Standing {
    /// On this machine: files are told as seen from the working folder.
    Here(String),
    /// In a repository elsewhere.
    Elsewhere(Need),
}

impl Place {
    /// A folder of this machine.
    pub(super) fn of(root: &Path) -> Result<Self, Failure> {
        let whole = root
            .canonicalize()
            .map_err(|error| said(format!("{}: {error}", root.display())))?;
        let tree_path = |path: &Path| {
            let text = path.to_string_lossy();
            TreePath::parse(text.trim_start_matches('/')).map_err(said)
        };
        let here = std::env::current_dir().map_err(said)?;
        Ok(Self {
            tree: Arc::new(FolderTree::new("/")),
            root: tree_path(&whole)?,
            standing: Standing::Here(format!("{}/", tree_path(&here)?)),
        })
    }

    /// The folder, from the root of this machine.
    pub(super) fn root(&self) -> &TreePath {
        &self.root
    }

    /// A failure whose paths are told as seen from here.
    pub(super) fn said(&self, error: &dyn std::fmt::Display) -> Failure {
        said(self.seen_from_here(&error.to_string()))
    }

    /// Paths below the working folder are told from there, those of a root
    /// elsewhere in full.
    fn seen_from_here(&self, text: &str) -> String {
        let root = self.root.as_str();
        match &self.standing {
            Standing::Elsewhere(need) => format!("{need}: {text}"),
            Standing::Here(here) if format!("{root}/").starts_with(here) || root.is_empty() => {
                text.replace(here.as_str(), "")
            }
            Standing::Here(_) => text.replace(root, &format!("/{root}")),
        }
    }
}

fn text(built: &Build, place: &Place) -> Result<String, Failure> {
    built.to_yaml().map_err(|error| place.said(&error))
}

/// One file an object, named as kustomize names them.
fn write_files(built: &Build, folder: &Path, place: &Place) -> Result<(), Failure> {
    for (name, text) in built.to_files().map_err(|error| place.said(&error))? {
        let path: PathBuf = folder.join(name);
        std::fs::write(&path, text)
            .map_err(|error| said(format!("write {}: {error}", path.display())))?;
    }
    Ok(())
}
