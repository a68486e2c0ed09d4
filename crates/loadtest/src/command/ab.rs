//! ApacheBench, as of version 2.3. It speaks HTTP/1.1 here.

use super::options::{OptionError, Takes, getopt};
use super::{
    CommandError, header_value, number, only_address, request_timeout_ms, seconds_as_ms, set_header,
};
use crate::load::{Connections, Load};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method, header};

const OPTIONS: [(&str, Takes); 21] = [
    ("n", Takes::Value),
    ("c", Takes::Value),
    ("t", Takes::Value),
    ("s", Takes::Value),
    ("k", Takes::Nothing),
    ("H", Takes::Value),
    ("m", Takes::Value),
    ("C", Takes::Value),
    ("A", Takes::Value),
    ("T", Takes::Value),
    ("i", Takes::Nothing),
    ("p", Takes::Value),
    ("u", Takes::Value),
    ("X", Takes::Value),
    ("g", Takes::Value),
    ("e", Takes::Value),
    ("l", Takes::Nothing),
    ("q", Takes::Nothing),
    ("d", Takes::Nothing),
    ("S", Takes::Nothing),
    ("r", Takes::Nothing),
];
const UNSUPPORTED: [&str; 5] = ["p", "u", "X", "g", "e"];
const TIMEOUT_MS: u64 = 30_000;
/// With a time and without a number.
const REQUESTS_WITH_TIME: u64 = 50_000;

/// Reads the words behind the program's name.
pub(super) fn read(words: &[String]) -> Result<Load, CommandError> {
    let parsed = getopt(words, &OPTIONS, &[])?;
    let mut load = Load::get(only_address(&parsed.operands)?);
    load.max_requests = Some(1);
    load.request_timeout_ms = TIMEOUT_MS;
    load.connections = Connections::Fresh;
    let agent = HeaderValue::from_static("ApacheBench/2.3");
    load.headers.insert(header::USER_AGENT, agent);
    for (name, value) in &parsed.options {
        take(&mut load, name, value)?;
    }
    Ok(load)
}

fn take(load: &mut Load, name: &'static str, value: &str) -> Result<(), CommandError> {
    if UNSUPPORTED.contains(&name) {
        return Err(OptionError::unsupported(name).into());
    }
    match name {
        "n" => load.max_requests = Some(number(name, value)?),
        "c" => load.concurrency = number(name, value)?,
        // As ab has it, a number counts only when it comes after the time.
        "t" => {
            load.duration_ms = Some(seconds_as_ms(name, value)?);
            load.max_requests = Some(REQUESTS_WITH_TIME);
        }
        "s" => load.request_timeout_ms = request_timeout_ms(seconds_as_ms(name, value)?),
        "k" => load.connections = Connections::Kept,
        "H" => set_header(&mut load.headers, name, value)?,
        "m" => load.method = super::method(name, value)?,
        "i" => load.method = Method::HEAD,
        "C" => {
            load.headers
                .append(header::COOKIE, header_value(name, value)?);
        }
        "T" => {
            load.headers
                .insert(header::CONTENT_TYPE, header_value(name, value)?);
        }
        "A" => {
            let mut login = header_value(name, &format!("Basic {}", STANDARD.encode(value)))?;
            login.set_sensitive(true);
            load.headers.insert(header::AUTHORIZATION, login);
        }
        // What is printed, and what ends it early.
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split_words;

    fn load(command: &str) -> Load {
        let words = split_words(command).unwrap();
        read(&words[1..]).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    #[test]
    fn commands_are_understood() {
        let plain = load("ab http://a/");
        assert_eq!((plain.concurrency, plain.max_requests), (1, Some(1)));
        assert_eq!(plain.connections, Connections::Fresh);
        let many = load("ab -kqn100 -c 10 -s 5 -H 'X: y' -C a=b -A u:p -m POST http://a/");
        assert_eq!((many.concurrency, many.max_requests), (10, Some(100)));
        assert_eq!(
            (many.connections, many.request_timeout_ms),
            (Connections::Kept, 5_000)
        );
        for (name, value) in [
            ("x", "y"),
            ("cookie", "a=b"),
            ("authorization", "Basic dTpw"),
        ] {
            assert_eq!(many.headers[name], value);
        }
        assert_eq!(many.method, Method::POST);
        let timed = load("ab -t 30 http://a/");
        assert_eq!(
            (timed.duration_ms, timed.max_requests),
            (Some(30_000), Some(50_000))
        );
        assert_eq!(load("ab -t 30 -n 7 http://a/").max_requests, Some(7));
    }
}
