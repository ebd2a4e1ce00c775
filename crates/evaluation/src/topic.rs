//! One topic as the measures see it: grades in rank order, and what there was to find.

use std::collections::BTreeMap;

use r2r_types::DocId;

use crate::measures::parameters::{Cutoff, Level};

/// The grades of one topic.
pub(crate) struct Topic {
    /// The grade of each retrieved document, best rank first; `None` where nobody judged it.
    pub(crate) ranked: Vec<Option<i32>>,
    /// The grades of all judged documents, retrieved or not, highest first.
    pub(crate) judged: Vec<i32>,
}

impl Topic {
    /// Looks up the grades of `ranked` documents, best first.
    pub(crate) fn new(ranked: &[&DocId], judgments: &BTreeMap<DocId, i32>) -> Self {
        let ranked = ranked.iter().map(|doc| judgments.get(*doc).copied()).collect();
        let mut judged: Vec<i32> = judgments.values().copied().collect();
        judged.sort_unstable_by(|a, b| b.cmp(a));
        Self { ranked, judged }
    }

    /// The grades of the first `cutoff` documents; of all where there is no cutoff.
    pub(crate) fn top(&self, cutoff: Option<Cutoff>) -> &[Option<i32>] {
        let end = cutoff.map_or(self.ranked.len(), |k| k.get().min(self.ranked.len()));
        &self.ranked[..end]
    }

    /// How many documents there were to find.
    pub(crate) fn n_relevant(&self, level: Level) -> usize {
        self.judged.partition_point(|&grade| level.reached_by(Some(grade)))
    }

    /// How many documents were judged not relevant: graded 0 or more, but below the level.
    pub(crate) fn n_not_relevant(&self, level: Level) -> usize {
        self.judged.partition_point(|&grade| grade >= 0) - self.n_relevant(level)
    }
}
