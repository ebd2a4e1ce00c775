//! Pairs whose states are kept: what evidence and reasons are made from.

use std::ops::Range;

use r2r_model::encoding::{Limits, PairEncoding};
use r2r_model::pair_words::PairWords;
use r2r_model::plan::Side;
use r2r_model::sentence_pieces::{SentencePieces, sentence_pieces};
use r2r_types::document::Document;

use crate::encoder::Sequence;
use crate::error::InferenceError;
use crate::score::{Pass, mean_rows, passages, states_of_each};
use crate::student::Student;

/// A query and a document after the joint pass.
#[derive(Clone, Debug)]
pub struct EncodedPair {
    /// Pieces and their places.
    pub encoding: PairEncoding,
    /// Words inside the window.
    pub words: PairWords,
    /// Sentences inside the window, among which evidence is chosen.
    pub sentences: Vec<SentencePieces>,
    /// States of the last layer, `[L, D]`.
    states: Vec<f32>,
    hidden: usize,
}

impl EncodedPair {
    /// This document's side of a plan, with the sentence that carries its evidence.
    pub fn side(&self, evidence: Option<&SentencePieces>) -> Side<'_> {
        Side { words: &self.words, evidence: evidence.map(|sentence| sentence.whole.clone()) }
    }

    /// The mean state of a range of pieces, `[D]`.
    pub(crate) fn mean_state(&self, pieces: &Range<usize>) -> Vec<f32> {
        mean_rows(&self.states[pieces.start * self.hidden..pieces.end * self.hidden], self.hidden)
    }
}

impl Student {
    /// Runs the joint pass for documents and keeps their states: a few hundred kilobytes for each.
    pub fn encode(&self, query: &str, documents: &[&Document]) -> Result<Vec<EncodedPair>, InferenceError> {
        let limits = Limits::of(&self.config);
        let passages = passages(documents);
        let texts: Vec<&str> = passages.iter().map(|passage| &*passage.whole).collect();
        let query_pieces = self.tokenizer.pieces(query, limits.query_pieces())?;
        let pieces = self.tokenize(&texts, limits)?;
        let special = self.tokenizer.special();
        let encodings: Vec<PairEncoding> =
            pieces.iter().map(|text| PairEncoding::of(&query_pieces, text, special, limits)).collect();
        let states = self.pair_states(&encodings);
        let parts = documents.iter().zip(&passages).zip(encodings).zip(states);
        Ok(parts
            .map(|(((document, passage), encoding), states)| EncodedPair {
                words: PairWords::of(query, &passage.whole, &encoding),
                sentences: sentence_pieces(&document.text, passage, &encoding),
                states,
                hidden: self.config.encoder.hidden_size,
                encoding,
            })
            .collect())
    }

    /// States of the last layer for each pair.
    fn pair_states(&self, encodings: &[PairEncoding]) -> Vec<Vec<f32>> {
        let d = self.config.encoder.hidden_size;
        let sequences: Vec<Sequence<'_>> = encodings.iter().map(Sequence::of_pair).collect();
        let copy = |states: &[f32], block: &[Sequence<'_>]| states_of_each(states, block, d);
        let pass = Pass::through(&self.encoder, &sequences, None, &copy);
        self.run_passes(&[pass]).into_iter().flatten().collect()
    }
}
