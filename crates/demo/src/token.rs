//! The administrator's bearer token, kept beside the cluster it opens.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The token of a folder; a new random one the first time, readable by its
/// owner only.
pub fn kept_in(folder: &Path) -> std::io::Result<String> {
    let path = folder.join("admin-token");
    match std::fs::read_to_string(&path) {
        Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let token = trueup_apiserver::random_token();
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, &path)?;
    Ok(token)
}
