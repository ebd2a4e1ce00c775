//! Adds the scores of a query's terms, one window of documents after the other.
//!
//! Term after term adds to one small array, which stays in the cache, instead of all terms moving
//! together from document to document: the way Lucene scores disjunctions. Windows in which no term
//! occurs are skipped.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::BlockSegmentPostings;

use crate::bm25::score;
use crate::top::{Scored, Top};

/// Documents of a window; a multiple of 64.
const WINDOW: usize = 4096;

/// The postings of one term of a query, read from the front to the back.
pub(crate) struct TermPostings {
    weight: f32,
    postings: BlockSegmentPostings,
    /// The first document of the block that was not read yet.
    next: usize,
}

impl TermPostings {
    pub(crate) fn new(weight: f32, postings: BlockSegmentPostings) -> Self {
        Self { weight, postings, next: 0 }
    }

    /// The next document that has the term; `None` at the end.
    fn place(&self) -> Option<u32> {
        self.postings.docs().get(self.next).copied()
    }

    /// Adds the scores of the documents that lie in the window.
    fn add_to(&mut self, window: &mut Window, lengths: &FieldNormReader, inverse_norms: &[f32; 256]) {
        while !self.postings.docs().is_empty() {
            let documents = self.postings.docs()[self.next..].iter().zip(&self.postings.freqs()[self.next..]);
            for (&place, &frequency) in documents {
                let Some(slot) = window.slot(place) else { return };
                let inverse_norm = inverse_norms[usize::from(lengths.fieldnorm_id(place))];
                window.add(slot, score(self.weight, frequency, inverse_norm));
                self.next += 1;
            }
            self.postings.advance();
            self.next = 0;
        }
    }
}

/// The best documents of a disjunction of terms.
pub(crate) fn best(
    mut terms: Vec<TermPostings>,
    lengths: &FieldNormReader,
    inverse_norms: &[f32; 256],
    mut top: Top,
) -> Vec<Scored> {
    let mut window = Window::new();
    while let Some(first) = terms.iter().filter_map(TermPostings::place).min() {
        window.first = first;
        for term in &mut terms {
            term.add_to(&mut window, lengths, inverse_norms);
        }
        window.drain(&mut top);
    }
    top.into_best_first()
}

/// Scores of the documents `first..first + WINDOW`.
struct Window {
    first: u32,
    /// 64-bit sums of 32-bit scores, as in Lucene: the order of the terms does not show.
    scores: Vec<f64>,
    /// A bit for each document that has a score.
    scored: [u64; WINDOW / 64],
}

impl Window {
    fn new() -> Self {
        Self { first: 0, scores: vec![0.0; WINDOW], scored: [0; WINDOW / 64] }
    }

    /// Where a document at or behind the window's first stands; `None` where it lies behind the window.
    fn slot(&self, place: u32) -> Option<usize> {
        let slot = (place - self.first) as usize;
        (slot < WINDOW).then_some(slot)
    }

    fn add(&mut self, slot: usize, score: f32) {
        self.scores[slot] += f64::from(score);
        self.scored[slot / 64] |= 1 << (slot % 64);
    }

    /// Offers every scored document, in order, and empties the window.
    fn drain(&mut self, top: &mut Top) {
        for (word, bits) in self.scored.iter_mut().enumerate() {
            while *bits != 0 {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                let score = std::mem::take(&mut self.scores[slot]) as f32;
                top.offer(Scored { place: self.first + slot as u32, score });
            }
        }
    }
}
