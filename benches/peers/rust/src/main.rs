//! One engine in one process, as `worker.py` beside this project: `peers candle-f32|fastembed-f32 MODELS THREADS` reads
//! requests `{"query", "texts"}` as lines and answers `{"ms", "scores", "loaded_ms", "rss_mb"}`.

mod candle;
mod fastembed;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Most pieces of a pair.
const MAX_LENGTH: usize = 256;
/// Pairs that run together, neighbors in length.
const BATCH: usize = 16;

/// Scores texts for a query, in their order.
trait Engine {
    fn score(&mut self, query: &str, texts: &[String]) -> Result<Vec<f32>>;
}

#[derive(serde::Deserialize)]
struct Request {
    query: String,
    texts: Vec<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, models, threads] = arguments.as_slice() else {
        bail!("usage: peers candle-f32|fastembed-f32 MODELS THREADS");
    };
    let (models, threads) = (Path::new(models), threads.parse().context("THREADS is a number")?);
    let begun = Instant::now();
    let mut engine: Box<dyn Engine> = match name.as_str() {
        // Its threads are those of RAYON_NUM_THREADS.
        "candle-f32" => Box::new(candle::Candle::open(models)?),
        "fastembed-f32" => Box::new(fastembed::Fastembed::open(models, threads)?),
        other => bail!("no engine is named {other}"),
    };
    let loaded_ms = milliseconds(begun);
    for line in std::io::stdin().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let begun = Instant::now();
        let scores = engine.score(&request.query, &request.texts)?;
        let ms = milliseconds(begun);
        println!("{}", serde_json::json!({"ms": ms, "scores": scores, "loaded_ms": loaded_ms, "rss_mb": rss_mb()}));
    }
    Ok(())
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// Resident memory, where the system tells it.
fn rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
