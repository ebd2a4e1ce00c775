//! From what was answered to the record of a judging.

use r2r_types::document::Document;
use r2r_types::id::DocId;
use r2r_types::judgment::{JudgedPassage, TeacherJudgment};

use crate::answer::AnsweredPassage;
use crate::consensus::median_grade;
use crate::consistency::{Consistency, PairAgreement};
use crate::judging::Judging;
use crate::judging::record::{JudgmentRecord, PointwiseGrade, Refused, WindowRecord, mean_agreement};
use crate::judging::window::{OpenWindow, Verdict};

/// What was said of one candidate in all windows.
#[derive(Clone, Debug, Default)]
struct Said {
    passage: AnsweredPassage,
    grades: Vec<i32>,
}

impl Judging {
    /// What is known now. Windows without an answer keep the order that they had, and are counted.
    pub fn finish(mut self) -> JudgmentRecord {
        self.counts.unanswered = self.waiting.len();
        let docs: Vec<DocId> = self.candidates.list.iter().map(|candidate| candidate.document.id.clone()).collect();
        let order = self.course.order();
        let mut said = vec![Said::default(); docs.len()];
        // In the order in which windows were opened, whenever they were answered.
        let windows: Vec<WindowRecord> =
            self.closed.values().map(|window| record_of_window(window, &docs, &mut said)).collect();

        let listwise: Vec<Option<i32>> = said.iter().map(|said| median_grade(&said.grades)).collect();
        let mut alone = self.pointwise.clone();
        alone.resize(docs.len(), None);
        let agreement_with = |grades: &[Option<i32>]| {
            PairAgreement::of(&order.iter().map(|&candidate| grades[candidate]).collect::<Vec<_>>())
        };
        let consistency = Consistency { pointwise: agreement_with(&alone), listwise: agreement_with(&listwise) };

        // Where no answer could be used the order is the first stage's, which the teacher never said.
        let is_silent = !windows.is_empty() && windows.iter().all(|window| window.samples.is_empty());
        let is_consistent = !is_silent && consistency.reaches(self.options.min_consistency);

        let judged = order.iter().map(|&candidate| {
            let AnsweredPassage { grade: _, direct, comparison, answer_sentence } = said[candidate].passage.clone();
            let grade = listwise[candidate].or(alone[candidate]);
            JudgedPassage { doc: docs[candidate].clone(), grade, direct, comparison, answer_sentence }
        });
        let judged = judged.filter(says_something).collect();
        let pointwise = self.pointwise.iter().zip(&docs);
        let pointwise = pointwise.map(|(&grade, doc)| PointwiseGrade { doc: doc.clone(), grade }).collect();
        JudgmentRecord {
            judgment: TeacherJudgment {
                query: (*self.candidates.query).clone(),
                teacher: self.options.model,
                passages: self.candidates.list.iter().map(|candidate| Document::clone(&candidate.document)).collect(),
                ranking: order.iter().map(|&candidate| docs[candidate].clone()).collect(),
                judged,
                is_consistent: Some(is_consistent),
            },
            prompt: self.prompt.name().to_owned(),
            prompt_hash: self.prompt.hash().to_owned(),
            seed: self.seed,
            agreement: mean_agreement(&windows),
            windows,
            pointwise,
            consistency,
            repairs: self.repairs,
            counts: self.counts,
            keys: self.used.into_iter().collect(),
            refusals: self.refused.into_iter().map(|(key, refusal)| Refused { key, refusal }).collect(),
        }
    }
}

/// Records a window, and adds what it says to what earlier ones said: the last window that a passage is in decides
/// its place, so its reasons go before theirs.
fn record_of_window(window: &OpenWindow, docs: &[DocId], said: &mut [Said]) -> WindowRecord {
    let items = &window.window.items;
    let name = |place: &usize| docs[items[*place]].clone();
    // Numbers of the whole list are places in the judgment's passages.
    let Verdict { order, orders, agreement, malformed, passages, grades } = window.verdict(&|place| items[place] + 1);
    for ((&item, passage), grades) in items.iter().zip(passages).zip(grades) {
        let Said { passage: kept, grades: all_grades } = &mut said[item];
        all_grades.extend(grades);
        kept.direct = passage.direct.or(kept.direct.take());
        kept.comparison = passage.comparison.or(kept.comparison.take());
        kept.answer_sentence = passage.answer_sentence.or(kept.answer_sentence.take());
    }
    WindowRecord {
        docs: (0..items.len()).map(|place| name(&place)).collect(),
        samples: orders.iter().map(|order| order.iter().map(name).collect()).collect(),
        order: order.iter().map(name).collect(),
        agreement,
        malformed,
    }
}

fn says_something(passage: &JudgedPassage) -> bool {
    let JudgedPassage { doc: _, grade, direct, comparison, answer_sentence } = passage;
    grade.is_some() || direct.is_some() || comparison.is_some() || answer_sentence.is_some()
}
