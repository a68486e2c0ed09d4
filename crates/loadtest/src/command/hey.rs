//! `hey`, as of version 0.1.4.

use super::options::{OptionError, Takes, go_flags};
use super::{CommandError, header_value, method, number, request_timeout_ms, set_header};
use crate::load::{Connections, Load, Protocol, Redirects};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use trueup_gocompat::parse_duration;
use trueup_kinds::outgoing::HttpAddress;

const FLAGS: [(&str, Takes); 22] = [
    ("m", Takes::Value),
    ("h", Takes::Value),
    ("H", Takes::Value),
    ("d", Takes::Value),
    ("D", Takes::Value),
    ("A", Takes::Value),
    ("T", Takes::Value),
    ("a", Takes::Value),
    ("host", Takes::Value),
    ("U", Takes::Value),
    ("o", Takes::Value),
    ("x", Takes::Value),
    ("c", Takes::Value),
    ("n", Takes::Value),
    ("q", Takes::Value),
    ("t", Takes::Value),
    ("z", Takes::Value),
    ("h2", Takes::Nothing),
    ("cpus", Takes::Value),
    ("disable-compression", Takes::Nothing),
    ("disable-keepalive", Takes::Nothing),
    ("disable-redirects", Takes::Nothing),
];
const UNSUPPORTED: [&str; 4] = ["D", "o", "x", "h"];
const USER_AGENT: &str = "hey/0.0.1";
const REQUESTS: u64 = 200;
const WORKERS: u32 = 50;

/// What is given, before it is put together: `-d` and others may come in any
/// order and more than once.
struct Given {
    load: Load,
    requests: u64,
    accept: Option<String>,
    content_type: String,
    user_agent: Option<String>,
    authorization: Option<HeaderValue>,
    host: Option<String>,
    custom: HeaderMap,
    compression: bool,
}

/// Reads the words behind the program's name. Words behind the address are
/// passed over, as hey does.
pub(super) fn read(words: &[String]) -> Result<Load, CommandError> {
    let parsed = go_flags(words, &FLAGS)?;
    let address = parsed.operands.first().ok_or(CommandError::Addresses(0))?;
    let mut given = Given::new(Load::get(HttpAddress::parse(address)?));
    for (name, value) in &parsed.options {
        given.take(name, value)?;
    }
    given.finish()
}

impl Given {
    fn new(mut load: Load) -> Self {
        load.concurrency = WORKERS;
        load.redirects = Redirects::Followed;
        Self {
            load,
            requests: REQUESTS,
            accept: None,
            content_type: "text/html".to_owned(),
            user_agent: None,
            authorization: None,
            host: None,
            custom: HeaderMap::new(),
            compression: true,
        }
    }

    fn take(&mut self, name: &'static str, value: &str) -> Result<(), CommandError> {
        if UNSUPPORTED.contains(&name) {
            return Err(OptionError::unsupported(name).into());
        }
        match name {
            "m" => self.load.method = method(name, value)?,
            "H" => set_header(&mut self.custom, name, value)?,
            "d" => self.load.body = value.to_owned().into(),
            "A" => self.accept = some(value),
            "T" => value.clone_into(&mut self.content_type),
            "a" => self.authorization = basic(name, value)?,
            "host" => self.host = some(value),
            "U" => self.user_agent = some(value),
            "c" => self.load.concurrency = number(name, value)?,
            "n" => self.requests = number(name, value)?,
            "q" => self.load.rate_per_worker = rate(name, value)?,
            "t" => {
                let seconds: u64 = number(name, value)?;
                self.load.request_timeout_ms = request_timeout_ms(seconds.saturating_mul(1000));
            }
            "z" => self.load.duration_ms = duration_ms(name, value)?,
            "h2" => {
                self.load.protocol = match truth(name, value)? {
                    true => Protocol::Http2,
                    false => Protocol::Http1,
                }
            }
            "disable-keepalive" => {
                self.load.connections = match truth(name, value)? {
                    true => Connections::Fresh,
                    false => Connections::Kept,
                }
            }
            "disable-redirects" => {
                self.load.redirects = match truth(name, value)? {
                    true => Redirects::Counted,
                    false => Redirects::Followed,
                }
            }
            "disable-compression" => self.compression = !truth(name, value)?,
            // How many cores there are for it is not a command's to say.
            _ => {}
        }
        Ok(())
    }

    /// What `-H` says is overridden by the options for single headers, and
    /// the number of requests by the duration.
    fn finish(mut self) -> Result<Load, CommandError> {
        let headers = &mut self.load.headers;
        headers.insert(header::CONTENT_TYPE, header_value("T", &self.content_type)?);
        if self.compression {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.extend(self.custom);
        if let Some(accept) = self.accept {
            headers.insert(header::ACCEPT, header_value("A", &accept)?);
        }
        if let Some(authorization) = self.authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        if let Some(host) = self.host {
            headers.insert(header::HOST, header_value("host", &host)?);
        }
        let custom = headers.get(header::USER_AGENT);
        let custom = custom.and_then(|it| it.to_str().ok()).map(str::to_owned);
        let agent = match self.user_agent.or(custom) {
            Some(own) => format!("{own} {USER_AGENT}"),
            None => USER_AGENT.to_owned(),
        };
        headers.insert(header::USER_AGENT, header_value("U", &agent)?);
        if self.load.duration_ms.is_none() {
            self.load.max_requests = Some(self.requests);
        }
        Ok(self.load)
    }
}

fn some(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|it| !it.is_empty())
}

fn basic(name: &'static str, value: &str) -> Result<Option<HeaderValue>, CommandError> {
    if value.is_empty() {
        return Ok(None);
    }
    let complete = value
        .split_once(':')
        .is_some_and(|(user, password)| !user.is_empty() && !password.is_empty());
    if !complete {
        return Err(OptionError::value(name, "no user:password").into());
    }
    let mut header = header_value(name, &format!("Basic {}", STANDARD.encode(value)))?;
    header.set_sensitive(true);
    Ok(Some(header))
}

/// A rate of nothing is none.
fn rate(name: &'static str, value: &str) -> Result<Option<f64>, CommandError> {
    let rate: f64 = number(name, value)?;
    if !rate.is_finite() || rate < 0.0 {
        return Err(OptionError::value(name, "no rate that is possible").into());
    }
    Ok(Some(rate).filter(|rate| *rate > 0.0))
}

/// No time at all is no duration.
fn duration_ms(name: &'static str, value: &str) -> Result<Option<u64>, CommandError> {
    let duration =
        parse_duration(value).map_err(|_| OptionError::value(name, "no duration such as 1m30s"))?;
    let duration_ms = u64::try_from(duration.milliseconds())
        .map_err(|_| OptionError::value(name, "a duration below zero"))?;
    Ok((duration.nanoseconds != 0).then_some(duration_ms))
}

fn truth(name: &'static str, value: &str) -> Result<bool, CommandError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(OptionError::value(name, "neither true nor false").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split_words;
    use http::Method;

    fn load(command: &str) -> Load {
        let words = split_words(command).unwrap();
        read(&words[1..]).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    fn header(load: &Load, name: &str) -> String {
        let value = load.headers.get(name).map(|it| it.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    }

    #[test]
    fn the_commands_of_the_documentation_are_understood() {
        let get = load("hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/");
        assert_eq!(get.address.to_url(), "http://podinfo-canary.test:9898/");
        assert_eq!((get.duration_ms, get.max_requests), (Some(60_000), None));
        assert_eq!((get.rate_per_worker, get.concurrency), (Some(10.0), 2));
        assert_eq!(
            (get.method.clone(), get.request_timeout_ms),
            (Method::GET, 20_000)
        );
        assert_eq!(header(&get, "user-agent"), "hey/0.0.1");
        assert_eq!(header(&get, "content-type"), "text/html");
        assert_eq!(header(&get, "accept-encoding"), "gzip");
        let post = load(
            "hey -z 1m -q 10 -c 2 -m POST -d '{test: 2}' http://podinfo-canary.test:9898/echo",
        );
        assert_eq!(
            (post.method, &post.body[..]),
            (Method::POST, &b"{test: 2}"[..])
        );
        let http2 = load("hey -z 1m -q 5 -c 2 -h2 https://podinfo.example.com/");
        assert_eq!(http2.protocol, Protocol::Http2);
        let host =
            load("hey -z 2m -q 10 -c 2 -host app.example.com http://ingress-nginx.ingress-nginx");
        assert_eq!(header(&host, "host"), "app.example.com");
        let header_and_cookie = load(
            r#"hey -z 1m -q 10 -c 2 -H 'Cookie: canary=always' -H "X-Canary: insider" http://a"#,
        );
        assert_eq!(header(&header_and_cookie, "cookie"), "canary=always");
        assert_eq!(header(&header_and_cookie, "x-canary"), "insider");
    }

    #[test]
    fn defaults_are_those_of_hey() {
        let plain = load("hey http://a");
        assert_eq!((plain.concurrency, plain.max_requests), (50, Some(200)));
        assert_eq!((plain.rate_per_worker, plain.duration_ms), (None, None));
        assert_eq!(plain.redirects, Redirects::Followed);
        assert_eq!(plain.connections, Connections::Kept);
        let never = load("hey -n 100 -z 0 -q 0 -t 0 http://a ignored");
        assert_eq!((never.duration_ms, never.max_requests), (None, Some(100)));
        assert_eq!(
            (never.rate_per_worker, never.request_timeout_ms),
            (None, 120_000)
        );
    }

    #[test]
    fn every_option_has_its_effect() {
        let all = load(
            "hey -n=60 -c=3 -q 2.5 -t 7 -m put -A text/plain -T application/json -U me \
             -a user:pass:word -host h -h2=true -cpus 4 -disable-compression \
             -disable-keepalive -disable-redirects -H 'Accept: a/b' -H 'Accept: c/d' \
             -H 'content-type: x/y' http://a",
        );
        assert_eq!((all.concurrency, all.max_requests), (3, Some(60)));
        assert_eq!(
            (all.rate_per_worker, all.request_timeout_ms),
            (Some(2.5), 7_000)
        );
        assert_eq!(
            (all.method.clone(), all.protocol),
            (Method::PUT, Protocol::Http2)
        );
        assert_eq!(all.connections, Connections::Fresh);
        assert_eq!(all.redirects, Redirects::Counted);
        for (name, value) in [
            ("accept", "text/plain"),
            ("content-type", "x/y"),
            ("user-agent", "me hey/0.0.1"),
            ("host", "h"),
            ("authorization", "Basic dXNlcjpwYXNzOndvcmQ="),
            ("accept-encoding", ""),
        ] {
            assert_eq!(header(&all, name), value, "{name}");
        }
        let agent = load("hey -H 'User-Agent: own' http://a");
        assert_eq!(header(&agent, "user-agent"), "own hey/0.0.1");
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for option in ["-D f", "-o csv", "-x http://p", "-h a"] {
            let words = split_words(&format!("{option} http://a")).unwrap();
            let error = read(&words).unwrap_err().to_string();
            assert!(error.contains("not supported"), "{error}");
        }
    }
}
