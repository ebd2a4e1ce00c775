//! Clients that misbehave, one kind after another. After each the server must answer a good client rightly and soon.

mod bodies;
mod connections;
mod raw;

use std::fmt;
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::memory::{Watch, resident_mb};
use crate::workload::{Requests, Workload};
use crate::{Failure, Options};

/// How long a good client waits at most, beside or after bad ones.
const SOON: Duration = Duration::from_secs(5);

/// What a fault did.
struct Verdict {
    /// Whether it did what it must.
    holds: bool,
    /// What came, in words.
    came: String,
}

impl Verdict {
    fn of(holds: bool, came: impl fmt::Display) -> Self {
        Self { holds, came: came.to_string() }
    }
}

/// What every fault needs.
struct Scene<'a> {
    options: &'a Options,
    workload: &'a Workload,
    small: Requests,
}

impl Scene<'_> {
    /// Seconds until a good client has its right answer; none where it has a wrong one or waits too long.
    async fn good_client(&self) -> Option<f64> {
        let start = Instant::now();
        let ask = async {
            let mut connection = Connection::open(&self.options.address).await?;
            connection.post("/v1/rerank", self.small.bodies[0].clone()).await
        };
        let reply = tokio::time::timeout(SOON, ask).await.ok()?.ok()?;
        self.small.is_right(0, &reply).then(|| start.elapsed().as_secs_f64())
    }
}

/// A row for each fault.
pub(crate) async fn run(options: &Options, workload: &Workload) -> Result<bool, Failure> {
    let scene = Scene { options, workload, small: workload.requests(&options.address, 10).await? };
    let before = options.pid.and_then(resident_mb);
    println!("| fault | what came | good client after it | highest memory MB | holds |");
    println!("|---|---|---|---|---|");
    let mut all_hold = true;
    macro_rules! faults {
        ($($name:literal: $fault:expr;)*) => {$({
            let watch = Watch::begin(options.pid);
            let verdict = $fault(&scene).await?;
            let memory = watch.end().await;
            let good = scene.good_client().await;
            let highest = memory.iter().copied().fold(f64::NAN, f64::max);
            let holds = verdict.holds && good.is_some();
            println!(
                "| {} | {} | {} | {} | {} |",
                $name,
                verdict.came,
                good.map_or_else(|| "not answered".to_owned(), |seconds| format!("{:.0} ms", seconds * 1e3)),
                if highest.is_nan() { "-".to_owned() } else { format!("{highest:.0}") },
                if holds { "yes" } else { "NO" },
            );
            all_hold &= holds;
        })*};
    }
    faults! {
        "20 clients hang up 100 ms after asking for 1,000 documents": connections::hang_ups;
        "300 clients send their head a byte at a time": connections::slow_heads;
        "300 clients send their body a byte at a time": connections::slow_bodies;
        "a client that does not read its answer": connections::no_reader;
        "2,200 connections that say nothing": connections::silent;
        "bytes that are no HTTP": connections::not_http;
        "a head of 1 MB": connections::huge_head;
        "a body of 100 MB, announced": bodies::announced;
        "a body of 100 MB in chunks, not announced": bodies::chunked;
        "20 bodies of 30 MB at once": bodies::many_large;
        "invalid UTF-8": bodies::invalid_utf8;
        "JSON nested a million deep": bodies::deep;
        "wrong JSON of many kinds on every path": bodies::wrong;
    }
    if let (Some(before), Some(after)) = (before, options.pid.and_then(resident_mb)) {
        println!("memory: {before:.0} MB before all of it, {after:.0} MB after");
    }
    Ok(all_hold)
}
