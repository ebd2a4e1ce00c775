//! TREC runs and relevance judgments, as `trec_eval` reads them.

mod columns;
mod distinct;
mod qrels;
mod run;

pub use distinct::distinct_scores;
pub use qrels::{qrels_of_input, qrels_of_text, read_qrels, write_beir_qrels, write_qrels};
pub use run::{read_run, run_of_input, run_of_text, write_run, write_topic};
