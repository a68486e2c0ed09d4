//! The embedded cluster, Git server, sample repository and walkthrough, wired
//! for a laptop.

mod app;
mod feed;
mod first_objects;
mod folder;
mod run;
mod sample;
mod tally;
mod terminal;
mod token;
mod traffic;
mod visitor;
mod walkthrough;
mod welcome;

pub use app::{AppSettings, ErrorRate, NoErrorRate, VERSION_HEADER, serve_app};
pub use folder::{Folder, FolderError, Listeners, Ports, default_folder, ports_of};
pub use run::{APP_COMMAND, Data, DemoError, SUPERVISE_COMMAND, run};
pub use terminal::{Terminal, Tone};
pub use token::random_token;
pub use walkthrough::{STEP_DEADLINE, Verdict, walkthrough};
