//! The definitions of a student on real inputs.
#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "a skipped test says so, a broken one stops")]

/// Marks, sentences and spellings of small pairs.
mod plan;
/// Ids against transformers' `BertTokenizer`; `../golden/tokenizer.py` made the numbers.
mod tokenizer;

use std::path::{Path, PathBuf};

use r2r_model::tokenizer::Tokenizer;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn small_tokenizer() -> Tokenizer {
    Tokenizer::open(&folder().join("tokenizer/tokenizer.json")).unwrap()
}
