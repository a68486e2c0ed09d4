//! The marks of the flux CLI, on standard error so that output stays clean.

use crate::paint::{printable, printable_line};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Something is being done.
pub fn action(text: &str) {
    say("► ", text);
}

/// Something was made up that is not applied yet.
pub fn generated(text: &str) {
    say("✚ ", text);
}

/// Something is awaited.
pub fn waiting(text: &str) {
    say("◎ ", text);
}

/// Something was done.
pub fn success(text: &str) {
    say("✔ ", text);
}

/// Something was found that a person should know of.
pub fn warning(text: &str) {
    say("⚠️ ", text);
}

/// Something failed.
pub fn failure(text: &str) {
    say("✗ ", text);
}

/// What may help after a failure.
pub fn hint(text: &str) {
    say("  hint: ", text);
}

/// What is told may come from anybody: it must not steer the terminal. One
/// that has gone misses only a line.
fn say(mark: &str, text: &str) {
    let _gone = writeln!(std::io::stderr(), "{mark}{}", printable(text));
}

/// How often the picture of a spinner changes.
const FRAME: Duration = Duration::from_millis(100);
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// A moving line on a terminal; nothing elsewhere. Ends and leaves no trace
/// when it is dropped.
pub struct Spinner {
    task: Option<JoinHandle<()>>,
}

impl Spinner {
    /// Shows that something is going on.
    pub fn start(text: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::none();
        }
        let text = printable_line(text);
        let task = tokio::spawn(async move {
            for frame in FRAMES.into_iter().cycle() {
                draw(&format!("\r\x1b[2K{frame} {text}"));
                tokio::time::sleep(FRAME).await;
            }
        });
        Self { task: Some(task) }
    }

    /// Shows nothing.
    pub fn none() -> Self {
        Self { task: None }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            draw("\r\x1b[2K");
        }
    }
}

/// A terminal that has gone misses only a picture.
fn draw(text: &str) {
    let mut terminal = std::io::stderr();
    let _gone = terminal
        .write_all(text.as_bytes())
        .and_then(|()| terminal.flush());
}
