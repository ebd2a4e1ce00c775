//! Tokens by our rule of thumb against OpenAI's tokenizers, over the first 500 documents of each file of JSON lines.
#![allow(dead_code, reason = "the sources under measure have more than is measured")]

#[path = "../../../crates/teacher/src/chat.rs"]
mod chat;
#[path = "../../../crates/teacher/src/cost/estimate.rs"]
mod estimate;

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};

fn main() -> Result<(), Box<dyn Error>> {
    for (name, tokenizer) in [("o200k", tiktoken_rs::o200k_base()?), ("cl100k", tiktoken_rs::cl100k_base()?)] {
        for path in std::env::args().skip(1) {
            let (mut real, mut estimated, mut above_bytes, mut errors) = (0, 0, 0, Vec::new());
            for line in BufReader::new(File::open(&path)?).lines().take(500) {
                let document: serde_json::Value = serde_json::from_str(&line?)?;
                let Some(text) = document["text"].as_str().filter(|text| !text.is_empty()) else { continue };
                let tokens = tokenizer.encode_ordinary(text).len() as u64;
                let guess = estimate::tokens(text);
                real += tokens;
                estimated += guess;
                above_bytes += u64::from(tokens > text.len() as u64);
                errors.push((guess as f64 - tokens as f64).abs() / tokens as f64);
            }
            errors.sort_by(f64::total_cmp);
            let (middle, high) = (errors[errors.len() / 2], errors[errors.len() * 95 / 100]);
            let ratio = estimated as f64 / real as f64;
            println!(
                "{name} {path}: estimate / real {ratio:.3}, error of a document: median {middle:.3}, 95th percentile {high:.3}; \
                 more tokens than bytes: {above_bytes} documents"
            );
        }
    }
    Ok(())
}
