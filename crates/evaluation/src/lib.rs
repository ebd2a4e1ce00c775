//! Measures that agree with `trec_eval`, significance tests, control runs, and the HTML report.
//!
//! ```
//! use r2r_evaluation::{EvaluationOptions, Measure, evaluate};
//! use r2r_types::{Qrels, Run};
//!
//! let mut qrels = Qrels::default();
//! qrels.insert("q1".into(), "a".into(), 3);
//! qrels.insert("q1".into(), "b".into(), 1);
//! let mut run = Run::new("example");
//! run.insert("q1".into(), vec![("b".into(), 3.0), ("a".into(), 2.0), ("c".into(), 1.0)])?;
//!
//! let measures: Vec<Measure> = ["nDCG@10".parse()?, "RR(rel=2)".parse()?].into();
//! let evaluation = evaluate(&run, &qrels, &measures, &EvaluationOptions::default());
//! assert_eq!(format!("{:.4}", evaluation.means[0]), "0.7967");
//! assert_eq!(evaluation.means[1], 0.5);
//! assert_eq!((evaluation.topics.qrels, evaluation.topics.scored), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod controls;
pub mod evaluate;
pub mod measures;
pub mod order;
mod random;
pub mod report;
pub mod significance;
mod topic;

pub use controls::{Control, control_run};
pub use evaluate::{Evaluation, EvaluationOptions, IdenticalIds, MissingTopics, TopicCounts, evaluate};
pub use measures::Measure;
pub use measures::name::MeasureNameError;
pub use measures::parameters::{Cutoff, Gain, Level};
pub use order::TrecEval;
pub use report::Report;
pub use significance::{Comparison, SignificanceOptions, compare};
