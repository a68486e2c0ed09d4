//! `wrk`, as of version 4.2, and the rate of `wrk2`.

use super::options::{OptionError, Takes, getopt};
use super::{CommandError, number, only_address, request_timeout_ms, set_header};
use crate::load::{Load, LoadError, MAX_DURATION_MS};

const OPTIONS: [(&str, Takes); 9] = [
    ("c", Takes::Value),
    ("d", Takes::Value),
    ("t", Takes::Value),
    ("s", Takes::Value),
    ("H", Takes::Value),
    ("L", Takes::Nothing),
    ("U", Takes::Nothing),
    ("T", Takes::Value),
    ("R", Takes::Value),
];
const LONG: [(&str, &str); 9] = [
    ("connections", "c"),
    ("duration", "d"),
    ("threads", "t"),
    ("script", "s"),
    ("header", "H"),
    ("latency", "L"),
    ("u_latency", "U"),
    ("timeout", "T"),
    ("rate", "R"),
];
const CONNECTIONS: u32 = 10;
const THREADS: u32 = 2;
const DURATION_MS: u64 = 10_000;
const TIMEOUT_MS: u64 = 2_000;

/// Reads the words behind the program's name.
pub(super) fn read(words: &[String]) -> Result<Load, CommandError> {
    let parsed = getopt(words, &OPTIONS, &LONG)?;
    let mut load = Load::get(only_address(&parsed.operands)?);
    load.concurrency = CONNECTIONS;
    load.duration_ms = Some(DURATION_MS);
    load.request_timeout_ms = TIMEOUT_MS;
    let mut threads = THREADS;
    let mut total_rate = None;
    for (name, value) in &parsed.options {
        match *name {
            "c" => load.concurrency = counted(name, value)?,
            "d" => load.duration_ms = Some(time_ms(name, value)?),
            "t" => threads = counted(name, value)?,
            "H" => set_header(&mut load.headers, name, value)?,
            "T" => load.request_timeout_ms = request_timeout_ms(time_ms(name, value)?),
            "R" => total_rate = Some(counted(name, value)?),
            "s" => return Err(OptionError::unsupported(name).into()),
            // What is printed besides.
            _ => {}
        }
    }
    if threads == 0 || threads > load.concurrency {
        let problem = "more threads than connections, or none";
        return Err(OptionError::value("t", problem).into());
    }
    if total_rate == Some(0) {
        return Err(LoadError::Rate(0.0).into());
    }
    load.rate_per_worker = total_rate.map(|rate| f64::from(rate) / f64::from(load.concurrency));
    Ok(load)
}

/// A number with one of the units `k`, `M` and `G`, or none.
fn counted(option: &'static str, text: &str) -> Result<u32, CommandError> {
    let (digits, factor) = with_unit(
        text,
        &[("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)],
    );
    let digits: u64 = number(option, digits)?;
    let all = digits.saturating_mul(factor);
    u32::try_from(all).map_err(|_| OptionError::value(option, "a number too large").into())
}

/// A time with one of the units `s`, `m` and `h`, or none for seconds.
fn time_ms(option: &'static str, text: &str) -> Result<u64, CommandError> {
    let (digits, factor) = with_unit(text, &[("s", 1_000), ("m", 60_000), ("h", 3_600_000)]);
    let factor = if digits.len() == text.len() {
        1_000
    } else {
        factor
    };
    let digits: u64 = number(option, digits)?;
    Ok(digits.saturating_mul(factor).min(MAX_DURATION_MS + 1))
}

fn with_unit<'t>(text: &'t str, units: &[(&str, u64)]) -> (&'t str, u64) {
    units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Redirects;
    use crate::words::split_words;

    fn load(command: &str) -> Load {
        let words = split_words(command).unwrap();
        read(&words[1..]).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    #[test]
    fn commands_are_understood() {
        let plain = load("wrk http://a/");
        assert_eq!((plain.concurrency, plain.duration_ms), (10, Some(10_000)));
        assert_eq!(
            (plain.request_timeout_ms, plain.redirects),
            (2_000, Redirects::Counted)
        );
        let all = load("wrk -t4 -c 1k -d2m --latency -H 'Host: h' --timeout=5 http://a/x");
        assert_eq!((all.concurrency, all.duration_ms), (1_000, Some(120_000)));
        assert_eq!(
            (all.request_timeout_ms, &all.headers["host"]),
            (5_000, &"h".parse().unwrap())
        );
        let wrk2 = load("wrk http://a --rate 100 --connections 20 --threads 2 --duration 1h");
        assert_eq!(
            (wrk2.rate_per_worker, wrk2.duration_ms),
            (Some(5.0), Some(3_600_000))
        );
    }
}
