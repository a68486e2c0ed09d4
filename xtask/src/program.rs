//! The program `trueup` as users have it.

use std::path::PathBuf;
use tokio::process::Command;

/// Builds the program; where it is.
pub async fn build() -> Result<PathBuf, String> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--package",
            "trueup",
        ])
        .current_dir(&workspace)
        .status()
        .await
        .map_err(|error| format!("build trueup: {error}"))?;
    if !built.success() {
        return Err(format!("build trueup: {built}"));
    }
    // This program stands beside it: same profile, same target folder.
    std::env::current_exe()
        .map(|program| program.with_file_name("trueup"))
        .map_err(|error| format!("find trueup: {error}"))
}
