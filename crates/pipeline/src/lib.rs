//! Reason-to-Rank: distill a large LLM's order and reasons into a small student, and rerank with it.
//!
//! This crate is the library's face, and the only place where the stages meet.
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use reason_to_rank::student::{LoadedStudent, StudentOptions};
//! use reason_to_rank::types::{Candidate, Candidates, Document, Query, Reasons, Reranker};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let student = LoadedStudent::open(Path::new("models/r2r-mini"), &StudentOptions::default())?;
//! let document = |id: &str, text: &str| Candidate {
//!     document: Arc::new(Document { id: id.into(), title: String::new(), text: text.into() }),
//!     score: 0.0,
//! };
//! let candidates = Candidates {
//!     query: Arc::new(Query { id: "q1".into(), text: "why is the sky blue".into() }),
//!     list: vec![
//!         document("a", "The sky is a popular subject of painters."),
//!         document("b", "Air scatters blue light more than red light, so the sky looks blue."),
//!     ],
//! };
//! let ranking = student.reranker().rerank(&candidates, Reasons::Top(1))?;
//! println!("{} {:?}", ranking.ranked()[0].doc, ranking.ranked()[0].reasoning);
//! # Ok(())
//! # }
//! ```

pub mod artifact;
pub mod error;
pub mod live_teacher;
mod partial;
pub mod preflight;
pub mod progress;
pub mod provenance;
pub mod recipe;
pub mod reproduce;
pub mod results;
mod ridge;
pub mod stages;
pub mod student;

pub use r2r_distillation as distillation;
pub use r2r_evaluation as evaluation;
pub use r2r_inference as inference;
pub use r2r_model as model;
pub use r2r_reranking as reranking;
pub use r2r_retrieval as retrieval;
pub use r2r_teacher as teacher;
#[cfg(feature = "training")]
pub use r2r_training as training;
pub use r2r_types as types;
