//! What a teacher said about a query and a window of its candidates.

use serde::{Deserialize, Serialize};

use crate::document::{Document, Query};
use crate::id::DocId;

/// A teacher's order of some passages, with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeacherJudgment {
    /// The query.
    pub query: Query,
    /// The name of the teacher ("gpt-4", "human").
    pub teacher: String,
    /// The passages in the order in which the teacher saw them; ids are distinct.
    pub passages: Vec<Document>,
    /// The same passages, best first; a permutation of the ids in `passages`.
    pub ranking: Vec<DocId>,
    /// What the teacher said of single passages; at most one entry for each.
    pub judged: Vec<JudgedPassage>,
    /// Whether order and grades tell the same story; false too where no answer of the teacher could be used. `None`
    /// where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_consistent: Option<bool>,
}

/// What a teacher said of one passage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedPassage {
    /// The passage.
    pub doc: DocId,
    /// The grade, 0 is not relevant; `None` where the teacher gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<i32>,
    /// Direct relevance reasoning: how the passage answers the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<String>,
    /// Comparison reasoning: why it stands above or below others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<String>,
    /// The sentence that answers the query, as the teacher quoted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_sentence: Option<String>,
}
