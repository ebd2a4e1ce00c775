//! A large model judges a run: asked over loopback, paid once, resumed, distilled.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::command::{printed, root, word};

/// An OpenAI-compatible server: the first request meets a 500, the second a 429, every other one an answer.
pub(crate) struct Server {
    pub(crate) url: String,
    n_requests: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let n_requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&n_requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let count = Arc::clone(&count);
                std::thread::spawn(move || answer(&stream.unwrap(), &count));
            }
        });
        Self { url, n_requests }
    }

    pub(crate) fn n_requests(&self) -> usize {
        self.n_requests.load(Ordering::SeqCst)
    }
}

/// Answers one request, and closes the connection.
fn answer(stream: &TcpStream, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    let (mut path, mut length) = (String::new(), 0);
    reader.read_line(&mut path).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let number = count.fetch_add(1, Ordering::SeqCst);
    let error = |text: &str| json!({"error": {"message": text, "type": "server_error"}});
    let (status, headers, body) = match number {
        _ if !path.contains(" /v1/chat/completions ") => ("404 Not Found", "", error("no such page")),
        0 => ("500 Internal Server Error", "", error("a fault")),
        1 => ("429 Too Many Requests", "retry-after: 0\r\n", error("too fast")),
        _ => ("200 OK", "", completion(&serde_json::from_slice(&body).unwrap())),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    let _ = stream.write_all((head + &body).as_bytes());
}

/// The passages in the order in which they are shown, each with all that is asked; each comparison names the next one.
fn completion(request: &Value) -> Value {
    let text = request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    let n = (1..100).take_while(|i| text.contains(&format!("<passage number=\"{i}\">"))).count();
    let passage = |i: usize| {
        let shown =
            text.split(&format!("<passage number=\"{i}\">\n")).nth(1).unwrap().split("\n</passage>").next().unwrap();
        // The title comes first, on a line of its own where there is one.
        let sentence = shown.lines().last().unwrap().split_inclusive(". ").next().unwrap().trim();
        let other = i % n + 1;
        json!({"passage": i, "grade": 3, "direct": "It says directly what was asked for in the query.",
               "comparison": format!("It says other things about this than [{other}] does."), "answer_sentence": sentence})
    };
    let order: Vec<usize> = (1..=n).collect();
    let content = json!({"order": order, "passages": (1..=n).map(passage).collect::<Vec<_>>()}).to_string();
    json!({"id": "1", "model": "test-model",
           "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
           "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}})
}

/// Runs `r2r` without a key in its environment.
pub(crate) fn r2r(words: &[&str]) -> Output {
    let mut command = Command::cargo_bin("r2r").unwrap();
    command
        .current_dir(root())
        .env_remove("OPENAI_API_KEY")
        .env_remove("ANTHROPIC_API_KEY")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY");
    command.env("NO_PROXY", "127.0.0.1").args(words).output().unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The BM25 run of the small collection.
pub(crate) fn bm25(folder: &Path) -> PathBuf {
    let (index, run) = (folder.join("index"), folder.join("bm25.trec"));
    printed(&["index", "--collection", "fixtures/tiny", "--output", word(&index)]);
    let queries = ["--queries", "fixtures/tiny/queries.jsonl", "--depth", "10", "--output", word(&run)];
    printed(&[&["retrieve", "--index", word(&index)], &queries[..]].concat());
    run
}

#[test]
fn a_run_is_judged_once_and_distilled() {
    let folder = tempfile::tempdir().unwrap();
    let (server, run) = (Server::start(), bm25(folder.path()));
    let output = folder.path().join("judged");
    let judge = ["judge", "--collection", "fixtures/tiny", "--run", word(&run), "--model", "test-model", "--json"];
    let to = ["--provider", "compatible", "--base-url", &server.url, "--output", word(&output)];
    let words = [&judge[..], &to[..]].concat();

    let resumed = r2r(&[&words[..], &["--resume"]].concat());
    assert_eq!(resumed.status.code(), Some(1));
    assert!(said(&resumed).contains("leave out --resume"), "{}", said(&resumed));

    let budget = r2r(&[&words[..], &["--budget-usd", "1"]].concat());
    assert_eq!(budget.status.code(), Some(1));
    assert!(said(&budget).contains("--prices FILE"), "{}", said(&budget));

    // What it would cost is told without a key.
    let elsewhere = ["--provider", "anthropic", "--output", word(&output), "--dry-run"];
    let elsewhere = r2r(&[&judge[..], &elsewhere].concat());
    assert!(elsewhere.status.success(), "{}", said(&elsewhere));

    let estimate = r2r(&[&words[..], &["--dry-run"]].concat());
    assert!(estimate.status.success(), "{}", said(&estimate));
    let estimate: Value = serde_json::from_slice(&estimate.stdout).unwrap();
    let n_asks = estimate["asks"].as_u64().unwrap();
    assert_eq!((server.n_requests(), estimate["most_usd"].clone()), (0, Value::Null));

    let judged = r2r(&words);
    assert!(judged.status.success(), "{}", said(&judged));
    let counts: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(counts["answers"]["paid"], n_asks, "{counts}");
    assert_eq!(server.n_requests() as u64, n_asks + 2);
    assert_eq!(counts["requests"]["malformed"], 0);
    for file in ["judgments.jsonl", "published.jsonl", "rank_llm.jsonl"] {
        let lines = fs::read_to_string(output.join(file)).unwrap().lines().count() as u64;
        assert_eq!(Some(lines), counts["judgments"].as_u64(), "{file}");
    }

    // The same command finds it fresh; without the folder, the journal has every answer.
    assert!(r2r(&words).status.success());
    let first = fs::read(output.join("judgments.jsonl")).unwrap();
    fs::remove_dir_all(&output).unwrap();
    assert!(r2r(&[&words[..], &["--resume"]].concat()).status.success());
    assert_eq!(fs::read(output.join("judgments.jsonl")).unwrap(), first);
    assert_eq!(server.n_requests() as u64, n_asks + 2, "nothing is asked twice");

    let page = printed(&["inspect", word(&output)]);
    assert!(page.contains("prompt_hash") && page.contains("repairs"), "{page}");
    let done = format!("{0} of {0} queries judged", counts["judgments"]);
    assert!(page.contains(&done) && page.contains("trouble rate limited 1"), "{page}");
    let lines = folder.path().join("answers.jsonl");
    printed(&["inspect", word(&output), "--export-answers", word(&lines)]);
    let lines = fs::read_to_string(&lines).unwrap();
    assert_eq!(lines.lines().count() as u64, n_asks);
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((line["request"]["model"].as_str(), line["input"].as_u64()), (Some("test-model"), Some(100)));
    // What is answered costs nothing more, also in the windows that depend on answers.
    let again = r2r(&[&words[..], &["--dry-run"]].concat());
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((again["asks"].clone(), again["in_journal"].clone()), (json!(n_asks), json!(n_asks)));

    let journal = format!("{}.answers.db", output.display());
    let alone: Value = serde_json::from_str(&printed(&["inspect", &journal, "--json"])).unwrap();
    assert_eq!(alone["answers"]["models"][0]["answers"], n_asks, "{alone}");

    // A list that contradicts itself teaches only who asks for it.
    let judgments = fs::read_to_string(output.join("judgments.jsonl")).unwrap();
    let contradicting = folder.path().join("contradicting.jsonl");
    fs::write(&contradicting, judgments.replacen("\"is_consistent\":true", "\"is_consistent\":false", 1)).unwrap();
    for (keep, dropped) in [(&[][..], json!(1)), (&["--keep-inconsistent"], Value::Null)] {
        let examples = folder.path().join(format!("kept {}", keep.len()));
        let distill = ["distill", "--judgments", word(&contradicting), "--output", word(&examples), "--json"];
        let report: Value = serde_json::from_str(&printed(&[&distill[..], keep].concat())).unwrap();
        assert_eq!(report["filtered"]["judgments"]["inconsistent"], dropped, "{report}");
    }
    let examples = folder.path().join("examples");
    printed(&["distill", "--judgments", word(&output), "--output", word(&examples)]);
}

#[test]
fn two_runs_with_one_output_share_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let (server, run) = (Server::start(), bm25(folder.path()));
    let output = folder.path().join("judged");
    let judge = ["judge", "--collection", "fixtures/tiny", "--run", word(&run), "--model", "test-model"];
    let to = ["--provider", "compatible", "--base-url", &server.url, "--output", word(&output)];
    let words = [&judge[..], &to[..]].concat();
    let ended = std::thread::scope(|scope| {
        let runs = [(), ()].map(|()| scope.spawn(|| r2r(&words)));
        runs.map(|run| run.join().unwrap())
    });
    for judged in &ended {
        assert!(judged.status.success(), "{}", said(judged));
    }
    let judgments = fs::read_to_string(output.join("judgments.jsonl")).unwrap();
    assert_eq!((judgments.lines().count(), server.n_requests()), (48, 48 + 2), "each answer is paid once");
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.contains("partial")));
}

#[test]
fn who_cannot_be_asked_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (server, run) = (Server::start(), bm25(folder.path()));
    let output = folder.path().join("judged");
    let check = |to: &[&str], expected: &str| {
        let judge = ["judge", "--collection", "fixtures/tiny", "--run", word(&run), "--model", "m"];
        let refused = r2r(&[&judge[..], &["--output", word(&output)], to].concat());
        assert_eq!(refused.status.code(), Some(1), "{to:?} said {}", said(&refused));
        assert!(said(&refused).contains(expected), "{to:?} said {}", said(&refused));
        assert!(!output.exists());
    };
    check(&["--provider", "openai"], "set OPENAI_API_KEY");
    check(&["--provider", "nobody"], "use openai");
    check(&["--provider", "compatible"], "--base-url");
    check(&["--provider", "compatible", "--base-url", "localhost"], "begins with http");
    let wrong = server.url.replace("/v1", "/wrong");
    check(&["--provider", "compatible", "--base-url", &wrong], "check the name of the model and the base URL");
    let page = printed(&["inspect", word(&output)]);
    assert!(page.contains("stopped before its end") && page.contains("0 of 48 queries"), "{page}");
}

#[test]
fn a_prompt_is_shown_as_it_is_sent() {
    let page = printed(&["judge", "--show-prompt", "dual-v1"]);
    assert!(page.contains("--- system") && page.contains("how do trees spread their seeds"), "{page}");
}
