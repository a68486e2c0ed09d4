//! Builds as whole processes: `trueup build kustomize` and, where one is on
//! PATH, the genuine `kustomize build`.

use super::cases::Case;
use crate::process::children_cpu_s;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use trueup_kustomize::Order;

/// After how many seconds a run is ended and not told.
const LIMIT_S: u64 = 60;

/// How often a run is asked whether it has ended.
const STEP: Duration = Duration::from_micros(100);

/// Both programs.
pub struct Programs {
    ours: PathBuf,
    genuine: Option<Genuine>,
}

/// The genuine program.
struct Genuine {
    path: PathBuf,
    version: String,
}

/// What one program took for one case.
#[derive(Clone, Copy)]
pub struct Taken {
    /// Processor time in milliseconds, user and system, over all runs.
    pub cpu_ms: f64,
    /// Elapsed time in milliseconds: the median of all runs.
    pub wall_ms: f64,
}

/// What both took.
pub struct Pair {
    pub ours: Taken,
    pub genuine: Option<Taken>,
}

impl Programs {
    /// Builds ours, and looks for the other.
    pub async fn find() -> Result<Self, String> {
        Ok(Self {
            ours: crate::program::build().await?,
            genuine: Genuine::find(),
        })
    }

    /// The version of the genuine program, if there is one.
    pub fn genuine_version(&self) -> Option<&str> {
        self.genuine
            .as_ref()
            .map(|genuine| genuine.version.as_str())
    }

    /// Runs both on a case, each for so many seconds of processor time.
    pub fn measure(&self, case: &Case, cpu_s: f64) -> Result<Pair, String> {
        let flags = ["--load-restrictor", "LoadRestrictionsNone"];
        let reorder = match case.order {
            Order::Legacy => "legacy",
            Order::Fifo => "none",
        };
        let mut ours = Command::new(&self.ours);
        ours.args(["build", "kustomize"]).args(flags);
        ours.args(["--reorder", reorder]).arg(case.folder());
        let genuine = self.genuine.as_ref().map(|genuine| {
            let mut command = Command::new(&genuine.path);
            command.arg("build").args(flags).arg(case.folder());
            // One that fails or takes too long has no figure.
            run(&mut command, cpu_s).ok()
        });
        Ok(Pair {
            ours: run(&mut ours, cpu_s)?,
            genuine: genuine.flatten(),
        })
    }
}

impl Genuine {
    fn find() -> Option<Self> {
        let folders = std::env::var_os("PATH")?;
        let mut places = std::env::split_paths(&folders).map(|folder| folder.join("kustomize"));
        let path = places.find(|place| place.is_file())?;
        let told = Command::new(&path).arg("version").output().ok()?;
        let version = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        Some(Self { path, version })
    }
}

/// Runs a command once and then for so much processor time; at least once
/// more.
fn run(command: &mut Command, cpu_s: f64) -> Result<Taken, String> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    once(command)?;
    let mut wall_ms = Vec::new();
    let before_s = children_cpu_s();
    let mut taken_s = 0.0;
    while wall_ms.is_empty() || taken_s < cpu_s {
        let start = Instant::now();
        once(command)?;
        wall_ms.push(start.elapsed().as_secs_f64() * 1e3);
        taken_s = children_cpu_s() - before_s;
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of runs")]
    let runs = wall_ms.len() as f64;
    Ok(Taken {
        cpu_ms: taken_s * 1e3 / runs,
        wall_ms: crate::median(wall_ms),
    })
}

fn once(command: &mut Command) -> Result<(), String> {
    run_once(command).map_err(|error| {
        let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        let program = command.get_program().to_string_lossy();
        format!("{program} {}: {error}", words.join(" "))
    })
}

fn run_once(command: &mut Command) -> Result<(), String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let start = Instant::now();
    loop {
        let ended = child.try_wait().map_err(|error| error.to_string())?;
        match ended {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string()),
            None if start.elapsed().as_secs() >= LIMIT_S => {
                child.kill().map_err(|error| error.to_string())?;
                child.wait().map_err(|error| error.to_string())?;
                return Err(format!("not done after {LIMIT_S} s"));
            }
            None => std::thread::sleep(STEP),
        }
    }
}
