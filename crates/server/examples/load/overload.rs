//! Three times as many requests as the server can answer: those it takes are answered in time, the others are told at
//! once to come again, and memory stays where it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::client::{Reply, post_once};
use crate::memory::{Watch, highest_of_halves};
use crate::speed::{ask_in_turn, milliseconds};
use crate::workload::{Requests, Workload};
use crate::{Failure, Options};

/// Documents of a request.
const SIZE: usize = 10;

/// How much more is asked than can be answered.
const TIMES: f64 = 3.0;

/// What "at once" means for a refusal, in seconds: both cores are busy, with the load itself too.
const AT_ONCE: f64 = 0.25;

/// Grace for an answer on its way back, in seconds.
const ON_ITS_WAY: f64 = 0.25;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    InTime,
    Late,
    RefusedAtOnce,
    RefusedLate,
    RefusedWithoutAdvice,
    Wrong,
    Broken,
}

const OUTCOMES: [(Outcome, &str); 7] = [
    (Outcome::InTime, "answered within the deadline"),
    (Outcome::Late, "answered after the deadline"),
    (Outcome::RefusedAtOnce, "429 or 503 at once, with Retry-After"),
    (Outcome::RefusedLate, "429, 503 or 504 after a wait"),
    (Outcome::RefusedWithoutAdvice, "429 or 503 without Retry-After"),
    (Outcome::Wrong, "other values or another status"),
    (Outcome::Broken, "no answer"),
];

/// Measures what the server can do, then asks for three times as much.
pub(crate) async fn run(options: &Options, workload: &Workload) -> Result<bool, Failure> {
    let requests = Arc::new(workload.requests(&options.address, SIZE).await?);
    let time = Duration::from_secs(options.seconds);
    let able = ask_in_turn(options, &requests, 8, time).await?;
    let capacity = able.seconds.len() as f64 / able.elapsed;
    let rate = capacity * TIMES;

    let watch = Watch::begin(options.pid);
    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    // Arrivals do not wait for the server: what was missed while this process slept is made up for.
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let n = (rate * 2.0 * time.as_secs_f64()) as usize;
    let mut tasks = Vec::with_capacity(n);
    for i in 0..n {
        clock.tick().await;
        let (requests, address, deadline) = (Arc::clone(&requests), options.address.clone(), options.deadline);
        tasks.push(tokio::spawn(async move {
            let which = i % requests.bodies.len();
            let reply = post_once(&address, "/v1/rerank", requests.bodies[which].clone()).await;
            outcome_of(&requests, which, &reply, deadline)
        }));
    }
    let mut outcomes = Vec::with_capacity(n);
    for task in tasks {
        outcomes.push(task.await?);
    }
    let memory = watch.end().await;

    println!(
        "capacity {capacity:.1} requests/s of {SIZE} documents; asked: {rate:.1} requests/s for {} s",
        2 * options.seconds
    );
    println!("| outcome | requests | share | p50 ms | p99 ms | longest ms |");
    println!("|---|---|---|---|---|---|");
    for (outcome, name) in OUTCOMES {
        let mut seconds: Vec<f64> =
            outcomes.iter().filter(|(of, _)| *of == outcome).map(|(_, seconds)| *seconds).collect();
        seconds.sort_by(f64::total_cmp);
        println!(
            "| {name} | {} | {:.1} % | {} | {} | {} |",
            seconds.len(),
            100.0 * seconds.len() as f64 / n as f64,
            milliseconds(&seconds, 0.5),
            milliseconds(&seconds, 0.99),
            milliseconds(&seconds, 1.0),
        );
    }
    let count = |wanted: Outcome| outcomes.iter().filter(|(outcome, _)| *outcome == wanted).count();
    let goodput = count(Outcome::InTime) as f64 / (2.0 * time.as_secs_f64());
    println!("answered under overload: {goodput:.1} requests/s, {:.0} % of the capacity", 100.0 * goodput / capacity);
    let mut is_flat = true;
    if let Some((first, second)) = highest_of_halves(&memory) {
        println!("memory: at most {first:.0} MB in the first half, {second:.0} MB in the second");
        is_flat = second <= first * 1.1;
    }
    let good = count(Outcome::InTime) + count(Outcome::RefusedAtOnce);
    Ok(is_flat && good == n && count(Outcome::InTime) > 0 && count(Outcome::RefusedAtOnce) > 0)
}

fn outcome_of(requests: &Requests, which: usize, reply: &Result<Reply, Failure>, deadline: Duration) -> (Outcome, f64) {
    let Ok(reply) = reply else { return (Outcome::Broken, 0.0) };
    let outcome = match reply.status {
        200 if !requests.is_right(which, reply) => Outcome::Wrong,
        200 if reply.seconds <= deadline.as_secs_f64() + ON_ITS_WAY => Outcome::InTime,
        200 => Outcome::Late,
        429 | 503 if !reply.has_retry_after => Outcome::RefusedWithoutAdvice,
        429 | 503 if reply.seconds <= AT_ONCE => Outcome::RefusedAtOnce,
        429 | 503 | 504 => Outcome::RefusedLate,
        _ => Outcome::Wrong,
    };
    (outcome, reply.seconds)
}
