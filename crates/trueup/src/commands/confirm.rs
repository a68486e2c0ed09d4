//! Asking before something is deleted.

use super::{Failure, said};
use std::io::{BufRead, IsTerminal, Write};

/// Asks on the terminal; where there is none, nobody can say yes.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(said(
            "no terminal to ask on: use --silent to delete without a question",
        ));
    }
    eprint!("? {question} [y/N] ");
    let mut answer = String::new();
    std::io::stderr()
        .flush()
        .and_then(|()| input.lock().read_line(&mut answer))
        .map_err(said)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
