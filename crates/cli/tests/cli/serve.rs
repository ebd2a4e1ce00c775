//! `r2r serve` as a process: it starts, answers with the scores of `r2r rerank`, and stops when it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;

use crate::command::{printed, refused, root, word};

/// A server that is killed if a test fails before it stops it.
struct Serving {
    process: Child,
    address: String,
    log: BufReader<std::process::ChildStderr>,
}

impl Serving {
    fn start(words: &[&str], key: Option<&str>) -> Self {
        let mut command = Command::cargo_bin("r2r").unwrap();
        command.current_dir(root()).env_remove("R2R_STUDENT").env_remove("R2R_API_KEY");
        command.args(["serve", "--port", "0"]).args(words).stderr(Stdio::piped());
        if let Some(key) = key {
            command.env("R2R_API_KEY", key);
        }
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening at http://") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended without listening");
        }
        let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { process, address, log }
    }

    /// The head and the body of an answer.
    fn ask(&self, head: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{head}\r\nhost: r2r\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn wait_until_ready(&self) {
        while !self.ask("GET /health HTTP/1.1", "").0.starts_with("HTTP/1.1 200") {}
    }

    /// Sends a signal, and says how the process ended and what it wrote to its log.
    fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let kill = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let code = self.process.wait().unwrap().code();
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

#[test]
fn serve_answers_as_rerank_does_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("documents.json");
    let texts = ["Bread needs salt.", "Air scatters blue light, so the sky looks blue."];
    std::fs::write(&documents, serde_json::to_string(&texts).unwrap()).unwrap();
    let query = "why is the sky blue";
    let words = ["rerank", "--query", query, "--documents", word(&documents), "--reasons", "1", "--json"];
    let expected: serde_json::Value = serde_json::from_str(&printed(&words)).unwrap();

    let server = Serving::start(&["--log-format", "json"], None);
    server.wait_until_ready();
    let body = serde_json::json!({"query": query, "documents": texts, "explain": {"top": 1}}).to_string();
    let (head, body) = server.ask("POST /v1/rerank HTTP/1.1\r\ncontent-type: application/json", &body);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    for (answered, expected) in
        answer["results"].as_array().unwrap().iter().zip(expected["results"].as_array().unwrap())
    {
        assert_eq!(answered["relevance_score"], expected["score"]);
        assert_eq!(answered["logit"], expected["logit"]);
    }
    assert_eq!(answer["results"][0]["reasoning"]["direct"], expected["results"][0]["reasoning"]["direct"]);
    let pairs = [query, texts[0]].map(|text| [text, texts[1]]);
    for (path, body) in [
        ("/score", serde_json::json!({"text_1": query, "text_2": texts})),
        ("/predict", serde_json::json!({"inputs": pairs})),
    ] {
        let (head, _) = server.ask(&format!("POST {path} HTTP/1.1"), &body.to_string());
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }

    let (code, log) = server.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for path in ["/v1/rerank", "/score", "/predict"] {
        let answered = lines.iter().find(|line| line["path"] == path).unwrap();
        assert_eq!((&answered["status"], &answered["documents"]), (&200.into(), &2.into()), "{path}");
    }
    assert!(!log.contains("scatters") && !log.contains("sky"), "texts stay out of the log");
}

#[test]
fn a_key_of_the_environment_is_asked_for_and_never_told() {
    let server = Serving::start(&[], Some("hidden-key,other"));
    server.wait_until_ready();
    let head = |key: &str| format!("GET /info HTTP/1.1\r\nauthorization: Bearer {key}");
    assert!(server.ask("GET /info HTTP/1.1", "").0.starts_with("HTTP/1.1 401"));
    assert!(server.ask(&head("wrong"), "").0.starts_with("HTTP/1.1 401"));
    for key in ["hidden-key", "other"] {
        assert!(server.ask(&head(key), "").0.starts_with("HTTP/1.1 200"), "{key}");
    }
    let (code, log) = server.stop("-INT");
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("hidden-key") && !log.contains("wrong"), "{log}");
}

#[test]
fn mistakes_are_told_before_anything_is_served() {
    assert!(refused(&["serve", "--student", "/nowhere"]).contains("no such folder"));
    assert!(refused(&["serve", "--port", "0", "--index", "/nowhere"]).contains("/nowhere"));
    assert!(refused(&["serve", "--api-key", ""]).contains("--api-key"));
    assert!(refused(&["serve", "--cors-origin", "example.org/page"]).contains("--cors-origin"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(refused(&["serve", "--port", &port]).contains("choose another --port"));
}
