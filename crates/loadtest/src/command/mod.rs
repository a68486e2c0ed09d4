//! Commands of load generators, read as the load that they would make.
//!
//! The options are those that the programs document; an option that this
//! generator has no counterpart for is refused by name.

mod ab;
mod hey;
mod options;
mod wrk;

use crate::load::{Load, LoadError, MAX_DURATION_MS, MAX_REQUEST_TIMEOUT_MS};
use crate::words::WordsError;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use options::OptionError;
use trueup_kinds::outgoing::{AddressError, HttpAddress};

/// The generators whose commands are understood.
pub const GENERATORS: [&str; 3] = ["hey", "wrk", "ab"];

/// Why a command is no load.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// It can't be split into words.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// Another program.
    #[error("{0} is no load generator that is built in")]
    Unknown(String),
    /// An option that the generator doesn't have, or without its value.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The address is none.
    #[error("the address can't be used: {0}")]
    Address(#[from] AddressError),
    /// No address, or more than one.
    #[error("one address is wanted, not {0}")]
    Addresses(usize),
    /// Over a limit.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Reads the words of a command as load.
///
/// # Errors
/// What is none, or over a limit of [`Load::check`].
pub fn read_command(words: &[String]) -> Result<Load, CommandError> {
    let (program, words) = words.split_first().ok_or(WordsError::Empty)?;
    let load = match program.as_str() {
        "hey" => hey::read(words),
        "wrk" => wrk::read(words),
        "ab" => ab::read(words),
        other => Err(CommandError::Unknown(other.to_owned())),
    }?;
    load.check()?;
    Ok(load)
}

/// The one address that a command names; the generators take an address
/// without a scheme for none.
fn only_address(operands: &[String]) -> Result<HttpAddress, CommandError> {
    match operands {
        [address] => Ok(HttpAddress::parse(address)?),
        other => Err(CommandError::Addresses(other.len())),
    }
}

fn method(name: &'static str, text: &str) -> Result<Method, CommandError> {
    Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .map_err(|_| OptionError::value(name, "no method of HTTP").into())
}

/// Sets a header that is written as `Name: value`.
fn set_header(
    headers: &mut HeaderMap,
    option: &'static str,
    text: &str,
) -> Result<(), CommandError> {
    let malformed = || OptionError::value(option, "no header such as \"Name: value\"");
    let (name, value) = text.split_once(':').ok_or_else(malformed)?;
    let name: HeaderName = name.trim().parse().map_err(|_| malformed())?;
    headers.insert(name, header_value(option, value.trim())?);
    Ok(())
}

fn header_value(option: &'static str, text: &str) -> Result<HeaderValue, CommandError> {
    HeaderValue::from_str(text)
        .map_err(|_| OptionError::value(option, "characters that no header holds").into())
}

fn number<T: std::str::FromStr>(option: &'static str, text: &str) -> Result<T, CommandError> {
    text.parse()
        .map_err(|_| OptionError::value(option, "no number that is possible here").into())
}

/// Whole seconds as milliseconds, up to what a load may last.
fn seconds_as_ms(option: &'static str, text: &str) -> Result<u64, CommandError> {
    let seconds: u64 = number(option, text)?;
    Ok(seconds.saturating_mul(1000).min(MAX_DURATION_MS + 1))
}

/// A time-out in milliseconds; none at all is as long as there may be.
fn request_timeout_ms(given_ms: u64) -> u64 {
    match given_ms {
        0 => MAX_REQUEST_TIMEOUT_MS,
        given => given.min(MAX_REQUEST_TIMEOUT_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split_words;

    fn read(command: &str) -> Result<Load, CommandError> {
        read_command(&split_words(command)?)
    }

    #[test]
    fn other_programs_are_named() {
        for (command, program) in [
            ("curl http://a", "curl"),
            ("/usr/bin/hey http://a", "/usr/bin/hey"),
            ("ghz -z 1m a:80", "ghz"),
            ("HEY http://a", "HEY"),
            ("X=1 hey http://a", "X=1"),
            ("sh -c 'hey http://a'", "sh"),
        ] {
            assert_eq!(
                read(command),
                Err(CommandError::Unknown(program.to_owned()))
            );
        }
        assert_eq!(read(" "), Err(WordsError::Empty.into()));
    }

    #[test]
    fn addresses_are_read_strictly() {
        for command in ["hey", "wrk", "ab -n 5", "wrk http://a http://b"] {
            let found = read(command);
            assert!(
                matches!(found, Err(CommandError::Addresses(_))),
                "{command}"
            );
        }
        for command in [
            "hey podinfo:9898",
            "hey file:///etc/passwd",
            "wrk ftp://a",
            "ab 'http://a b'",
            "hey 'http://a/\r\nX: y'",
        ] {
            let found = read(command);
            assert!(matches!(found, Err(CommandError::Address(_))), "{command}");
        }
    }

    #[test]
    fn what_is_over_a_limit_is_refused_by_it() {
        for (command, error) in [
            (
                "hey -z 1m -c 100000 http://a",
                LoadError::Concurrency(100_000),
            ),
            (
                "hey -z 1m -q 1000 -c 50 http://a",
                LoadError::Rate(50_000.0),
            ),
            ("hey -z 48h http://a", LoadError::Duration(48 * 3_600_000)),
            (
                "wrk -d 48h http://a",
                LoadError::Duration(MAX_DURATION_MS + 1),
            ),
            (
                "hey -n 5 -c 50 http://a",
                LoadError::FewerThanWorkers {
                    requests: 5,
                    workers: 50,
                },
            ),
            ("ab -c 0 http://a/", LoadError::Concurrency(0)),
            ("ab -n 0 http://a/", LoadError::Requests(0)),
        ] {
            assert_eq!(read(command), Err(error.into()), "{command}");
        }
    }

    /// Whatever somebody writes into a Canary, reading it ends.
    #[test]
    fn hostile_commands_are_read_to_an_error() {
        let many = format!("hey {}", "-H 'A: b' ".repeat(600));
        for command in [
            "hey -q NaN http://a",
            "hey -q inf http://a",
            "hey -q -5 http://a",
            "hey -c -1 http://a",
            "hey -n 99999999999999999999999 http://a",
            "hey -z -5s http://a",
            "hey -z 1x http://a",
            "hey -H 'A: b\r\nC: d' http://a",
            "hey -H 'no header' http://a",
            "hey -H ': x' http://a",
            "hey -host 'a\nb' http://a",
            "hey -m 'GET / HTTP/1.1' http://a",
            "hey -T 'a\nb' http://a",
            "hey -D /etc/passwd http://a",
            "hey -x http://proxy:3128 http://a",
            "hey -o csv http://a",
            "hey -a nobody http://a",
            "hey -z",
            "hey ---z 1m http://a",
            "hey -=5 http://a",
            "wrk -s /etc/passwd http://a",
            "wrk --script=x.lua http://a",
            "wrk -d 5y http://a",
            "wrk -c 1q http://a",
            "wrk -R 0 http://a",
            "wrk -c 1 -t 2 http://a",
            "ab -p /etc/passwd http://a/",
            "ab -u /etc/passwd http://a/",
            "ab -e /tmp/out.csv http://a/",
            "ab -X proxy:80 http://a/",
            "ab -n",
            "ab -C 'a\nb' http://a/",
            many.as_str(),
        ] {
            assert!(read(command).is_err(), "{command}");
        }
    }
}
