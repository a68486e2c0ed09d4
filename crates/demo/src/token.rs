//! The administrator's bearer token, kept beside the cluster it opens.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Mode of a file that only its owner may read.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// A new bearer token that nobody can guess.
pub fn random_token() -> std::io::Result<String> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| std::io::Error::other("no random bytes to be had"))?;
    let mut token = String::with_capacity(2 * TOKEN_BYTES);
    for byte in bytes {
        write!(token, "{byte:02x}").map_err(std::io::Error::other)?;
    }
    Ok(token)
}

/// The token of a folder; a new random one the first time, readable by its
/// owner only.
pub fn kept_in(folder: &Path) -> std::io::Result<String> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("admin-token");
    match std::fs::read_to_string(&path) {
        Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let token = random_token()?;
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    let mut file = options.open(&temporary)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, &path)?;
    Ok(token)
}
