//! `trueup controller`.

use super::{Failure, said};
use crate::arguments::ControllerArguments;
use std::process::ExitCode;

pub async fn run(_arguments: ControllerArguments) -> Result<ExitCode, Failure> {
    Err(said("not built yet"))
}
