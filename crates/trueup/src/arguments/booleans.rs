//! `--flag=true` and `--flag=false`, which the flux CLI takes for every flag
//! that is on or off.

use clap::{ArgAction, Command};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// The words of a command line with `--flag=true` as `--flag` and without
/// `--flag=false`, for flags that are on or off. What follows `--` stays.
pub fn without_values(
    command: &Command,
    words: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let mut flags = BTreeSet::new();
    collect(command, &mut flags);
    let mut is_open = true;
    words
        .into_iter()
        .filter_map(|word| {
            is_open &= word != "--";
            if is_open {
                plain(word, &flags)
            } else {
                Some(word)
            }
        })
        .collect()
}

fn plain(word: OsString, flags: &BTreeSet<String>) -> Option<OsString> {
    let text = word.to_str().and_then(|text| text.strip_prefix("--"));
    match text.and_then(|text| text.split_once('=')) {
        Some((flag, "true")) if flags.contains(flag) => Some(format!("--{flag}").into()),
        Some((flag, "false")) if flags.contains(flag) => None,
        _ => Some(word),
    }
}

fn collect(command: &Command, flags: &mut BTreeSet<String>) {
    let switches = command
        .get_arguments()
        .filter(|argument| matches!(argument.get_action(), ArgAction::SetTrue));
    flags.extend(switches.filter_map(|argument| argument.get_long().map(str::to_owned)));
    command
        .get_subcommands()
        .for_each(|child| collect(child, flags));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::CommandFactory;

    #[test]
    fn flags_that_are_on_or_off_may_say_so() {
        let line =
            "trueup create ks a --prune=true --all=false --wait=false --path=true -- --prune=true";
        let words = line.split(' ').map(OsString::from);
        let plain = without_values(&Arguments::command(), words);
        let expected = "trueup create ks a --prune --wait=false --path=true -- --prune=true";
        assert_eq!(plain, expected.split(' ').collect::<Vec<_>>());
    }

    #[test]
    fn flags_with_a_default_keep_their_value() {
        let words = ["trueup", "resume", "ks", "a", "--wait=false"];
        let plain = without_values(&Arguments::command(), words.map(OsString::from));
        assert_eq!(plain, words);
    }
}
