//! What became of a teacher's judgments: every example, reason and quote is counted, some are shown.

use std::collections::BTreeMap;

use r2r_types::id::DocId;
use serde::Serialize;

use crate::comparisons::{ComparisonCounts, DroppedComparison};
use crate::evidence::EvidenceCounts;
use crate::filters::FilterCounts;
use crate::reasons::{DroppedReason, ReasonCounts};
use crate::seeded::seeded_hash;

/// All counts of one distillation, with samples to read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DistillationReport {
    /// Judgments that came in.
    pub judgments: usize,
    /// Examples that came out.
    pub examples: usize,
    /// Examples by teacher.
    pub teachers: BTreeMap<String, usize>,
    /// Passages of all examples.
    pub passages: usize,
    /// Where the targets come from.
    pub targets: TargetCounts,
    /// What was left out.
    pub filtered: FilterCounts,
    /// Direct reasons.
    pub direct: ReasonCounts,
    /// Comparisons.
    pub comparison: ComparisonCounts,
    /// Sentences that carry the answer.
    pub evidence: EvidenceCounts,
    /// Some reasons and quotes as given and as learned: for every part as many kept ones and dropped ones as were
    /// asked for, drawn by the seed.
    pub samples: Vec<Sample>,
}

/// Where the targets of the examples come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TargetCounts {
    /// Examples with the teacher's order as target.
    pub by_order: usize,
    /// Examples with the teacher's grades as targets.
    pub by_grade: usize,
    /// Of those by order, examples for which grades were asked for and were missing or contradicted the order.
    pub without_usable_grades: usize,
}

/// Something that a teacher said, and what was made of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// The text of the query.
    pub query: String,
    /// The passage that it is about.
    pub doc: DocId,
    /// What it is.
    pub part: Part,
    /// The teacher's words.
    pub given: String,
    /// What was made of them.
    pub outcome: Outcome,
}

/// A part of what a teacher says of a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// How the passage answers the query.
    Direct,
    /// Why it stands above or below another.
    Comparison,
    /// The sentence that carries the answer.
    Evidence,
}

/// What was made of a teacher's words.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// This is learned.
    Learned(String),
    /// The direct reason was dropped.
    DirectDropped(DroppedReason),
    /// The comparison was dropped.
    ComparisonDropped(DroppedComparison),
    /// The quote stands nowhere in the passage.
    EvidenceDropped,
}

/// The samples with the smallest seeded hashes: which they are does not depend on the order of what comes.
#[derive(Debug)]
pub(crate) struct Samples {
    most: usize,
    seed: u64,
    kept: BTreeMap<(Part, bool), BTreeMap<(u64, usize), Sample>>,
    offered: usize,
}

impl Samples {
    /// Will keep `most` samples of each part, and as many dropped ones.
    pub(crate) fn new(most: usize, seed: u64) -> Self {
        Self { most, seed, kept: BTreeMap::new(), offered: 0 }
    }

    /// Offers a sample.
    pub(crate) fn offer(&mut self, sample: Sample) {
        let is_learned = matches!(sample.outcome, Outcome::Learned(_));
        let hash = seeded_hash(self.seed, &format!("{}\u{0}{}\u{0}{}", sample.query, sample.doc, sample.given));
        let kept = self.kept.entry((sample.part, is_learned)).or_default();
        kept.insert((hash, self.offered), sample);
        self.offered += 1;
        if kept.len() > self.most {
            kept.pop_last();
        }
    }

    /// The samples, by part, dropped ones first.
    pub(crate) fn into_vec(self) -> Vec<Sample> {
        self.kept.into_values().flat_map(BTreeMap::into_values).collect()
    }
}
