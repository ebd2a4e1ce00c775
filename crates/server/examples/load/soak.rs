//! Minutes of mixed traffic: every dialect, explanations, streams, mistakes and clients that hang up. Every answer is
//! checked, and memory and open files must stay where they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Connection, Reply};
use crate::memory::{Watch, open_files};
use crate::workload::{Requests, Workload};
use crate::{Failure, Options};

const CLIENTS: u64 = 8;
const SIZES: [usize; 4] = [1, 5, 10, 30];
const PATHS: [&str; 3] = ["/rerank", "/v1/rerank", "/v2/rerank"];

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Rerank,
    Tei,
    Score,
    Explain,
    Stream,
    Mistake,
    HangUp,
    Watch,
}

/// Acts with their shares of the traffic, in percent.
const ACTS: [(Act, u8); 8] = [
    (Act::Rerank, 55),
    (Act::Tei, 12),
    (Act::Score, 10),
    (Act::Explain, 5),
    (Act::Stream, 5),
    (Act::Mistake, 5),
    (Act::HangUp, 4),
    (Act::Watch, 4),
];

/// What has happened so far.
#[derive(Default)]
struct Seen {
    acts: std::sync::Mutex<BTreeMap<Act, usize>>,
    refused: AtomicUsize,
    wrong: std::sync::Mutex<Vec<String>>,
}

/// Traffic for some minutes, with a row each minute.
pub(crate) async fn run(options: &Options, workload: &Workload) -> Result<bool, Failure> {
    let mut requests = Vec::new();
    for size in SIZES {
        requests.push(workload.requests(&options.address, size).await?);
    }
    let requests = Arc::new(requests);
    let seen = Arc::new(Seen::default());
    let end = Instant::now() + Duration::from_secs_f64(60.0 * options.minutes);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|seed| {
            let (requests, seen, address) = (Arc::clone(&requests), Arc::clone(&seen), options.address.clone());
            tokio::spawn(async move { traffic(&address, &requests, &seen, end, seed).await })
        })
        .collect();

    println!("| minute | requests | refused | wrong | memory MB, least | most | open files |");
    println!("|---|---|---|---|---|---|---|");
    let mut least_of = Vec::new();
    let minutes = options.minutes.ceil() as usize;
    let wait = Duration::from_secs_f64(60.0 * options.minutes / minutes as f64);
    for minute in 1..=minutes {
        let watch = Watch::begin(options.pid);
        tokio::time::sleep(wait).await;
        let memory = watch.end().await;
        let least = memory.iter().copied().min_by(f64::total_cmp);
        let most = memory.iter().copied().max_by(f64::total_cmp);
        least_of.extend(least);
        let shown = |mb: Option<f64>| mb.map_or_else(|| "-".to_owned(), |mb| format!("{mb:.0}"));
        println!(
            "| {minute} | {} | {} | {} | {} | {} | {} |",
            locked(&seen.acts).values().sum::<usize>(),
            seen.refused.load(Ordering::Relaxed),
            locked(&seen.wrong).len(),
            shown(least),
            shown(most),
            options.pid.and_then(open_files).map_or_else(|| "-".to_owned(), |n| n.to_string()),
        );
    }
    for client in clients {
        client.await??;
    }
    println!("{:?}", locked(&seen.acts));
    let wrong = locked(&seen.wrong);
    for what in wrong.iter().take(5) {
        println!("wrong: {what}");
    }
    // Requests in work take memory and give it back; what is there beneath them must not grow.
    let is_flat = match (least_of.first(), least_of.last()) {
        (Some(first), Some(last)) => last <= &(first * 1.1),
        _ => true,
    };
    Ok(wrong.is_empty() && is_flat)
}

fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One client's traffic until the end.
async fn traffic(address: &str, requests: &[Requests], seen: &Seen, end: Instant, seed: u64) -> Result<(), Failure> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut connection = Connection::open(address).await?;
    while Instant::now() < end {
        let act = draw(&mut random);
        let of_size = &requests[random.usize(..requests.len())];
        let which = random.usize(..of_size.bodies.len());
        let done = perform(act, address, &mut connection, of_size, which, &mut random).await;
        *locked(&seen.acts).entry(act).or_default() += 1;
        match done {
            Ok(None) => {}
            Ok(Some(reply)) if matches!(reply.status, 429 | 503) && reply.has_retry_after => {
                seen.refused.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Some(reply)) => {
                let body: String = String::from_utf8_lossy(&reply.body).chars().take(200).collect();
                locked(&seen.wrong).push(format!("{act:?}: {} {body}", reply.status));
            }
            Err(failure) => {
                locked(&seen.wrong).push(format!("{act:?}: {failure}"));
                connection = Connection::open(address).await?;
            }
        }
    }
    Ok(())
}

fn draw(random: &mut fastrand::Rng) -> Act {
    let mut rest = random.u8(..100);
    for (act, share) in ACTS {
        if rest < share {
            return act;
        }
        rest -= share;
    }
    Act::Watch
}

/// Does one thing; gives back an answer that is not as it should be.
async fn perform(
    act: Act,
    address: &str,
    connection: &mut Connection,
    requests: &Requests,
    which: usize,
    random: &mut fastrand::Rng,
) -> Result<Option<Reply>, Failure> {
    let body = requests.bodies[which].clone();
    let (reply, is_right) = match act {
        Act::Rerank => {
            let reply = connection.post(PATHS[random.usize(..PATHS.len())], body).await?;
            let is_right = requests.is_right_without_documents(which, &reply);
            (reply, is_right)
        }
        Act::Tei => {
            let mut request = requests.request(which)?;
            let texts = request["documents"].take();
            let request = json!({"query": request["query"], "texts": texts});
            let reply = connection.post("/rerank", bytes_of(&request)?).await?;
            let scores = list_of(&reply, Clone::clone, "score");
            let is_right = requests.has_scores(which, &scores);
            (reply, is_right)
        }
        Act::Score => {
            let request = requests.request(which)?;
            let request = json!({"text_1": request["query"], "text_2": request["documents"]});
            let reply = connection.post("/score", bytes_of(&request)?).await?;
            let scores = list_of(&reply, |answer| answer["data"].clone(), "score");
            let is_right = requests.has_scores(which, &scores);
            (reply, is_right)
        }
        Act::Explain => {
            let mut request = requests.request(which)?;
            request["explain"] = json!({"top": 2, "comparison": true});
            let reply = connection.post("/v1/rerank", bytes_of(&request)?).await?;
            let is_right = String::from_utf8_lossy(&reply.body).contains("\"direct\"");
            (reply, is_right)
        }
        Act::Stream => {
            let mut request = requests.request(which)?;
            request["explain"] = json!({"top": 2, "comparison": false});
            request["stream"] = json!(true);
            let reply = connection.post("/v1/rerank", bytes_of(&request)?).await?;
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            let is_right =
                ["event: ranking", "event: reasoning", "event: done"].iter().all(|event| text.contains(event));
            (reply, is_right)
        }
        Act::Mistake => {
            let mistakes =
                ["{\"query\": \"a\"}", "{\"documents\": [\"a\"]}", "[", "{\"query\": 3, \"documents\": [{}]}"];
            let reply = connection.post("/v1/rerank", Bytes::from(mistakes[random.usize(..mistakes.len())])).await?;
            let is_right = matches!(reply.status, 400 | 422);
            (reply, is_right)
        }
        Act::HangUp => {
            let mut stream = TcpStream::connect(address).await?;
            let head = format!(
                "POST /v1/rerank HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body[..random.usize(..=body.len())]).await?;
            tokio::time::sleep(Duration::from_millis(random.u64(..50))).await;
            return Ok(None);
        }
        Act::Watch => {
            let paths = ["/health", "/info", "/metrics", "/v1/models"];
            let reply = connection.get(paths[random.usize(..paths.len())]).await?;
            let is_right = reply.status == 200;
            (reply, is_right)
        }
    };
    Ok(if is_right { None } else { Some(reply) })
}

fn bytes_of(request: &Value) -> Result<Bytes, Failure> {
    Ok(Bytes::from(serde_json::to_vec(request)?))
}

/// The scores of an answer by index; empty where it has none.
fn list_of(reply: &Reply, list: impl Fn(&Value) -> Value, key: &str) -> Vec<(u64, f64)> {
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let pairs = list(&answer).as_array().cloned().unwrap_or_default();
    pairs.iter().filter_map(|pair| Some((pair["index"].as_u64()?, pair[key].as_f64()?))).collect()
}
