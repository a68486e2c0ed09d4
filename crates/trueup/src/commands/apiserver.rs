//! `trueup apiserver`.

use super::{Failure, said};
use crate::arguments::ApiserverArguments;
use std::process::ExitCode;

pub async fn run(_arguments: ApiserverArguments) -> Result<ExitCode, Failure> {
    Err(said("not built yet"))
}
