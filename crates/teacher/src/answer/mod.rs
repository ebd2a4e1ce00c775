//! A teacher's answer, read from its text: always an order, whatever the text.
//!
//! Asked for is one JSON object, with passages by their number as shown, starting at 1:
//!
//! ```json
//! {"order": [2, 1], "passages": [{"passage": 2, "grade": 3, "direct": "...", "comparison": "...", "answer_sentence": "..."}]}
//! ```
//!
//! Models think aloud first, wrap the JSON in prose or fences, write `"[2]"` for `2`, leave the order to the sequence
//! of the passages, name fields otherwise, break off, or answer `[2] > [1]`. All of that is read, in time linear in
//! the length of the text. What remains wrong is repaired and counted by kind.

mod before;
mod chain;
mod fields;
mod reading;
mod repairs;

pub use repairs::Repairs;

use crate::answer::before::{is_refusal, without_thoughts};
use crate::answer::fields::{Held, grade};
use crate::answer::reading::read;
use crate::json_in_text::json_values;
use crate::prompt::{Asked, Prompt};

/// An answer about `n` passages: an order of all of them, and what was said of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    order: Vec<usize>,
    passages: Vec<AnsweredPassage>,
    repairs: Repairs,
    /// How many grades and reasons were asked for; 0 where that is not known.
    n_asked: usize,
}

/// What was said of one passage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnsweredPassage {
    /// The grade; `None` where there is none, or no whole number.
    pub grade: Option<i32>,
    /// How the passage answers the query; never blank.
    pub direct: Option<String>,
    /// Why it stands above or below others; never blank.
    pub comparison: Option<String>,
    /// The sentence that answers the query, as quoted; never blank.
    pub answer_sentence: Option<String>,
}

impl Answer {
    /// Places of the passages as shown, from 0, best first: a permutation.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The part of the order that the answer states; the rest was missing and follows as shown.
    pub fn stated(&self) -> &[usize] {
        &self.order[..self.order.len() - self.repairs.missing]
    }

    /// What was said of each passage, in the order in which they were shown.
    pub fn passages(&self) -> &[AnsweredPassage] {
        &self.passages
    }

    /// What had to be repaired.
    pub fn repairs(&self) -> Repairs {
        self.repairs
    }

    /// Whether it cannot be used as an order: it declines, or places fewer than half of the passages.
    pub fn is_malformed(&self) -> bool {
        let n = self.order.len();
        n > 0 && (self.repairs.refused > 0 || self.stated().len() * 2 < n)
    }

    /// What a repair request says is wrong, as the end of a sentence; `None` where one is not worth its price. It is
    /// where more than a tenth of the passages have no place, or more than half of the grades and reasons that were
    /// asked for are missing. Who declines is not asked again.
    pub fn problem(&self) -> Option<String> {
        let n = self.order.len();
        let Repairs { missing, unsaid, truncated, refused, .. } = self.repairs;
        if refused > 0 {
            return None;
        }
        let broke_off = if truncated > 0 { ", and the answer broke off, so write shorter reasons" } else { "" };
        if missing == n && n > 0 {
            return Some(format!("no order of the passages could be read in it{broke_off}"));
        }
        if missing * 10 > n {
            return Some(format!("its order leaves out {missing} of the {n} passages{broke_off}"));
        }
        let lacks = unsaid * 2 > self.n_asked;
        lacks.then(|| format!("{unsaid} of {} grades and reasons are missing{broke_off}", self.n_asked))
    }
}

/// Reads an answer about `n` passages, whatever it was asked for.
pub fn read_answer(text: &str, n: usize) -> Answer {
    let answer = without_thoughts(text);
    let mut reading = read(answer, n);
    reading.repairs.thoughts = usize::from(answer.len() < text.len());
    let is_silent = n > 0 && reading.repairs.missing == n;
    reading.repairs.refused = usize::from(is_silent && is_refusal(answer));
    Answer { order: reading.order, passages: reading.passages, repairs: reading.repairs, n_asked: 0 }
}

/// Reads an answer to a prompt that showed a list of `n` passages: grades outside the prompt's scale are left out,
/// and what was asked for and not given is counted. A missing answer sentence is an answer: there may be none.
pub fn read_answer_to(prompt: &Prompt, text: &str, n: usize) -> Answer {
    let mut answer = read_answer(text, n);
    for asked in prompt.asks_of_passage() {
        let n_said = match asked {
            Asked::Order | Asked::AnswerSentence => continue,
            Asked::Grade => answer.passages.iter().filter(|passage| passage.grade.is_some()).count(),
            Asked::Direct => answer.passages.iter().filter(|passage| passage.direct.is_some()).count(),
            Asked::Comparison => answer.passages.iter().filter(|passage| passage.comparison.is_some()).count(),
        };
        answer.n_asked += n;
        answer.repairs.unsaid += n - n_said;
    }
    for passage in &mut answer.passages {
        if passage.grade.is_some_and(|grade| !(0..=prompt.top_grade()).contains(&grade)) {
            passage.grade = None;
            answer.repairs.grades_out_of_range += 1;
        }
    }
    answer
}

/// An answer about one passage by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradeAnswer {
    /// The grade, inside the prompt's scale.
    pub grade: Option<i32>,
    /// What had to be repaired; `unsaid` is 1 where there is no grade.
    pub repairs: Repairs,
}

/// Reads an answer to a prompt that showed one passage: `{"grade": 3}`, or the number alone.
pub fn read_grade(prompt: &Prompt, text: &str) -> GradeAnswer {
    let answer = without_thoughts(text);
    let mut repairs = Repairs { thoughts: usize::from(answer.len() < text.len()), ..Repairs::default() };
    let found = json_values(answer);
    let fields = found.iter().rev().find_map(|found| match &found.value {
        serde_json::Value::Object(fields) if grade(fields) != Held::Nothing => Some((fields, found.is_cut)),
        _ => None,
    });
    let stated = if let Some((fields, is_cut)) = fields {
        repairs.truncated = usize::from(is_cut);
        grade(fields)
    } else {
        repairs.without_json = 1;
        answer.trim().parse().map_or(Held::Nothing, Held::Value)
    };
    let grade = match stated {
        Held::Value(grade) if (0..=prompt.top_grade()).contains(&grade) => Some(grade),
        Held::Value(_) => {
            repairs.grades_out_of_range = 1;
            None
        }
        Held::WrongType => {
            repairs.wrong_types = 1;
            None
        }
        Held::Nothing => {
            repairs.refused = usize::from(is_refusal(answer));
            None
        }
    };
    repairs.unsaid = usize::from(grade.is_none());
    GradeAnswer { grade, repairs }
}
