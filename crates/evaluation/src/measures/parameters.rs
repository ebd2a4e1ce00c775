//! What follows a measure's name: cutoff, relevance level, gain.

use std::num::NonZeroUsize;

/// How many documents from the top are looked at: the 10 of `nDCG@10`.
pub type Cutoff = NonZeroUsize;

/// The lowest grade that counts as relevant: the 2 of `AP(rel=2)`, option `-l` of `trec_eval`.
///
/// Always 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Level(i32);

impl Level {
    /// The level; `None` below 1.
    pub fn new(grade: i32) -> Option<Self> {
        (grade >= 1).then_some(Self(grade))
    }

    /// The lowest grade that counts as relevant.
    pub fn grade(self) -> i32 {
        self.0
    }

    /// Whether a document of this grade is relevant; one that nobody judged is not.
    pub fn reached_by(self, grade: Option<i32>) -> bool {
        grade.is_some_and(|grade| grade >= self.0)
    }
}

impl Default for Level {
    fn default() -> Self {
        Self(1)
    }
}

/// What a document of a grade is worth to nDCG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Gain {
    /// The grade itself (Järvelin and Kekäläinen, 2002), as in `trec_eval`.
    #[default]
    Linear,
    /// 2^grade - 1 (Burges et al., 2005); written `dcg='exp-log2'`.
    Exponential,
}

impl Gain {
    /// The gain of a document: 0 where it is not judged or graded 0 or less.
    pub(super) fn of(self, grade: Option<i32>) -> f64 {
        match (self, grade.unwrap_or(0).max(0)) {
            (_, 0) => 0.0,
            (Gain::Linear, grade) => f64::from(grade),
            (Gain::Exponential, grade) => f64::from(grade).exp2() - 1.0,
        }
    }
}
