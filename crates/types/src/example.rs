//! What a student learns from: one query, a list of passages, targets and reasons.

use serde::{Deserialize, Serialize};

use crate::document::Query;
use crate::id::DocId;
use crate::reasoning::Stands;

/// One list to learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistillationExample {
    /// The query.
    pub query: Query,
    /// Who taught it ("gpt-4", "human"): kept for filters and counts.
    pub teacher: String,
    /// The passages, in the order in which they were retrieved or shown.
    pub passages: Vec<ExamplePassage>,
}

/// One passage of an example with its targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExamplePassage {
    /// The passage's name.
    pub doc: DocId,
    /// Its title; empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Its text.
    pub text: String,
    /// The target score: higher ranks higher, equal means no preference is known.
    pub target: f32,
    /// The sentence that carries the answer, as a byte range of `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<(usize, usize)>,
    /// Direct relevance reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<String>,
    /// Comparison reasoning, with what it compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ExampleComparison>,
}

/// A comparison reason as a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleComparison {
    /// The reason in words.
    pub text: String,
    /// The passage it is compared with: an index into the example's passages.
    pub against: usize,
    /// Where the explained passage stands relative to that one; agrees with the targets.
    pub stands: Stands,
}
