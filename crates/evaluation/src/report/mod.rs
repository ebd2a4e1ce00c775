//! The report: what was measured, how sure it is, and which queries moved; as one HTML file.

mod assemble;
mod html;

use r2r_types::{DocId, QueryId};

use crate::evaluate::{Evaluation, EvaluationOptions};
use crate::measures::Measure;
use crate::significance::{Comparison, SignificanceOptions};

pub use assemble::{Material, assemble};
pub use html::html;

/// All that a report shows: plain data, made by [`assemble`] or by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The heading.
    pub title: String,
    /// The measures, the most important one first: single queries are shown by that one.
    pub measures: Vec<Measure>,
    /// The runs, in the order in which they are shown.
    pub runs: Vec<ReportedRun>,
    /// Which of the runs the others are compared with.
    pub baseline: Option<usize>,
    /// The rules by which the runs were evaluated.
    pub evaluation: EvaluationOptions,
    /// The draws behind p-values and intervals.
    pub significance: SignificanceOptions,
}

/// One run of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportedRun {
    /// Its means and counts.
    pub evaluation: Evaluation,
    /// How it differs from the baseline; `None` for the baseline itself and where there is none.
    pub against_baseline: Option<AgainstBaseline>,
}

/// How a run differs from the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct AgainstBaseline {
    /// One comparison for each measure.
    pub comparisons: Vec<Comparison>,
    /// Each query by the first measure, the largest gain first.
    pub queries: Vec<QueryChange>,
    /// The queries that gained most, the largest gain first.
    pub gained: Vec<MovedQuery>,
    /// The queries that lost most, the largest loss first.
    pub lost: Vec<MovedQuery>,
}

/// The value of one query before (baseline) and after (run).
#[derive(Clone, Debug, PartialEq)]
pub struct QueryChange {
    /// The query.
    pub query: QueryId,
    /// Its words, where they are known.
    pub text: Option<String>,
    /// The baseline's value.
    pub before: f64,
    /// The run's value.
    pub after: f64,
}

impl QueryChange {
    /// What the query gained; below 0 what it lost.
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}

/// A query with the top of its list before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedQuery {
    /// The query and its values.
    pub change: QueryChange,
    /// The baseline's best documents, best first.
    pub top_before: Vec<TopDocument>,
    /// The run's best documents, best first.
    pub top_after: Vec<TopDocument>,
}

/// A document near the top of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct TopDocument {
    /// The document.
    pub doc: DocId,
    /// Its grade; `None` where nobody judged it.
    pub grade: Option<i32>,
    /// Its rank in the other list, from 1; `None` where it is not in that list.
    pub other_rank: Option<usize>,
    /// Its words, where they are known.
    pub text: Option<String>,
}
