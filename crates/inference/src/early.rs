//! Documents that will not be among the best are stopped behind some of the layers.
//!
//! All documents go through the first layers of the joint pass. A linear exit head foresees their final logits from the
//! states there; those far below the N-th best foreseen one are stopped, the others go on from where they are.

use std::num::NonZeroUsize;

use r2r_model::config::StudentConfig;
use r2r_model::early::{EXIT_BIAS, EXIT_PLACES, EXIT_WEIGHT};
use r2r_model::encoding::PairEncoding;
use r2r_model::folder::{FolderError, StudentFolder};
use r2r_types::document::Document;

use crate::encoder::{Sequence, Stretch};
use crate::error::InferenceError;
use crate::kernels::{Instructions, rows};
use crate::score::{Begun, Pass, Scored, TokenizedList, mean_rows, passages, states_of_each};
use crate::student::Student;

/// Documents whose states are in memory at the same time before the first of them are stopped: those of a hundred are
/// some ten megabytes.
const GROUP: usize = 128;

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decided {
    /// It was scored to the end.
    Finished(Scored),
    /// It was stopped; this is the logit that was foreseen.
    Stopped(f32),
}

/// What an exit head reads of a pair, and how long the inputs of the two passes are.
#[derive(Clone, Debug, PartialEq)]
pub struct PairFeatures {
    /// States of `[CLS]`, query and document, `[3D]`.
    pub features: Vec<f32>,
    /// The part of the logit that needs no encoder.
    pub known: f32,
    /// Pieces of the joint pass.
    pub pair_pieces: usize,
    /// Pieces of the document's own pass.
    pub text_pieces: usize,
}

/// Foresees a document's logit, less its known part, behind some layers.
pub(crate) struct ExitHead {
    /// How many layers.
    layers: usize,
    /// How far below the N-th best foreseen logit a document is stopped.
    margin: f32,
    /// For the states of `[CLS]`, query and document, `[3D]`.
    weight: Vec<f32>,
    bias: f32,
}

impl ExitHead {
    /// Reads the head of a student that has one.
    pub(crate) fn load(folder: &StudentFolder, config: &StudentConfig) -> Result<Option<Self>, FolderError> {
        let Some(early) = config.early else { return Ok(None) };
        let weights = folder.exit_head()?;
        let weight = weights.tensor(EXIT_WEIGHT, &[1, EXIT_PLACES * config.encoder.hidden_size])?;
        let bias = weights.tensor(EXIT_BIAS, &[1])?[0];
        Ok(Some(Self { layers: early.layers, margin: early.margin, weight, bias }))
    }

    fn foreseen(&self, features: &[f32], instructions: Instructions) -> f32 {
        rows::dot(instructions, features, &self.weight) + self.bias
    }
}

/// A document that is still in the race.
struct Open {
    /// Its place in the list.
    place: usize,
    foreseen: f32,
    /// Its states behind the first layers.
    states: Vec<f32>,
}

impl Student {
    /// Scores documents, in their order, but stops those that will not be among the best `n`.
    pub fn score_early(
        &self,
        query: &str,
        documents: &[&Document],
        n: NonZeroUsize,
    ) -> Result<Vec<Decided>, InferenceError> {
        let passages = passages(documents);
        let texts: Vec<&str> = passages.iter().map(|passage| &*passage.whole).collect();
        self.score_texts_early(query, &texts, n)
    }

    /// The same for texts.
    pub fn score_texts_early(
        &self,
        query: &str,
        texts: &[&str],
        n: NonZeroUsize,
    ) -> Result<Vec<Decided>, InferenceError> {
        let no_head = || InferenceError::NoExitHead { student: self.config.name.clone() };
        let head = self.exit_head.as_ref().ok_or_else(no_head)?;
        let list = self.tokenize_list(query, texts)?;
        let mut decided = Vec::with_capacity(texts.len());
        let mut open: Vec<Open> = Vec::new();
        for (group, pairs) in list.pairs.chunks(GROUP).enumerate() {
            let states = self.first_states(pairs, head.layers);
            for (index, (pair, states)) in pairs.iter().zip(states).enumerate() {
                let features = self.exit_features_of(pair, &states);
                let foreseen = head.foreseen(&features, self.instructions) + self.known_part(pair);
                let place = group * GROUP + index;
                if !foreseen.is_finite() {
                    return Err(InferenceError::NotFinite {
                        student: self.config.name.clone(),
                        index: place,
                        logit: foreseen,
                    });
                }
                decided.push(Decided::Stopped(foreseen));
                open.push(Open { place, foreseen, states });
            }
            // The bar only rises: who is below it now would be at the end.
            let bar = bar(&decided, n) - head.margin;
            open.retain(|document| document.foreseen >= bar);
        }
        let (places, states): (Vec<usize>, Vec<Vec<f32>>) =
            open.into_iter().map(|document| (document.place, document.states)).unzip();
        let begun = Begun { layers: head.layers, states };
        let open = list.only(&places);
        let scored = self.scored(&[&open], Some(&begun)).map_err(|error| error.at_places(&places))?;
        for (place, scored) in places.into_iter().zip(scored.into_iter().flatten()) {
            decided[place] = Decided::Finished(scored);
        }
        Ok(decided)
    }

    /// What an exit head behind some layers reads of each document: what one is fitted on.
    pub fn exit_features(
        &self,
        query: &str,
        documents: &[&Document],
        layers: usize,
    ) -> Result<Vec<PairFeatures>, InferenceError> {
        let passages = passages(documents);
        let texts: Vec<&str> = passages.iter().map(|passage| &*passage.whole).collect();
        let TokenizedList { texts, pairs, .. } = self.tokenize_list(query, &texts)?;
        let states = self.first_states(&pairs, layers);
        let parts = pairs.iter().zip(&texts).zip(states);
        Ok(parts
            .map(|((pair, text), states)| PairFeatures {
                features: self.exit_features_of(pair, &states),
                known: self.known_part(pair),
                pair_pieces: pair.ids.len(),
                // `[CLS]` and `[SEP]` around it.
                text_pieces: (text.ids.len() + 2).min(self.config.max_length),
            })
            .collect())
    }

    /// The states of pairs behind the first layers of the joint pass.
    fn first_states(&self, pairs: &[PairEncoding], layers: usize) -> Vec<Vec<f32>> {
        let d = self.config.encoder.hidden_size;
        let sequences: Vec<Sequence<'_>> = pairs.iter().map(Sequence::of_pair).collect();
        let copy = |states: &[f32], block: &[Sequence<'_>]| states_of_each(states, block, d);
        let stretch = Stretch { layers: 0..layers, before: None };
        let pass = Pass { stretch, ..Pass::through(&self.encoder, &sequences, None, &copy) };
        self.run_passes(&[pass]).into_iter().flatten().collect()
    }

    /// The part of a pair's logit that needs no encoder: what its words in common count.
    fn known_part(&self, pair: &PairEncoding) -> f32 {
        self.lexical_of(pair).map_or(0.0, |share| self.config.lexical_weight * share)
    }

    fn exit_features_of(&self, pair: &PairEncoding, states: &[f32]) -> Vec<f32> {
        let d = self.config.encoder.hidden_size;
        let mut features = Vec::with_capacity(EXIT_PLACES * d);
        features.extend_from_slice(&states[..d]);
        for part in [&pair.query, &pair.document] {
            // Of a text without pieces, its separator.
            let part = part.start..part.end.max(part.start + 1);
            features.extend(mean_rows(&states[part.start * d..part.end * d], d));
        }
        features
    }
}

/// The n-th best foreseen logit so far; below all where there are fewer.
fn bar(decided: &[Decided], n: NonZeroUsize) -> f32 {
    let mut foreseen: Vec<f32> = decided
        .iter()
        .map(|decided| match decided {
            Decided::Finished(scored) => scored.logit,
            Decided::Stopped(foreseen) => *foreseen,
        })
        .collect();
    if foreseen.len() < n.get() {
        return f32::NEG_INFINITY;
    }
    let (_, bar, _) = foreseen.select_nth_unstable_by(n.get() - 1, |a, b| b.total_cmp(a));
    *bar
}

impl TokenizedList {
    /// The list with some of its texts.
    fn only(self, places: &[usize]) -> Self {
        let (mut texts, mut pairs) = (self.texts, self.pairs);
        Self {
            query: self.query,
            texts: places.iter().map(|place| std::mem::take(&mut texts[*place])).collect(),
            pairs: places.iter().map(|place| std::mem::take(&mut pairs[*place])).collect(),
        }
    }
}

impl InferenceError {
    /// The error about a list, where only the documents at some places of it were scored.
    fn at_places(self, places: &[usize]) -> Self {
        match self {
            Self::NotFinite { student, index, logit } => Self::NotFinite { student, index: places[index], logit },
            other => other,
        }
    }
}
