//! The web server that Pods of these tests run. It tells what it was given,
//! and becomes unready, sick or ends when it is asked to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{ExitCode, exit};

#[derive(Default)]
struct Server {
    unready: bool,
    sick: bool,
}

pub fn run() -> ExitCode {
    let address = std::env::var("TRUEUP_LISTEN").unwrap();
    let listener = TcpListener::bind(&address).unwrap();
    println!("listening on {address}");
    let mut server = Server::default();
    for stream in listener.incoming() {
        // A client that went away is nobody's trouble.
        let _ = server.answer(stream.unwrap());
    }
    ExitCode::SUCCESS
}

impl Server {
    fn answer(&mut self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(&stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? <= 2 {
                break;
            }
        }
        let (code, body) = self.respond(&path);
        let mut stream = &stream;
        write!(
            stream,
            "HTTP/1.1 {code} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn respond(&mut self, path: &str) -> (u16, String) {
        match path {
            "/environment" => {
                let mut all: Vec<String> = std::env::vars()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                all.sort();
                (200, all.join("\n"))
            }
            "/arguments" => (200, std::env::args().skip(2).collect::<Vec<_>>().join("\n")),
            "/ready" => (if self.unready { 503 } else { 200 }, String::new()),
            "/healthy" => (if self.sick { 500 } else { 200 }, String::new()),
            "/become-unready" => {
                self.unready = true;
                (200, String::new())
            }
            "/become-ready" => {
                self.unready = false;
                (200, String::new())
            }
            "/become-sick" => {
                self.sick = true;
                (200, String::new())
            }
            "/exit" => exit(7),
            _ => (200, std::env::var("VERSION").unwrap_or_default()),
        }
    }
}
