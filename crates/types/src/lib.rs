//! The nouns that flow through Reason-to-Rank, the two traits that connect its stages,
//! and the file formats of the field.
//!
//! ```
//! use r2r_types::evidence::Evidence;
//!
//! let text = "Basalt is volcanic. It cools fast.";
//! let evidence = Evidence::locate("It cools fast.", text).expect("the quote stands in the text");
//! assert_eq!((evidence.start(), evidence.end()), (20, 34));
//! assert!(Evidence::locate("It cools slowly.", text).is_none());
//! ```

pub mod candidates;
pub mod document;
pub mod evidence;
pub mod example;
pub mod fnv;
pub mod formats;
pub mod id;
pub mod judgment;
pub mod qrels;
pub mod ranking;
pub mod reasoning;
pub mod run;
pub mod sentences;
pub mod stage;

pub use candidates::{Candidate, Candidates};
pub use document::{Document, Query};
pub use evidence::{Evidence, Receipt};
pub use example::DistillationExample;
pub use id::{DocId, QueryId};
pub use judgment::{JudgedPassage, TeacherJudgment};
pub use qrels::Qrels;
pub use ranking::{Ranked, Ranking, RankingError};
pub use reasoning::{Against, Comparison, Coverage, Reasoning, Stands};
pub use run::Run;
pub use stage::{Reasons, Reranker, Retriever, StageError};
