//! `trueup demo`.

use super::{Failure, said};
use crate::arguments::DemoArguments;
use crate::stop;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use trueup_demo::{Data, Terminal, Verdict, default_folder, walkthrough};

/// Runs the demo until Ctrl-C, or plays the tour.
pub async fn run(arguments: DemoArguments) -> Result<ExitCode, Failure> {
    let mut terminal = Terminal::stdout();
    let program = std::env::current_exe().map_err(said)?;
    if arguments.walkthrough {
        return match walkthrough(&program, &mut terminal).await.map_err(said)? {
            Verdict::AllHeld => Ok(ExitCode::SUCCESS),
            Verdict::Failed => Ok(ExitCode::FAILURE),
        };
    }
    let data = match arguments.data_dir {
        _ if arguments.ephemeral => Data::Ephemeral,
        Some(folder) => Data::Kept(folder),
        None => Data::Kept(default_folder().map_err(said)?),
    };
    let token = CancellationToken::new();
    let stopping = token.clone();
    tokio::spawn(async move {
        stop::requested().await;
        stopping.cancel();
    });
    trueup_demo::run(data, &program, &mut terminal, token)
        .await
        .map_err(said)?;
    Ok(ExitCode::SUCCESS)
}
