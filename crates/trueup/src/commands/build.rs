//! `trueup build`.

use super::{Failure, said};
use crate::arguments::{
    BuildArguments, BuildKustomizeArguments, BuildWhat, LoadRestrictor, Reorder,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use trueup_artifact::TreePath;
use trueup_kustomize::{Build, BuildOptions, Order, build};
use trueup_source::FolderTree;

/// Builds and prints; what is printed is the build alone.
pub fn run(arguments: &BuildArguments) -> Result<ExitCode, Failure> {
    match &arguments.what {
        BuildWhat::Kustomize(arguments) => kustomize(arguments),
    }
}

fn kustomize(arguments: &BuildKustomizeArguments) -> Result<ExitCode, Failure> {
    let place = Place::of(&arguments.root)?;
    let tree = FolderTree::new("/");
    let built =
        build(&tree, &place.root, None, &options(arguments)).map_err(|error| place.said(&error))?;
    match &arguments.output {
        None => print(&text(&built, &place)?)?,
        Some(path) if path.is_dir() => write_files(&built, path, &place)?,
        Some(path) => std::fs::write(path, text(&built, &place)?)
            .map_err(|error| said(format!("write {}: {error}", path.display())))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: &BuildKustomizeArguments) -> BuildOptions {
    BuildOptions {
        load_restrictor: match arguments.load_restrictor {
            LoadRestrictor::LoadRestrictionsRootOnly => trueup_kustomize::LoadRestrictor::RootOnly,
            LoadRestrictor::LoadRestrictionsNone => trueup_kustomize::LoadRestrictor::None,
        },
        order: match arguments.reorder {
            Reorder::Legacy => Order::Legacy,
            Reorder::None => Order::Fifo,
        },
        managed_by_label: arguments.enable_managedby_label,
        ..BuildOptions::default()
    }
}

/// Where the root is, and how messages speak of files: as seen from here.
struct Place {
    root: TreePath,
    here: String,
}

impl Place {
    fn of(root: &Path) -> Result<Self, Failure> {
        let whole = root
            .canonicalize()
            .map_err(|error| said(format!("{}: {error}", root.display())))?;
        let tree_path = |path: &Path| {
            let text = path.to_string_lossy();
            TreePath::parse(text.trim_start_matches('/')).map_err(said)
        };
        let here = std::env::current_dir().map_err(said)?;
        Ok(Self {
            root: tree_path(&whole)?,
            here: format!("{}/", tree_path(&here)?),
        })
    }

    /// Paths below the working folder are told from there, those of a root
    /// elsewhere in full.
    fn said(&self, error: &dyn std::fmt::Display) -> Failure {
        let text = error.to_string();
        let root = self.root.as_str();
        if format!("{root}/").starts_with(&self.here) || self.root.is_root() {
            return said(text.replace(&self.here, ""));
        }
        said(text.replace(root, &format!("/{root}")))
    }
}

fn text(built: &Build, place: &Place) -> Result<String, Failure> {
    built.to_yaml().map_err(|error| place.said(&error))
}

/// A reader that has seen enough is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(said(error)),
        _ => Ok(()),
    }
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
