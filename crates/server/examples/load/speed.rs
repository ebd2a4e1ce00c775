//! Clients that ask again as soon as they are answered: throughput, and how long each waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;

use crate::client::Connection;
use crate::workload::{Requests, Workload};
use crate::{Failure, Options};

const CLIENTS: [usize; 3] = [1, 8, 64];
const SIZES: [usize; 2] = [10, 100];

/// Requests that each client makes at least, so that percentiles of slow settings have something to stand on.
const ROUNDS: usize = 3;

/// How many times as long a setting may take until all have made these.
const LONGEST: u32 = 6;

/// How long a client rests after a refusal: the shortest time that a server names.
const REST: Duration = Duration::from_secs(1);

/// What a setting gave.
#[derive(Default)]
pub(crate) struct Tally {
    /// Seconds of each answered request, sorted.
    pub seconds: Vec<f64>,
    /// Requests that were refused, after which the client waited as it was told.
    pub refused: usize,
    /// Answers that had other values than at rest, or other statuses.
    pub wrong: usize,
    /// How long it all took.
    pub elapsed: f64,
}

/// A row for each size and number of clients.
pub(crate) async fn run(options: &Options, workload: &Workload) -> Result<bool, Failure> {
    println!(
        "| documents | clients | requests | requests/s | documents/s | p50 ms | p95 ms | p99 ms | refused | wrong |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut holds = true;
    for size in SIZES {
        let requests = Arc::new(workload.requests(&options.address, size).await?);
        for clients in CLIENTS {
            let tally = ask_in_turn(options, &requests, clients, Duration::from_secs(options.seconds)).await?;
            let rate = tally.seconds.len() as f64 / tally.elapsed;
            println!(
                "| {size} | {clients} | {} | {rate:.1} | {:.0} | {} | {} | {} | {} | {} |",
                tally.seconds.len(),
                rate * size as f64,
                milliseconds(&tally.seconds, 0.5),
                milliseconds(&tally.seconds, 0.95),
                milliseconds(&tally.seconds, 0.99),
                tally.refused,
                tally.wrong,
            );
            holds &= tally.wrong == 0;
        }
    }
    Ok(holds)
}

/// Small requests alone, and beside a client that sends a thousand documents again and again.
pub(crate) async fn fairness(options: &Options, workload: &Workload) -> Result<bool, Failure> {
    let small = Arc::new(workload.requests(&options.address, 10).await?);
    let time = Duration::from_secs(options.seconds);
    let alone = ask_in_turn(options, &small, 1, time).await?;
    let large = Bytes::from(serde_json::to_vec(&workload.request(1000, 0))?);
    let address = options.address.clone();
    let beside = tokio::spawn(async move {
        let mut connection = Connection::open(&address).await?;
        let mut done = 0;
        loop {
            let reply = connection.post("/v1/rerank", large.clone()).await?;
            done += usize::from(reply.status == 200);
            if reply.status != 200 {
                return Err::<usize, Failure>(format!("a large request got {} after {done}", reply.status).into());
            }
        }
    });
    let together = ask_in_turn(options, &small, 1, time).await?;
    let broken = beside.is_finished();
    beside.abort();
    println!("| requests of 10 documents, one client | requests | p50 ms | p95 ms | p99 ms |");
    println!("|---|---|---|---|---|");
    for (name, tally) in [("alone", &alone), ("beside a client with 1,000 documents a request", &together)] {
        println!(
            "| {name} | {} | {} | {} | {} |",
            tally.seconds.len(),
            milliseconds(&tally.seconds, 0.5),
            milliseconds(&tally.seconds, 0.95),
            milliseconds(&tally.seconds, 0.99)
        );
    }
    if broken {
        println!("the client with large requests was refused or cut off");
    }
    Ok(!broken && alone.wrong + together.wrong == 0)
}

/// Has `clients` ask for at least some time and some rounds each.
pub(crate) async fn ask_in_turn(
    options: &Options,
    requests: &Arc<Requests>,
    clients: usize,
    time: Duration,
) -> Result<Tally, Failure> {
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(clients);
    for client in 0..clients {
        let (requests, address) = (Arc::clone(requests), options.address.clone());
        tasks.push(tokio::spawn(async move {
            let mut tally = Tally::default();
            let mut connection = Connection::open(&address).await?;
            let mut round = 0;
            while start.elapsed() < time || (round < ROUNDS && start.elapsed() < time * LONGEST) {
                let which = (client + round) % requests.bodies.len();
                let reply = connection.post("/v1/rerank", requests.bodies[which].clone()).await?;
                if requests.is_right(which, &reply) {
                    tally.seconds.push(reply.seconds);
                } else if matches!(reply.status, 429 | 503) {
                    tally.refused += 1;
                    tokio::time::sleep(REST).await;
                    continue;
                } else {
                    tally.wrong += 1;
                }
                round += 1;
            }
            Ok::<Tally, Failure>(tally)
        }));
    }
    let mut total = Tally::default();
    for task in tasks {
        let tally = task.await??;
        total.seconds.extend(tally.seconds);
        total.refused += tally.refused;
        total.wrong += tally.wrong;
    }
    total.elapsed = start.elapsed().as_secs_f64();
    total.seconds.sort_by(f64::total_cmp);
    Ok(total)
}

/// A percentile of sorted seconds (nearest rank) in whole milliseconds; a dash where there are none.
pub(crate) fn milliseconds(sorted: &[f64], share: f64) -> String {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).map_or_else(|| "-".to_owned(), |seconds| format!("{:.0}", seconds * 1e3))
}
