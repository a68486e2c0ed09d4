//! `cargo xtask transcripts`: recorded conversations over HTTPS.

mod own_server;

use futures::StreamExt;
use own_server::OwnServer;
use regex::Regex;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use trueup_replay::{
    Agreement, Deviations, Ground, Kubeconfig, OverHttp, Scenario, Verdict, controllers,
    has_definitions, play, read_scenarios, recordings, samples,
};

/// How long custom resource definitions of earlier runs may take to go before
/// the scenarios that must be alone.
const ALONE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Against which server what is played.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Play against the current context of this kubeconfig instead of an embedded server; its user must be an administrator
    #[arg(long, value_name = "KUBECONFIG")]
    against: Option<PathBuf>,
    /// Only scenarios whose `AREA::NAME` matches
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Folder of shared files with `kubernetes/transcripts` in it [default: $TRUEUP_SHARED, or ../shared]
    #[arg(long, value_name = "DIR")]
    shared: Option<PathBuf>,
    /// How many scenarios are played at once
    #[arg(long, default_value_t = 6, value_name = "N")]
    threads: usize,
    /// A controller that the outside cluster lacks; what needs it is left out
    #[arg(long, value_name = "NAME", requires = "against")]
    without: Vec<String>,
    /// Accepted deviations of the outside cluster
    #[arg(long, value_name = "FILE", requires = "against")]
    deviations: Option<PathBuf>,
}

/// A task that could not be done.
pub type Failure = Box<dyn Error>;

/// Plays, prints as it goes, and gives the agreement.
pub async fn run(options: &Options) -> Result<Agreement, Failure> {
    let folder = recordings(options.shared.as_deref());
    let mut scenarios = read_scenarios(&samples())?;
    if folder.is_dir() {
        scenarios.extend(read_scenarios(&folder)?);
    } else {
        println!("skipped: all recordings: {} is not there", folder.display());
    }
    if let Some(only) = &options.only {
        scenarios.retain(|scenario| only.is_match(&scenario.title()));
    }
    match &options.against {
        Some(path) => {
            let target = Target {
                server: OverHttp::new(&Kubeconfig::read(path)?)?,
                lacks: options.without.clone(),
                deviations: match &options.deviations {
                    Some(file) => Deviations::read(file)?,
                    None => Deviations::default(),
                },
            };
            Ok(target.play_all(&scenarios, options.threads).await)
        }
        None => {
            let own = OwnServer::start().await?;
            let target = Target {
                server: OverHttp::new(own.kubeconfig())?,
                lacks: missing_here(&scenarios),
                deviations: Deviations::embedded()?,
            };
            let agreement = target.play_all(&scenarios, options.threads).await;
            own.stop().await?;
            Ok(agreement)
        }
    }
}

/// The controllers that scenarios need and the embedded server has not.
fn missing_here(scenarios: &[Scenario]) -> Vec<String> {
    let there = controllers();
    let lacking = scenarios.iter().flat_map(|scenario| scenario.lacks(&there));
    lacking.map(str::to_owned).collect()
}

/// The server that is played against.
struct Target {
    server: OverHttp,
    lacks: Vec<String>,
    deviations: Deviations,
}

impl Target {
    /// Those that must be alone first and one by one, then the others.
    async fn play_all(&self, scenarios: &[Scenario], threads: usize) -> Agreement {
        let mut agreement = Agreement::default();
        let (alone, others): (Vec<_>, Vec<_>) = scenarios.iter().partition(|it| it.alone);
        let is_alone = alone.is_empty() || self.has_no_definitions().await;
        for scenario in alone {
            let verdict = if is_alone {
                self.play(scenario).await
            } else {
                let reason = "the server has custom resource definitions".to_owned();
                Verdict::Skipped { reason }
            };
            tell(&mut agreement, scenario, &verdict);
        }
        let played = others.into_iter().map(async |it| (it, self.play(it).await));
        let mut played = futures::stream::iter(played).buffer_unordered(threads.max(1));
        while let Some((scenario, verdict)) = played.next().await {
            tell(&mut agreement, scenario, &verdict);
        }
        println!("\n{agreement}");
        agreement
    }

    async fn play(&self, scenario: &Scenario) -> Verdict {
        let needs = scenario.needs.iter().map(String::as_str);
        let lacks: Vec<&str> = needs
            .filter(|need| self.lacks.iter().any(|lack| lack == need))
            .collect();
        if !lacks.is_empty() {
            let reason = format!("it needs {}", lacks.join(", "));
            return Verdict::Skipped { reason };
        }
        let differences = play(scenario, &self.server, Ground::Shared).await;
        self.deviations.judge(&scenario.name, differences)
    }

    /// Waits until there are no custom resource definitions; tells whether
    /// that has come.
    async fn has_no_definitions(&self) -> bool {
        let started = std::time::Instant::now();
        loop {
            match has_definitions(&self.server).await {
                Ok(false) => return true,
                Ok(true) | Err(_) if started.elapsed() > ALONE_TIMEOUT => return false,
                Ok(true) | Err(_) => tokio::time::sleep(LOOK_INTERVAL).await,
            }
        }
    }
}

/// Counts a verdict, and prints one that is not plain agreement.
fn tell(agreement: &mut Agreement, scenario: &Scenario, verdict: &Verdict) {
    agreement.count(&scenario.area, verdict);
    let title = scenario.title();
    let differences = match verdict {
        Verdict::Agrees => return,
        Verdict::AgreesAgainstTheList => {
            println!("agrees, and is listed as a deviation: {title}");
            return;
        }
        Verdict::Skipped { reason } => {
            println!("skipped: {title}: {reason}");
            return;
        }
        Verdict::Accepted {
            reason,
            differences,
        } => {
            println!("accepted: {title}: {reason}");
            differences
        }
        Verdict::Differs(differences) => {
            println!("differs: {title}");
            differences
        }
    };
    for difference in differences {
        println!("    {difference}");
    }
}
