//! ingress-nginx' metrics out of the lines of NGINX' log.

use crate::tiny_http::{Answer, Server};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use trueup_object::{Value, from_json};

/// The upper bounds of the histograms' buckets, in seconds: the default ones of
/// Prometheus' client for Go.
const BUCKETS_S: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// The labels of every series, in order.
const LABELS: [&str; 8] = [
    "canary",
    "host",
    "ingress",
    "method",
    "namespace",
    "path",
    "service",
    "status",
];

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Numbers {
    series: BTreeMap<String, Series>,
}

#[derive(Debug, Default)]
struct Series {
    requests: u64,
    response: Histogram,
    request: Histogram,
}

#[derive(Debug, Default)]
struct Histogram {
    within: [u64; BUCKETS_S.len()],
    count: u64,
    sum_s: f64,
}

impl Histogram {
    fn observe(&mut self, seconds: f64) {
        for (within, bound) in self.within.iter_mut().zip(BUCKETS_S) {
            *within += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum_s += seconds;
    }

    fn write(&self, text: &mut String, name: &str, labels: &str) {
        for (within, bound) in self.within.iter().zip(BUCKETS_S) {
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {within}");
        }
        let count = self.count;
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "{name}_sum{{{labels}}} {}", self.sum_s);
        let _ = writeln!(text, "{name}_count{{{labels}}} {count}");
    }
}

impl Numbers {
    /// Takes in a line of the log.
    pub fn take(&mut self, line: &str) {
        let Ok(line) = from_json(line.as_bytes()) else {
            return;
        };
        let labels = LABELS.map(|label| {
            let value = line.str_at(&[label]).unwrap_or_default();
            format!("{label}=\"{value}\"")
        });
        let series = self.series.entry(labels.join(",")).or_default();
        series.requests += 1;
        // Several attempts, or none, are no plain number and not measured.
        if let Some(seconds) = seconds(&line, "response_s") {
            series.response.observe(seconds);
        }
        if let Some(seconds) = seconds(&line, "request_s") {
            series.request.observe(seconds);
        }
    }

    /// All of it as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let requests = "nginx_ingress_controller_requests";
        let _ = writeln!(text, "# TYPE {requests} counter");
        for (labels, series) in &self.series {
            let _ = writeln!(text, "{requests}{{{labels}}} {}", series.requests);
        }
        for (name, histogram) in [
            (
                "nginx_ingress_controller_response_duration_seconds",
                (|it| &it.response) as fn(&Series) -> &Histogram,
            ),
            ("nginx_ingress_controller_request_duration_seconds", |it| {
                &it.request
            }),
        ] {
            let _ = writeln!(text, "# TYPE {name} histogram");
            for (labels, series) in &self.series {
                histogram(series).write(&mut text, name, labels);
            }
        }
        text
    }
}

fn seconds(line: &Value, key: &str) -> Option<f64> {
    line.str_at(&[key])?.parse().ok()
}

/// The log, as far as it was read.
struct Log {
    path: PathBuf,
    read_bytes: u64,
    numbers: Numbers,
}

impl Log {
    /// Reads whole lines that have come since. No request, no file.
    fn read(&mut self) -> io::Result<()> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        file.seek(SeekFrom::Start(self.read_bytes))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole]
            .lines()
            .for_each(|line| self.numbers.take(line));
        self.read_bytes += u64::try_from(whole).unwrap_or(0);
        Ok(())
    }
}

/// Serves the numbers of a log; its address.
pub async fn serve(path: PathBuf) -> (Server, String) {
    let log = Arc::new(Mutex::new(Log {
        path,
        read_bytes: 0,
        numbers: Numbers::default(),
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::start(listener, move || {
        let log = Arc::clone(&log);
        async move {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            match log.read() {
                Ok(()) => Answer {
                    status: 200,
                    headers: vec![("Content-Type".into(), "text/plain; version=0.0.4".into())],
                    body: log.numbers.text(),
                },
                Err(error) => Answer {
                    status: 500,
                    body: error.to_string(),
                    ..Answer::default()
                },
            }
        }
    });
    (server, address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(canary: &str, status: &str, response_s: &str) -> String {
        format!(
            r#"{{"namespace":"apps","ingress":"web","service":"web","host":"app.example","path":"/","canary":"{canary}","status":"{status}","method":"GET","response_s":"{response_s}","request_s":"0.020"}}"#
        )
    }

    #[test]
    fn requests_are_counted_by_canary_and_status() {
        let mut numbers = Numbers::default();
        numbers.take(&line("", "200", "0.010"));
        numbers.take(&line("apps-web-canary-80", "200", "0.010"));
        numbers.take(&line("apps-web-canary-80", "200", "0.300"));
        numbers.take(&line("apps-web-canary-80", "500", "0.010"));
        let text = numbers.text();
        let labels = r#"canary="apps-web-canary-80",host="app.example",ingress="web",method="GET",namespace="apps",path="/",service="web",status="200""#;
        let counted = format!("nginx_ingress_controller_requests{{{labels}}} 2\n");
        assert!(text.contains(&counted), "{text}");
        let name = "nginx_ingress_controller_response_duration_seconds";
        assert!(text.contains(&format!("{name}_bucket{{{labels},le=\"0.25\"}} 1\n")));
        assert!(text.contains(&format!("{name}_bucket{{{labels},le=\"+Inf\"}} 2\n")));
        assert!(text.contains(&format!("{name}_sum{{{labels}}} 0.31\n")));
    }

    #[test]
    fn times_of_several_attempts_are_not_measured() {
        let mut numbers = Numbers::default();
        numbers.take(&line("", "200", "0.010, 0.020"));
        numbers.take(&line("", "200", "-"));
        numbers.take("no line of ours");
        let text = numbers.text();
        assert!(text.contains("status=\"200\"} 2\n"));
        assert!(!text.contains("response_duration_seconds_count{canary=\"\",host=\"app.example\",ingress=\"web\",method=\"GET\",namespace=\"apps\",path=\"/\",service=\"web\",status=\"200\"} 2"));
    }
}
