//! Which images are programs of this machine.

use crate::options::BROKEN_TAG;
use std::collections::BTreeMap;
use std::path::PathBuf;
use trueup_object::Value;

/// A program of this machine, and the arguments that always come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its absolute path.
    pub path: PathBuf,
    /// What comes before the arguments of a Pod.
    pub arguments: Vec<String>,
}

impl Program {
    /// A program without arguments of its own.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            arguments: Vec::new(),
        }
    }

    /// The same program with these arguments first.
    #[must_use]
    pub fn with_arguments<T: Into<String>>(
        mut self,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }
}

/// What an image is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What is run for a container without `command`.
    pub entrypoint: Program,
    /// What else its containers may run, by the first word of a `command`, of
    /// an exec probe or of an exec hook. Other words are refused.
    pub commands: BTreeMap<String, Program>,
}

impl Image {
    /// An image whose containers run nothing but this program.
    #[must_use]
    pub fn new(entrypoint: Program) -> Self {
        Self {
            entrypoint,
            commands: BTreeMap::new(),
        }
    }

    /// The same image with one more command.
    #[must_use]
    pub fn with_command(mut self, word: impl Into<String>, program: Program) -> Self {
        self.commands.insert(word.into(), program);
        self
    }
}

/// The images that are programs of this machine, by name: with tag or digest
/// for that one alone, without for all of that name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageMap {
    images: BTreeMap<String, Image>,
}

impl ImageMap {
    /// The same map with one more image.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, image: Image) -> Self {
        self.images.insert(name.into(), image);
        self
    }

    /// What a container's image is: the entry that is written exactly so, else
    /// that of the name without digest, else that without tag. Names are
    /// compared as they are written: `nginx` is not `docker.io/library/nginx`.
    /// An image with the tag [`BROKEN_TAG`] is never found but exactly.
    #[must_use]
    pub fn find(&self, image: &str) -> Option<&Image> {
        if let Some(found) = self.images.get(image) {
            return Some(found);
        }
        let tagged = image.split_once('@').map_or(image, |(name, _)| name);
        let (name, tag) = match tagged.rsplit_once(':') {
            // The port of a registry is no tag.
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (tagged, ""),
        };
        if tag == BROKEN_TAG {
            return None;
        }
        self.images.get(tagged).or_else(|| self.images.get(name))
    }

    /// Whether any container of a Pod is of an image that is known.
    #[must_use]
    pub(crate) fn knows_any(&self, pod: &Value) -> bool {
        let containers = pod.at(&["spec", "containers"]).and_then(Value::as_list);
        containers.unwrap_or_default().iter().any(|container| {
            self.find(container.str_at(&["image"]).unwrap_or_default())
                .is_some()
        })
    }
}

/// What becomes of a Pod none of whose images is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnmappedImages {
    /// It becomes ready without running anything, as on the simulated node.
    #[default]
    Simulated,
    /// It waits with the reason `ErrImagePull`.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn map(names: &[&str]) -> ImageMap {
        names.iter().fold(ImageMap::default(), |map, name| {
            map.with(*name, Image::new(Program::new(format!("/{name}"))))
        })
    }

    #[test]
    fn an_image_is_found_exactly_then_without_digest_then_without_tag() {
        let map = map(&[
            "web",
            "web:2",
            "registry:5000/web",
            "pinned@sha256:aa",
            "x:1",
        ]);
        for (image, found) in [
            ("web", Some("/web")),
            ("web:1", Some("/web")),
            ("web:2", Some("/web:2")),
            ("web:2@sha256:bb", Some("/web:2")),
            ("web@sha256:bb", Some("/web")),
            ("registry:5000/web", Some("/registry:5000/web")),
            ("registry:5000/web:7", Some("/registry:5000/web")),
            ("registry:5000", None),
            ("pinned@sha256:aa", Some("/pinned@sha256:aa")),
            ("pinned@sha256:bb", None),
            ("pinned", None),
            ("x", None),
            ("x:2", None),
            ("library/web", None),
            ("web:broken", None),
            ("", None),
            (":", None),
            ("@", None),
        ] {
            let path = map.find(image).map(|image| image.entrypoint.path.clone());
            assert_eq!(path, found.map(PathBuf::from), "{image}");
        }
    }

    #[test]
    fn a_pod_is_known_by_any_of_its_containers() {
        let pod = |images: &[&str]| {
            let containers: Vec<Value> = images
                .iter()
                .map(|image| value!({"name": "c", "image": (*image)}))
                .collect();
            value!({"spec": {"containers": containers}})
        };
        let map = map(&["web"]);
        assert!(map.knows_any(&pod(&["other", "web:3"])));
        assert!(!map.knows_any(&pod(&["other"])));
        assert!(!map.knows_any(&value!({})));
    }
}
