//! From what a teacher said to what a student learns.
//!
//! [`distill`](distill::distill) turns judgments into examples: targets from the order or the grades, direct reasons
//! and comparisons in a clean and narrow language, the answer sentence as a range of the passage. What is dropped is
//! counted by kind in the [report](report::DistillationReport).
//!
//! ```
//! use r2r_distillation::{DistillationOptions, distill};
//! use r2r_types::{Document, JudgedPassage, Query, TeacherJudgment};
//!
//! let passage = |id: &str, text: &str| Document { id: id.into(), title: String::new(), text: text.into() };
//! let judgment = TeacherJudgment {
//!     query: Query { id: "q1".into(), text: "what is basalt".into() },
//!     teacher: "a large model".into(),
//!     passages: vec![passage("d1", "Granite is hard."), passage("d2", "Basalt is a volcanic rock.")],
//!     ranking: vec!["d2".into(), "d1".into()],
//!     judged: vec![JudgedPassage {
//!         doc: "d1".into(),
//!         grade: None,
//!         direct: Some("[1] is ranked last as it only describes granite, making it the least relevant.".into()),
//!         comparison: Some("It is less relevant than passage 2 because it does not mention basalt.".into()),
//!         answer_sentence: Some("Granite is hard.".into()),
//!     }],
//!     is_consistent: None,
//! };
//! let (examples, report) = distill(&[judgment], &DistillationOptions::default());
//! let [granite, basalt] = &examples[0].passages[..] else { panic!("two passages") };
//! assert!(granite.target < basalt.target);
//! assert_eq!(granite.direct.as_deref(), Some("This passage only describes granite."));
//! let comparison = granite.comparison.as_ref().expect("it was kept");
//! assert_eq!(comparison.text, "It is less relevant than <other> because it does not mention basalt.");
//! assert_eq!(comparison.against, 1);
//! assert_eq!((granite.evidence, report.evidence.verbatim), (Some((0, 16)), 1));
//! ```

pub mod claims;
mod clauses;
pub mod comparisons;
pub mod distill;
pub mod evidence;
pub mod filters;
pub mod human;
pub mod leakage;
mod pairwise;
mod phrases;
pub mod query_text;
pub mod reasons;
pub mod references;
pub mod report;
mod seeded;
pub mod split;
mod subject;
mod superlatives;
pub mod targets;
pub mod words;

pub use distill::{DistillationOptions, distill};
pub use human::{HumanLabels, HumanOptions, from_qrels};
pub use leakage::{LeakageCounts, without_leaks};
pub use report::DistillationReport;
pub use split::{Split, split};
pub use targets::Targets;
