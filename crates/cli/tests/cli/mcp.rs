//! `r2r mcp` as a process: its standard output is the protocol and nothing else.

use std::fs;

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::command::{printed, root};

const QUERY: &str = "why do heat pumps lose efficiency in very cold weather";
const DOCUMENTS: &str = "examples/heat-pumps/documents.jsonl";

fn mcp(input: &str) -> std::process::Output {
    let mut command = Command::cargo_bin("r2r").unwrap();
    command.current_dir(root()).env_remove("R2R_STUDENT").arg("mcp").write_stdin(input).output().unwrap()
}

#[test]
fn standard_output_is_protocol_with_the_values_of_rerank() {
    let lines = fs::read_to_string(root().join(DOCUMENTS)).unwrap();
    let documents: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let client =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let arguments = json!({"query": QUERY, "documents": documents, "top_n": 3, "explain": true});
    let messages = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "rerank", "arguments": arguments}}),
    ];
    let input = messages.map(|message| message.to_string() + "\n").concat();
    let output = mcp(&input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(answers.iter().all(|answer| answer["jsonrpc"] == "2.0"), "{stdout}");

    let called = answers.iter().find(|answer| answer["id"] == 2).unwrap();
    let results = called["result"]["structuredContent"]["results"].as_array().unwrap();
    let words = ["rerank", "--query", QUERY, "--documents", DOCUMENTS, "--top", "3", "--reasons", "3", "--json"];
    let expected: Value = serde_json::from_str(&printed(&words)).unwrap();
    assert_eq!(results.len(), 3);
    for (ours, theirs) in results.iter().zip(expected["results"].as_array().unwrap()) {
        for key in ["rank", "id", "score", "logit", "reasoning"] {
            assert_eq!(ours[key], theirs[key], "{key}");
        }
    }
}

#[test]
fn without_a_client_it_says_how_it_is_started() {
    let output = mcp("");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is started by a client"), "{said}");
    assert!(output.stdout.is_empty());
}
