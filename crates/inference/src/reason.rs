//! Reasons in words, each word with the place it came from.

use r2r_model::plan::{MemoryWord, Plan, Segment, Step};
use r2r_model::prose;
use r2r_model::reasons::OTHER_WORD;

use crate::beam::{Writer, write_together};
use crate::encoded_pair::EncodedPair;
use crate::error::InferenceError;
use crate::reason_decoder::{ReasonDecoder, Running};
use crate::student::Student;

/// A reason to be written.
#[derive(Clone, Copy, Debug)]
pub struct ReasonRequest<'a> {
    /// What it is about.
    pub plan: &'a Plan,
    /// The explained document, of which the plan was made.
    pub document: &'a EncodedPair,
    /// The document it is compared with, of which the plan was made; `None` in a direct reason.
    pub neighbor: Option<&'a EncodedPair>,
}

/// Where a word came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The vocabulary of reasons, by id.
    Vocabulary(u32),
    /// A source word, by its index in the plan's memory.
    Source(usize),
}

/// One word of a reason.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonWord {
    /// Lower-case form.
    pub lower: String,
    /// As the sources write it; lower-case where they do not have it.
    pub written: String,
    /// The likeliest of the places it may have come from.
    pub origin: Origin,
    /// Its probability, all those places together.
    pub probability: f32,
}

/// A reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// Its words, in order.
    pub words: Vec<ReasonWord>,
    /// Whether it came to its end before the limit of words.
    pub complete: bool,
}

impl Reason {
    /// The reason as prose; `other` is how the neighbor is called in it ("the other passage").
    pub fn text(&self, other: &str) -> String {
        let words: Vec<&str> = self
            .words
            .iter()
            .map(|word| if word.lower == OTHER_WORD { other } else { word.written.as_str() })
            .collect();
        prose::join(&words)
    }

    /// Mean of the log-probabilities of its words: how sure the student is of it; 0 for no words.
    pub fn mean_log_probability(&self) -> f32 {
        let sum: f32 = self.words.iter().map(|word| word.probability.ln()).sum();
        sum / self.words.len().max(1) as f32
    }
}

impl Student {
    /// Writes reasons by beam search, in the order of the requests.
    ///
    /// # Panics
    /// Where a plan was made of other pairs than the request's.
    pub fn write_reasons(&self, requests: &[ReasonRequest<'_>]) -> Result<Vec<Reason>, InferenceError> {
        let parts = self.reason_parts()?;
        let size = requests.len().div_ceil(self.threads().get()).max(1);
        let groups: Vec<&[ReasonRequest<'_>]> = requests.chunks(size).collect();
        let written = self.pool.map(&groups, |group| {
            let begin = |request: &ReasonRequest<'_>| begin(&parts.decoder, request);
            let mut writers: Vec<Writer<'_>> = group
                .iter()
                .map(|request| Writer::new(request.plan, &parts.vocabulary, begin(request), self.wordings))
                .collect();
            write_together(&parts.decoder, self.instructions(), &mut writers);
            writers.into_iter().map(Writer::into_reason).collect::<Vec<Reason>>()
        });
        Ok(written.concat())
    }

    /// The raw logits before each of the given lower-case words and behind the last: for each step the V entries of
    /// the vocabulary, then the plan's source words. Compares this engine with training, and scores a given reason.
    ///
    /// # Panics
    /// Where the plan was made of other pairs than the request's, or the words are more than the decoder's positions.
    pub fn reason_logits(&self, request: &ReasonRequest<'_>, words: &[&str]) -> Result<Vec<Vec<f32>>, InferenceError> {
        let parts = self.reason_parts()?;
        let mut running = begin(&parts.decoder, request);
        let mut read = |step: Step| parts.decoder.step(&mut [&mut running], &[step]).remove(0);
        let [kind, grade] = request.plan.controls().map(Step::control);
        read(kind);
        let mut logits = vec![read(grade)];
        let mut step = grade;
        for word in words {
            step = request.plan.step(word, &step, &parts.vocabulary);
            logits.push(read(step));
        }
        Ok(logits)
    }
}

/// The decoder over a request's source words.
fn begin(decoder: &ReasonDecoder, request: &ReasonRequest<'_>) -> Running {
    let state = |word: &MemoryWord| match word.segment {
        Segment::Query | Segment::Document => request.document.mean_state(&word.pieces),
        Segment::Neighbor => {
            let neighbor = request.neighbor.expect("the request of a plan with neighbor words names the neighbor");
            neighbor.mean_state(&word.pieces)
        }
    };
    let states: Vec<f32> = request.plan.memory.iter().flat_map(state).collect();
    decoder.begin(&request.plan.memory, &states)
}
