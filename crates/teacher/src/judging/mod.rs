//! The judging of one query, as a state machine without a network: it says what to ask, is told what was answered, and
//! ends in a record. Direct requests, batches, recorded answers and tests all drive the same machine.
//!
//! ```
//! use std::sync::Arc;
//!
//! use r2r_teacher::judging::{JudgeOptions, Judging};
//! use r2r_teacher::prompt::Prompt;
//! use r2r_types::{Candidate, Candidates, Document, Query};
//!
//! let document = |id: &str| Arc::new(Document { id: id.into(), title: String::new(), text: format!("On {id}.") });
//! let candidates = Candidates {
//!     query: Arc::new(Query { id: "q".into(), text: "oaks".into() }),
//!     list: ["ash", "oak"].map(|id| Candidate { document: document(id), score: 1.0 }).to_vec(),
//! };
//! let options = JudgeOptions { model: "some-model".into(), ..JudgeOptions::default() };
//! let mut judging = Judging::new(&candidates, &options, &Prompt::built_in("none")?, 13)?;
//! loop {
//!     let asks = judging.next();
//!     if asks.is_empty() {
//!         break;
//!     }
//!     for ask in asks {
//!         // Here ask.request is sent, or looked up under ask.key.
//!         let number = 1 + ask.shown.iter().position(|doc| doc.as_str() == "oak").expect("all are shown");
//!         judging.answer(&ask.key, Ok(&format!("{{\"order\": [{number}, {}]}}", 3 - number)))?;
//!     }
//! }
//! let record = judging.finish();
//! assert_eq!(record.judgment.ranking, ["oak".into(), "ash".into()]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod finish;
mod options;
mod record;
mod request;
mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use r2r_types::candidates::Candidates;
use r2r_types::document::Document;
use r2r_types::id::DocId;

pub use ask::{Ask, AskKey, Outcome, Purpose, Refusal};
pub use options::{JudgeOptions, JudgingError};
pub use record::{AnswerCounts, JudgmentRecord, PointwiseGrade, Refused, WindowRecord};

use crate::answer::{Repairs, read_answer_to, read_grade};
use crate::judging::request::{presentation, repair, request};
use crate::judging::window::{OpenWindow, Sample, SampleState, is_no_worse};
use crate::prompt::{Prompt, PromptKind};
use crate::windows::{Course, Window};

/// The judging of one query.
#[derive(Clone, Debug)]
pub struct Judging {
    candidates: Candidates,
    options: JudgeOptions,
    prompt: Prompt,
    seed: u64,
    course: Course,
    /// Windows with a sample that waits, by number.
    open: HashMap<usize, OpenWindow>,
    /// Windows whose samples have all ended, by number.
    closed: BTreeMap<usize, OpenWindow>,
    /// What waits to be handed out.
    ready: Vec<(Ask, Slot)>,
    /// What was handed out and has no answer yet.
    waiting: HashMap<AskKey, (Ask, Slot)>,
    grading: Option<Prompt>,
    /// By candidate: its grade by itself.
    pointwise: Vec<Option<i32>>,
    repairs: Repairs,
    counts: AnswerCounts,
    used: BTreeSet<AskKey>,
    refused: BTreeMap<AskKey, Refusal>,
}

/// Where an answer belongs.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Sample { window: usize, sample: usize },
    Grade { candidate: usize },
}

/// Why a sample or a grade has ended without an answer that can be used.
#[derive(Clone, Copy, Debug)]
enum Lack {
    Declined,
    Failed,
    Unusable,
}

impl Judging {
    /// Starts the judging of a query's candidates; `seed` decides the orders in which passages are shown.
    pub fn new(
        candidates: &Candidates,
        options: &JudgeOptions,
        prompt: &Prompt,
        seed: u64,
    ) -> Result<Self, JudgingError> {
        options.check()?;
        of_kind(prompt, PromptKind::List)?;
        Ok(Self {
            candidates: candidates.clone(),
            options: options.clone(),
            prompt: prompt.clone(),
            seed,
            course: options.windows.start(candidates.list.len())?,
            open: HashMap::new(),
            closed: BTreeMap::new(),
            ready: Vec::new(),
            waiting: HashMap::new(),
            grading: None,
            pointwise: Vec::new(),
            repairs: Repairs::default(),
            counts: AnswerCounts::default(),
            used: BTreeSet::new(),
            refused: BTreeMap::new(),
        })
    }

    /// Has the first `grade_depth` candidates graded by themselves too, with a prompt for single passages. The grades
    /// check the order; they stand in the judgment where the list's own answers have none. To be called before the
    /// first [`next`](Self::next).
    pub fn with_grades(mut self, prompt: &Prompt) -> Result<Self, JudgingError> {
        of_kind(prompt, PromptKind::Passage)?;
        let n_graded = self.options.grade_depth.min(self.candidates.list.len());
        self.pointwise = vec![None; n_graded];
        self.ready.clear();
        for candidate in 0..n_graded {
            let document = &*self.candidates.list[candidate].document;
            self.ready.push((self.ask(prompt, &[document], Purpose::Grade, 0), Slot::Grade { candidate }));
        }
        self.grading = Some(prompt.clone());
        Ok(self)
    }

    /// What can be asked now and was not handed out before, in any order and at the same time. Empty while answers
    /// are awaited, and when nothing is left.
    #[expect(clippy::should_implement_trait, reason = "an iterator would say that nothing comes after the empty list")]
    pub fn next(&mut self) -> Vec<Ask> {
        for window in self.course.ready() {
            self.open(window);
        }
        let mut asks = Vec::with_capacity(self.ready.len());
        for (ask, slot) in self.ready.drain(..) {
            self.counts.asked += 1;
            self.counts.repair_requests += usize::from(ask.is_repair);
            asks.push(ask.clone());
            self.waiting.insert(ask.key.clone(), (ask, slot));
        }
        asks
    }

    /// Takes the answer to a request, or what came in its place.
    ///
    /// # Errors
    /// `UnknownKey` where no such request is waiting.
    pub fn answer(&mut self, key: &AskKey, answer: Result<&str, Refusal>) -> Result<Outcome, JudgingError> {
        let (ask, slot) = self.waiting.remove(key).ok_or_else(|| JudgingError::UnknownKey(key.as_str().to_owned()))?;
        let answer = answer.map_err(|refusal| {
            let lack = match refusal {
                Refusal::Declined(_) => Lack::Declined,
                Refusal::Failed(_) => Lack::Failed,
            };
            self.refused.insert(key.clone(), refusal);
            lack
        });
        Ok(match slot {
            Slot::Sample { window, sample } => {
                let outcome = self.answer_sample(&ask, window, sample, answer);
                self.close_if_ended(window);
                outcome
            }
            Slot::Grade { candidate } => self.answer_grade(&ask, candidate, answer),
        })
    }

    /// Whether nothing is left to ask, and no answer is awaited.
    pub fn is_done(&self) -> bool {
        self.ready.is_empty() && self.waiting.is_empty() && self.course.is_done()
    }

    /// How many requests there were so far, and what became of them.
    pub fn counts(&self) -> AnswerCounts {
        self.counts
    }

    /// What was repaired so far in answers that are used, by kind.
    pub fn repairs(&self) -> Repairs {
        self.repairs
    }

    /// How many windows have their order.
    pub fn windows_done(&self) -> usize {
        self.closed.len()
    }

    /// Makes the requests of a window.
    fn open(&mut self, window: Window) {
        let mut samples = Vec::with_capacity(self.options.samples);
        for sample in 0..self.options.samples {
            let docs: Vec<&Document> = window.items.iter().map(|&item| &*self.candidates.list[item].document).collect();
            let shown = if self.options.shuffle {
                presentation(&self.candidates.query, &docs, self.seed, sample)
            } else {
                (0..docs.len()).collect()
            };
            let docs: Vec<&Document> = shown.iter().map(|&place| docs[place]).collect();
            let ask = self.ask(&self.prompt, &docs, Purpose::List(window.id), sample);
            self.ready.push((ask, Slot::Sample { window: window.id, sample }));
            samples.push(Sample { shown, state: SampleState::Waiting { first: None } });
        }
        self.open.insert(window.id, OpenWindow { window, samples });
    }

    fn ask(&self, prompt: &Prompt, shown: &[&Document], purpose: Purpose, sample: usize) -> Ask {
        let messages = prompt.render(&self.candidates.query, shown);
        let shown: Vec<DocId> = shown.iter().map(|document| document.id.clone()).collect();
        let request = request(&self.options, messages, &shown, self.seed, sample);
        let key = AskKey::of(prompt, &request, &shown, sample);
        Ask { key, request, shown, purpose, sample, is_repair: false }
    }

    fn answer_sample(&mut self, ask: &Ask, window: usize, sample: usize, answer: Result<&str, Lack>) -> Outcome {
        let open = self.open.get_mut(&window).expect("a window is open while a sample of it is waiting");
        let state = &mut open.samples[sample].state;
        let SampleState::Waiting { first } = std::mem::replace(state, SampleState::Malformed) else {
            unreachable!("only the request of a sample that waits was waiting")
        };
        let (best, lack) = match answer {
            Ok(text) => {
                let read = read_answer_to(&self.prompt, text, ask.shown.len());
                if let (Some(problem), true, false) = (read.problem(), self.options.ask_again, ask.is_repair) {
                    let again = repair(ask, &self.prompt, text, &problem);
                    *state = SampleState::Waiting { first: Some((ask.key.clone(), read)) };
                    self.ready.push((again, Slot::Sample { window, sample }));
                    return Outcome::AskedAgain;
                }
                let lack = if read.repairs().refused > 0 { Lack::Declined } else { Lack::Unusable };
                let best = first.filter(|(_, first)| !is_no_worse(&read, first));
                (Some(best.unwrap_or_else(|| (ask.key.clone(), read))), lack)
            }
            Err(lack) => (first, lack),
        };
        if let Some((_, answer)) = &best {
            self.repairs += answer.repairs();
        }
        match best.filter(|(_, answer)| !answer.is_malformed()) {
            Some((key, answer)) => {
                *state = SampleState::Answered(answer);
                self.use_answer(key)
            }
            // The state says so already.
            None => self.go_without(lack),
        }
    }

    fn answer_grade(&mut self, ask: &Ask, candidate: usize, answer: Result<&str, Lack>) -> Outcome {
        let prompt = self.grading.as_ref().expect("grades are asked only where there is a prompt for them");
        let text = match answer {
            Ok(text) => text,
            Err(lack) => return self.go_without(lack),
        };
        let read = read_grade(prompt, text);
        let is_declined = read.repairs.refused > 0;
        if read.grade.is_none() && !is_declined && self.options.ask_again && !ask.is_repair {
            let problem = format!("it holds no whole grade from 0 to {}", prompt.top_grade());
            let again = repair(ask, prompt, text, &problem);
            self.ready.push((again, Slot::Grade { candidate }));
            return Outcome::AskedAgain;
        }
        self.repairs += read.repairs;
        self.pointwise[candidate] = read.grade;
        match (read.grade, is_declined) {
            (Some(_), _) => self.use_answer(ask.key.clone()),
            (None, true) => self.go_without(Lack::Declined),
            (None, false) => self.go_without(Lack::Unusable),
        }
    }

    fn use_answer(&mut self, key: AskKey) -> Outcome {
        self.counts.used += 1;
        self.used.insert(key);
        Outcome::Used
    }

    fn go_without(&mut self, lack: Lack) -> Outcome {
        self.counts.malformed += 1;
        match lack {
            Lack::Declined => self.counts.declined += 1,
            Lack::Failed => self.counts.failed += 1,
            Lack::Unusable => {}
        }
        Outcome::Malformed
    }

    /// Where all samples of a window have ended, its order is placed, which opens others.
    fn close_if_ended(&mut self, window: usize) {
        if self.open[&window].is_waiting() {
            return;
        }
        let open = self.open.remove(&window).expect("it was found just now");
        let order = open.order();
        self.counts.windows_kept += usize::from(!open.has_answer());
        self.closed.insert(window, open);
        self.course.place(window, order);
    }
}

fn of_kind(prompt: &Prompt, needed: PromptKind) -> Result<(), JudgingError> {
    if prompt.kind() == needed {
        return Ok(());
    }
    Err(JudgingError::Kind { name: prompt.name().to_owned(), found: prompt.kind(), needed })
}
