//! What is known of a query after its judging.

use std::ops::AddAssign;

use r2r_types::id::DocId;
use r2r_types::judgment::TeacherJudgment;
use serde::{Deserialize, Serialize};

use crate::agreement::Agreement;
use crate::answer::Repairs;
use crate::consistency::Consistency;
use crate::judging::ask::{AskKey, Refusal};

/// A judgment with how it came about. As JSON it is the judgment with more fields, so that a line of it is read
/// wherever judgments are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgmentRecord {
    /// The judgment: all candidates, in the order of the first stage as `passages` and best first as `ranking`.
    /// Numbers in its reasons are places in `passages`, from 1. Grades are medians over all answers.
    #[serde(flatten)]
    pub judgment: TeacherJudgment,
    /// The name of the prompt.
    pub prompt: String,
    /// The hash of the prompt.
    pub prompt_hash: String,
    /// Seed of the presentation orders.
    pub seed: u64,
    /// Each window: what was shown and what was said.
    pub windows: Vec<WindowRecord>,
    /// The mean agreement between samples over the windows that have at least two; `None` where none has.
    pub agreement: Option<Agreement>,
    /// Grades of single passages, by themselves.
    pub pointwise: Vec<PointwiseGrade>,
    /// How far order and grades agree.
    pub consistency: Consistency,
    /// What was repaired in the answers used, by kind.
    pub repairs: Repairs,
    /// How many requests there were, and what became of them.
    pub counts: AnswerCounts,
    /// Keys of the answers used, sorted.
    pub keys: Vec<AskKey>,
    /// What came in place of answers, by key.
    pub refusals: Vec<Refused>,
}

/// What came in place of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The key of the request.
    pub key: AskKey,
    /// What came.
    pub refusal: Refusal,
}

/// What was said of one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowRecord {
    /// Its documents, in the order that they had before.
    pub docs: Vec<DocId>,
    /// The order of each answer that could be used, best first, by sample.
    pub samples: Vec<Vec<DocId>>,
    /// The order that it got: the consensus, or the one before where no answer could be used.
    pub order: Vec<DocId>,
    /// The agreement between the samples; `None` for fewer than two.
    pub agreement: Option<Agreement>,
    /// Answers that could not be used.
    pub malformed: usize,
}

/// The grade of one passage by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointwiseGrade {
    /// The passage.
    pub doc: DocId,
    /// Its grade; `None` where no answer could be used.
    pub grade: Option<i32>,
}

/// How many requests there were, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerCounts {
    /// Requests that were handed out, repair requests included.
    pub asked: usize,
    /// Of those, requests to repair an answer.
    pub repair_requests: usize,
    /// Samples and grades that ended with an answer that is used.
    pub used: usize,
    /// Samples and grades that ended without one, for any reason but that nobody answered.
    pub malformed: usize,
    /// Of those, samples and grades that were declined, by the provider or in words.
    pub declined: usize,
    /// Of those, samples and grades for which no answer could be had.
    pub failed: usize,
    /// Requests that nobody had answered when the judging was finished.
    pub unanswered: usize,
    /// Windows that kept the order they had, because no answer about them could be used.
    pub windows_kept: usize,
}

impl AnswerCounts {
    /// The share of malformed answers, from 0 to 1, to be held against `max_malformed`; 0 where nothing was answered.
    pub fn malformed_share(&self) -> f64 {
        let n = self.used + self.malformed;
        if n == 0 { 0.0 } else { self.malformed as f64 / n as f64 }
    }

    /// Whether the share of malformed answers is so far above `limit` that it will not come down with more of them: by
    /// three standard errors of a share of `limit`. Looked at after each of 2,000 answers from the 20th on, a limit of
    /// 5 % is taken for exceeded in one of 500 runs where 2 % are malformed, and in one of 60 where 4 % are.
    pub fn is_surely_above(&self, limit: f64) -> bool {
        let n = (self.used + self.malformed).max(1) as f64;
        self.malformed_share() - 3.0 * (limit * (1.0 - limit) / n).sqrt() > limit
    }
}

impl AddAssign for AnswerCounts {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.repair_requests += other.repair_requests;
        self.used += other.used;
        self.malformed += other.malformed;
        self.declined += other.declined;
        self.failed += other.failed;
        self.unanswered += other.unanswered;
        self.windows_kept += other.windows_kept;
    }
}

/// The mean of the agreements, weighted alike; `None` of none.
pub(super) fn mean_agreement(windows: &[WindowRecord]) -> Option<Agreement> {
    let agreements: Vec<Agreement> = windows.iter().filter_map(|window| window.agreement).collect();
    let n = agreements.len() as f64;
    let samples = agreements.iter().map(|agreement| agreement.samples).max()?;
    let tau = agreements.iter().map(|agreement| agreement.tau).sum::<f64>() / n;
    let w = agreements.iter().map(|agreement| agreement.w).sum::<f64>() / n;
    Some(Agreement { samples, tau, w })
}
