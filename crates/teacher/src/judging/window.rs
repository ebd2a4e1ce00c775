//! One window under way: its samples, and what they come to.

use std::cmp::Reverse;

use crate::agreement::{Agreement, kendall_tau};
use crate::answer::{Answer, AnsweredPassage};
use crate::consensus::consensus;
use crate::judging::ask::AskKey;
use crate::renumber::renumbered;
use crate::windows::Window;

/// A window whose samples are being asked.
#[derive(Clone, Debug)]
pub(super) struct OpenWindow {
    pub(super) window: Window,
    pub(super) samples: Vec<Sample>,
}

/// One sample: the passages as it shows them, and its answer.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Places in the window, in the order in which they are shown.
    pub(super) shown: Vec<usize>,
    pub(super) state: SampleState,
}

#[derive(Clone, Debug)]
pub(super) enum SampleState {
    /// Waiting; with the answer that is to be repaired and its key, if there was one.
    Waiting { first: Option<(AskKey, Answer)> },
    /// An answer that can be used.
    Answered(Answer),
    /// None can.
    Malformed,
}

/// What the samples of a window come to. Places are those of the window.
pub(super) struct Verdict {
    /// Best first.
    pub(super) order: Vec<usize>,
    /// The order of each sample that can be used.
    pub(super) orders: Vec<Vec<usize>>,
    pub(super) agreement: Option<Agreement>,
    pub(super) malformed: usize,
    /// By place: what is said of the passage, by the sample that agrees best with the order and says it.
    pub(super) passages: Vec<AnsweredPassage>,
    /// By place: all grades.
    pub(super) grades: Vec<Vec<i32>>,
}

impl Sample {
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, SampleState::Waiting { .. })
    }

    /// The answer's order in places of the window. What it leaves out follows in the window's own order, not in that
    /// in which it happened to be shown.
    fn order(&self, answer: &Answer) -> Vec<usize> {
        let mut order: Vec<usize> = answer.stated().iter().map(|&number| self.shown[number]).collect();
        let mut is_placed = vec![false; self.shown.len()];
        for &place in &order {
            is_placed[place] = true;
        }
        order.extend((0..self.shown.len()).filter(|&place| !is_placed[place]));
        order
    }

    /// What the answer says of a place; passages are named by `name_of` their place in the window.
    fn said(&self, answer: &Answer, place: usize, name_of: &impl Fn(usize) -> usize) -> AnsweredPassage {
        let number = self.shown.iter().position(|&shown| shown == place).expect("every place is shown once");
        let said = &answer.passages()[number];
        let new_number = |old: usize| self.shown.get(old.wrapping_sub(1)).map(|&place| name_of(place));
        let renamed = |reason: &Option<String>| reason.as_deref().map(|reason| renumbered(reason, new_number));
        AnsweredPassage {
            grade: said.grade,
            direct: renamed(&said.direct),
            comparison: renamed(&said.comparison),
            answer_sentence: said.answer_sentence.clone(),
        }
    }
}

impl OpenWindow {
    pub(super) fn is_waiting(&self) -> bool {
        self.samples.iter().any(Sample::is_waiting)
    }

    /// Whether any sample has an answer that can be used.
    pub(super) fn has_answer(&self) -> bool {
        self.answered().next().is_some()
    }

    /// The window's items, best first: the consensus of the samples, or as they were where none can be used.
    pub(super) fn order(&self) -> Vec<usize> {
        let orders: Vec<Vec<usize>> = self.answered().map(|(sample, answer)| sample.order(answer)).collect();
        consensus(&orders, self.window.items.len()).into_iter().map(|place| self.window.items[place]).collect()
    }

    /// What the samples come to; `name_of` gives the number of a place in the whole list.
    pub(super) fn verdict(&self, name_of: &impl Fn(usize) -> usize) -> Verdict {
        let n = self.window.items.len();
        let answered: Vec<(&Sample, &Answer)> = self.answered().collect();
        let orders: Vec<Vec<usize>> = answered.iter().map(|(sample, answer)| sample.order(answer)).collect();
        let order = consensus(&orders, n);

        let mut by_closeness: Vec<usize> = (0..answered.len()).collect();
        // The sort is stable: of samples that agree as well, the first goes first.
        let tau: Vec<f64> = orders.iter().map(|sample| kendall_tau(&order, sample)).collect();
        by_closeness.sort_by(|&a, &b| tau[b].total_cmp(&tau[a]));
        let mut passages = vec![AnsweredPassage::default(); n];
        let mut grades = vec![Vec::new(); n];
        for at in by_closeness {
            let (sample, answer) = answered[at];
            for (place, kept) in passages.iter_mut().enumerate() {
                let AnsweredPassage { grade, direct, comparison, answer_sentence } =
                    sample.said(answer, place, name_of);
                grades[place].extend(grade);
                kept.direct = kept.direct.take().or(direct);
                kept.comparison = kept.comparison.take().or(comparison);
                kept.answer_sentence = kept.answer_sentence.take().or(answer_sentence);
            }
        }
        let malformed = self.samples.iter().filter(|sample| matches!(sample.state, SampleState::Malformed)).count();
        Verdict { agreement: Agreement::of(&orders), order, orders, malformed, passages, grades }
    }

    fn answered(&self) -> impl Iterator<Item = (&Sample, &Answer)> {
        self.samples.iter().filter_map(|sample| match &sample.state {
            SampleState::Answered(answer) => Some((sample, answer)),
            SampleState::Waiting { .. } | SampleState::Malformed => None,
        })
    }
}

/// Whether the answer to a repair request says no less than the first: by passages placed, then by reasons given.
pub(super) fn is_no_worse(second: &Answer, first: &Answer) -> bool {
    let worth = |answer: &Answer| (answer.stated().len(), Reverse(answer.repairs().unsaid));
    worth(second) >= worth(first)
}
