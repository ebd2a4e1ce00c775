//! Pairs per second on this machine: `cargo run --release -p r2r-inference --example speed -- STUDENT [THREADS] [TOKENS]`.
//!
//! Scores 100 pairs of about TOKENS pieces (128 by default), five times, and prints the median.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::env;
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use r2r_inference::{Options, Precision, Student};
use r2r_model::encoding::Limits;

const PAIRS: usize = 100;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = arguments.first().ok_or("give the folder of a student")?;
    let threads = arguments.get(1).map(|value| value.parse::<NonZeroUsize>()).transpose()?;
    let tokens = arguments.get(2).map_or(Ok(128), |value| value.parse::<usize>())?;
    let precision = match arguments.get(3).map(String::as_str) {
        Some("int8") => Some(Precision::Int8),
        Some("bf16") => Some(Precision::Bf16),
        _ => None,
    };
    let begun = Instant::now();
    let student = Student::open(Path::new(folder), &Options { threads, precision, ..Options::default() })?;
    println!("opened in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let query = "how do volcanic rocks form";
    let text = "the lava cools fast and the rock is dark ".repeat(tokens);
    // The number of bytes whose pieces fill the pair.
    let limits = Limits { max_length: tokens, max_query_length: student.config().max_query_length };
    let pair = student.tokenizer().encode_pair(query, &text, limits)?;
    let end = pair.document.clone().next_back().map_or(0, |last| pair.offsets[last].end);
    let texts = vec![&text[..end]; PAIRS];
    let mut milliseconds = Vec::with_capacity(ROUNDS);
    for _ in 0..=ROUNDS {
        let start = Instant::now();
        student.score_texts(query, &texts)?;
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    // The first round warms up.
    let measured = &mut milliseconds[1..];
    measured.sort_by(f64::total_cmp);
    let median = measured[ROUNDS / 2];
    println!(
        "{PAIRS} pairs of {} pieces, {} threads, {:?}: {median:.0} ms ({:.0} to {:.0}), {:.0} pairs/s",
        pair.ids.len(),
        student.threads(),
        student.instructions(),
        measured[0],
        measured[ROUNDS - 1],
        PAIRS as f64 / median * 1e3,
    );
    Ok(())
}
