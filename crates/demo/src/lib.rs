//! The embedded cluster, Git server, sample repository and walkthrough, wired
//! for a laptop.

mod feed;
mod folder;
mod run;
mod sample;
mod terminal;
mod token;
mod walkthrough;
mod welcome;

pub use folder::{Folder, FolderError, Listeners, Ports, default_folder, ports_of};
pub use run::{Data, DemoError, run};
pub use terminal::{Terminal, Tone};
pub use token::random_token;
pub use walkthrough::{STEP_DEADLINE, Verdict, walkthrough};
