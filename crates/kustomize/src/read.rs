//! Resources as files hold them.

use crate::files::file_position;
use crate::node::read_documents;
use crate::resource::Resource;
use crate::{BuildError, Limits};
use trueup_artifact::TreePath;
use trueup_object::Position;
use trueup_yaml::SourceOptions;

/// The resources of a file, lists of objects unfolded.
pub(crate) fn resources(
    path: &TreePath,
    text: &str,
    limits: &Limits,
) -> Result<Vec<Resource>, BuildError> {
    let options = SourceOptions {
        max_bytes: usize::try_from(limits.max_file_bytes).unwrap_or(usize::MAX),
        ..SourceOptions::default()
    };
    let file = file_position(path).file;
    let documents = read_documents(text, &options).map_err(|error| BuildError::BadFile {
        position: Position {
            file: file.clone(),
            line: error.line,
        },
        message: error.message,
    })?;
    Ok(documents
        .into_iter()
        .filter(|(_, node)| !node.is_nothing())
        .map(|(line, node)| {
            let file = file.clone();
            Resource::new(node, Position { file, line })
        })
        .collect())
}
