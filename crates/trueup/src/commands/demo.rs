//! `trueup demo`.

use super::{Failure, said};
use crate::arguments::DemoArguments;
use std::process::ExitCode;

pub async fn run(_arguments: DemoArguments) -> Result<ExitCode, Failure> {
    Err(said("not built yet"))
}
