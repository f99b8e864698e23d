//! The application as a process, on every backend that is compiled in, and without a name where there is one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Notes {
    process: Child,
    address: String,
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framework-app"));
    command.env_remove("BACKEND").arg("127.0.0.1:0");
    command
}

impl Notes {
    fn start(mut command: Command) -> Notes {
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let mut line = String::new();
        let mut out = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        out.read_line(&mut line).expect("its text");
        let address = line
            .trim_end()
            .strip_prefix("listening on http://")
            .expect("an address");
        Notes {
            process,
            address: address.to_owned(),
        }
    }

    fn ask(&self, method: &str, path: &str, content: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        let length = content.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: notes\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{content}"
        );
        stream
            .write_all(request.as_bytes())
            .expect("it takes what is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn expect(&self, method: &str, path: &str, content: &str, status: u16, ending: &str) {
        let answer = self.ask(method, path, content);
        let start = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&start), "{method} {path}: {answer}");
        assert!(answer.ends_with(ending), "{method} {path}: {answer}");
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn every_backend_serves_the_same_notes() {
    let names = bayonet::backend_names();
    assert!(!names.is_empty(), "a test without a backend tests nothing");
    for name in names {
        let mut command = command();
        command.env("BACKEND", name);
        let notes = Notes::start(command);
        notes.expect("GET", "/", "", 200, &format!("notes, served by {name}\n"));
        assert!(notes.ask("GET", "/", "").contains("x-framework: tiny\r\n"));
        assert!(
            notes
                .ask("POST", "/notes", "one")
                .contains("location: /notes/1\r\n")
        );
        assert!(
            notes
                .ask("POST", "/notes", "two")
                .contains("location: /notes/2\r\n")
        );
        notes.expect("GET", "/notes", "", 200, "\r\n\r\n1 one\n2 two\n");
        notes.expect("GET", "/notes/2", "", 200, "\r\n\r\ntwo");
        notes.expect("DELETE", "/notes/1", "", 204, "\r\n\r\n");
        notes.expect("DELETE", "/notes/1", "", 404, "404 Not Found\n");
        notes.expect("GET", "/notes/many", "", 404, "404 Not Found\n");
        notes.expect("PUT", "/notes/2", "", 405, "\r\n\r\n");
        notes.expect("POST", "/notes", &"n".repeat(4097), 413, "");
        notes.expect("GET", "/nothing", "", 404, "404 Not Found\n");
    }
}

#[test]
fn without_a_name_the_only_backend_serves_or_the_names_are_told() {
    match bayonet::backend_names().as_slice() {
        [only] => {
            let notes = Notes::start(command());
            notes.expect("GET", "/", "", 200, &format!("notes, served by {only}\n"));
        }
        names => {
            let output = command().output().expect("it can be started");
            let err = String::from_utf8(output.stderr).expect("text");
            assert!(!output.status.success());
            for name in names {
                assert!(err.contains(name), "{name} in {err}");
            }
        }
    }
}
