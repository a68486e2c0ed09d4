//! The marks of the flux CLI, on standard error so that output stays clean.

/// Something is being done.
pub fn action(text: &str) {
    eprintln!("► {text}");
}

/// Something was generated or is awaited.
pub fn waiting(text: &str) {
    eprintln!("◎ {text}");
}

/// Something was done.
pub fn success(text: &str) {
    eprintln!("✔ {text}");
}

/// Something failed.
pub fn failure(text: &str) {
    eprintln!("✗ {text}");
}
