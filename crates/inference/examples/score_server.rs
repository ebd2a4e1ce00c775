//! Answers requests from standard input with scores and times, for comparisons with other engines (`benches/peers`):
//! `score_server STUDENT THREADS f32|bf16|int8 [N]`. A request is a line `{"query", "texts"}`. With N, documents that will
//! not be among the best N are stopped early; their scores are below all others.
#![expect(clippy::print_stdout, reason = "answers go to standard output")]

use std::env;
use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use r2r_inference::{Decided, Options, Precision, Student};

#[derive(serde::Deserialize)]
struct Request {
    query: String,
    texts: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (folder, threads, precision, best) = match arguments.as_slice() {
        [folder, threads, precision] => (folder, threads, precision, None),
        [folder, threads, precision, best] => (folder, threads, precision, Some(best.parse::<NonZeroUsize>()?)),
        _ => return Err("usage: score_server STUDENT THREADS f32|bf16|int8 [N]".into()),
    };
    let precision: Precision = serde_json::from_value(serde_json::json!(precision))?;
    let options = Options { threads: Some(threads.parse()?), precision: Some(precision), ..Options::default() };
    let begun = Instant::now();
    let student = Student::open(Path::new(folder), &options)?;
    let loaded_ms = begun.elapsed().as_secs_f64() * 1e3;
    for line in io::stdin().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let texts: Vec<&str> = request.texts.iter().map(String::as_str).collect();
        let begun = Instant::now();
        let scores: Vec<f32> = match best {
            None => student.score_texts(&request.query, &texts)?.iter().map(|scored| scored.logit).collect(),
            Some(best) => student.score_texts_early(&request.query, &texts, best)?.iter().map(score).collect(),
        };
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        println!("{}", serde_json::json!({"ms": ms, "scores": scores, "loaded_ms": loaded_ms, "rss_mb": rss_mb()}));
    }
    Ok(())
}

/// Stopped documents lie below all that are finished.
fn score(decided: &Decided) -> f32 {
    match decided {
        Decided::Finished(scored) => scored.logit,
        Decided::Stopped(foreseen) => foreseen - 1e4,
    }
}

/// Resident memory, where the system tells it.
fn rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
