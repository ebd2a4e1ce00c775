//! Bodies that no honest client sends.

use std::time::{Duration, Instant};

use super::raw::{exchange, head};
use super::{Scene, Verdict};
use crate::Failure;

const PATIENCE: Duration = Duration::from_secs(30);

/// Bodies that are wrong on every path: not JSON, not an object, or with fields of the wrong kind.
const WRONG: [&str; 22] = [
    "",
    "null",
    "3",
    "\"text\"",
    "[]",
    "{}",
    "{\"query\": \"a\"}",
    "{\"query\": null, \"documents\": [\"a\"], \"texts\": [3]}",
    "{\"query\": 3, \"documents\": [\"a\"], \"texts\": [3]}",
    "{\"query\": {}, \"documents\": [\"a\"], \"texts\": [3]}",
    "{\"query\": \"a\", \"documents\": {}, \"texts\": {}}",
    "{\"query\": \"a\", \"documents\": 7, \"texts\": 7}",
    "{\"query\": \"a\", \"documents\": [null], \"texts\": [null]}",
    "{\"query\": \"a\", \"documents\": [[\"b\"]], \"texts\": [[\"b\"]]}",
    "{\"query\": \"a\", \"documents\": [{\"body\": \"b\"}], \"texts\": [{}]}",
    "{\"query\": \"a\", \"documents\": [NaN]}",
    "{\"query\": \"\\ud800\", \"documents\": [\"a\"]}",
    "{\"query\": \"a\", \"documents\": [\"a\"], }",
    "{\"query\": \"a\", \"documents\": [\"a\"",
    "{'query': 'a', 'documents': ['a']}",
    "\u{feff}\u{0}",
    "{\"query\": \"a\" \"documents\": [\"a\"]}",
];

const PATHS: [&str; 6] = ["/rerank", "/v1/rerank", "/v2/rerank", "/score", "/v1/score", "/v1/explain"];

/// A body beyond the limit, said so in its head.
pub(super) async fn announced(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let request = large(&scene.options.address, 100_000_000);
    let start = Instant::now();
    let said = exchange(&scene.options.address, &request, PATIENCE).await?;
    let came = format!("{} after {:.2} s", said.in_words(), start.elapsed().as_secs_f64());
    Ok(Verdict::of(said.status == Some(413), came))
}

/// A body beyond the limit that comes in chunks.
pub(super) async fn chunked(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let address = &scene.options.address;
    let mut request = head(address, "/v1/rerank", "transfer-encoding: chunked\r\n").into_bytes();
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    for _ in 0..100 {
        request.extend_from_slice(chunk.as_bytes());
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let start = Instant::now();
    let said = exchange(address, &request, PATIENCE).await?;
    let came = format!("{} after {:.2} s", said.in_words(), start.elapsed().as_secs_f64());
    Ok(Verdict::of(said.status == Some(413), came))
}

/// Many bodies below the limit: together they must not fill the memory.
pub(super) async fn many_large(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let request = std::sync::Arc::new(large(&scene.options.address, 30_000_000));
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let (request, address) = (std::sync::Arc::clone(&request), scene.options.address.clone());
            tokio::spawn(async move { exchange(&address, &request, PATIENCE).await })
        })
        .collect();
    let mut statuses = std::collections::BTreeMap::<String, usize>::new();
    let mut holds = true;
    for client in clients {
        let said = client.await??;
        holds &= matches!(said.status, Some(400 | 408 | 413 | 422 | 429 | 503));
        *statuses.entry(said.in_words()).or_default() += 1;
    }
    let came: Vec<String> = statuses.iter().map(|(status, n)| format!("{n} got {status}")).collect();
    Ok(Verdict::of(holds, came.join(", ")))
}

/// Bytes that are no text, in a query, a document and a key.
pub(super) async fn invalid_utf8(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let bodies: [&[u8]; 3] = [
        b"{\"query\": \"\xff\xfe\", \"documents\": [\"a\"]}",
        b"{\"query\": \"a\", \"documents\": [\"\xc3\x28\"]}",
        b"{\"query\": \"a\", \"documents\": [\"a\"], \"\xed\xa0\x80\": 1}",
    ];
    all_refused(scene, &["/v1/rerank"], &bodies).await
}

/// Arrays in arrays, where documents are expected and where nothing is.
pub(super) async fn deep(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let nest = "[".repeat(1_000_000);
    let documents = format!("{{\"query\": \"a\", \"documents\": {nest}");
    let extra = format!("{{\"query\": \"a\", \"documents\": [\"b\"], \"extra\": {nest}");
    let objects = "{\"a\":".repeat(1_000_000);
    all_refused(scene, &["/v1/rerank"], &[documents.as_bytes(), extra.as_bytes(), nest.as_bytes(), objects.as_bytes()])
        .await
}

/// Every wrong body on every path.
pub(super) async fn wrong(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let bodies: Vec<&[u8]> = WRONG.iter().map(|body| body.as_bytes()).collect();
    all_refused(scene, &PATHS, &bodies).await
}

async fn all_refused(scene: &Scene<'_>, paths: &[&str], bodies: &[&[u8]]) -> Result<Verdict, Failure> {
    let address = &scene.options.address;
    let mut statuses = std::collections::BTreeMap::<String, usize>::new();
    let mut strange = Vec::new();
    for path in paths {
        for body in bodies {
            let head = head(address, path, &format!("content-length: {}\r\n", body.len()));
            let said = exchange(address, &[head.as_bytes(), body].concat(), PATIENCE).await?;
            *statuses.entry(said.in_words()).or_default() += 1;
            let is_json = said.text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.starts_with('{'));
            if !(matches!(said.status, Some(400 | 413 | 415 | 422)) && is_json) {
                let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
                strange.push(format!("{path} {shown}: {}", said.text.lines().next().unwrap_or_default()));
            }
        }
    }
    let mut came: Vec<String> = statuses.iter().map(|(status, n)| format!("{n} got {status}")).collect();
    came.extend(strange.iter().take(3).cloned());
    Ok(Verdict::of(strange.is_empty(), came.join(", ")))
}

/// A request whose body is one document of so many bytes.
fn large(address: &str, n_bytes: usize) -> Vec<u8> {
    let body = format!("{{\"query\": \"a\", \"documents\": [\"{}\"]}}", "x".repeat(n_bytes));
    [head(address, "/v1/rerank", &format!("content-length: {}\r\n", body.len())).as_bytes(), body.as_bytes()].concat()
}
