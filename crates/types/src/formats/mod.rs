//! The file formats of the field, one file each.
//!
//! A reader takes a path and opens it through [`input`]: `.gz` and `.zst` are unpacked on the way,
//! `-` is standard input. A writer takes any [`std::io::Write`]; [`output`] makes one that packs by
//! extension and shows its file under its name only when it is whole. All fail with one [`FormatError`],
//! which says where and what to do.
//!
//! ```
//! use r2r_types::formats::trec::{run_of_text, write_run};
//!
//! let run = run_of_text("example", "q1 Q0 d7 1 0.5 bm25\nq1 Q0 d2 2 0.5 bm25\n")?;
//! let mut written = Vec::new();
//! write_run(&mut written, &run)?;
//! // Ties keep their order, by scores that stay distinct as 32-bit floats.
//! assert_eq!(written, b"q1 Q0 d7 1 0.5 bm25\nq1 Q0 d2 2 0.4999995 bm25\n");
//! # Ok::<(), r2r_types::formats::FormatError>(())
//! ```

pub mod beir;
pub mod bright;
mod bright_parquet;
pub mod documents;
pub mod error;
pub mod graded_lists;
mod hit_list;
mod id_field;
pub mod input;
pub mod join;
pub mod jsonl;
mod judged_order;
pub mod msmarco;
pub mod output;
pub mod published;
pub mod rank_llm;
pub mod rankgpt;
pub mod teacher_records;
mod teacher_row;
pub mod trec;

pub use error::FormatError;
