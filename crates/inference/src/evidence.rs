//! The evidence head: which sentence of a document carries its answer.

use r2r_model::sentence_pieces::SentencePieces;
use r2r_model::weights::WeightsError;

use crate::encoded_pair::EncodedPair;
use crate::error::InferenceError;
use crate::kernels::{Epilogue, Instructions, Operand, PackedMatrix, Precision, RowsOf, rows};
use crate::loading::Loader;
use crate::student::Student;

/// One sentence with its score.
#[derive(Clone, Debug, PartialEq)]
pub struct SentenceScore {
    /// The sentence: its bytes in the document's text, and its pieces.
    pub sentence: SentencePieces,
    /// The raw score.
    pub score: f32,
    /// Softmax over the document's sentences inside the window.
    pub probability: f32,
}

/// score = w · tanh(E e + b) + c over the mean state e of a sentence.
pub(crate) struct EvidenceHead {
    dense: PackedMatrix,
    score: PackedMatrix,
    instructions: Instructions,
}

impl EvidenceHead {
    pub(crate) fn load(loader: &Loader, d: usize) -> Result<Self, WeightsError> {
        Ok(Self {
            dense: loader.packed("reason.evidence.dense", d, d, Precision::F32)?,
            score: loader.packed("reason.evidence.score", d, 1, Precision::F32)?,
            instructions: loader.instructions,
        })
    }

    fn scores(&self, pair: &EncodedPair) -> Vec<SentenceScore> {
        let mut operand = Operand::default();
        let mut found = Vec::with_capacity(pair.sentences.len());
        for sentence in &pair.sentences {
            let mean = pair.mean_state(&sentence.pieces);
            let mut inner = vec![0f32; mean.len()];
            self.dense.multiply(
                RowsOf::dense(&mean, mean.len()),
                &mut inner,
                mean.len(),
                Epilogue::Store,
                &mut operand,
            );
            for value in &mut inner {
                *value = value.tanh();
            }
            let mut score = [0f32];
            self.score.multiply(RowsOf::dense(&inner, inner.len()), &mut score, 1, Epilogue::Store, &mut operand);
            found.push(SentenceScore { sentence: sentence.clone(), score: score[0], probability: 0.0 });
        }
        let mut probabilities: Vec<f32> = found.iter().map(|sentence| sentence.score).collect();
        rows::softmax(self.instructions, &mut probabilities);
        for (sentence, probability) in found.iter_mut().zip(probabilities) {
            sentence.probability = probability;
        }
        found
    }
}

impl Student {
    /// Scores the sentences of an encoded document, in their order; empty where it has no text in the window.
    pub fn sentence_scores(&self, pair: &EncodedPair) -> Result<Vec<SentenceScore>, InferenceError> {
        Ok(self.reason_parts()?.evidence.scores(pair))
    }

    /// The sentence with the highest score, the first among equals; `None` where there is no sentence.
    pub fn evidence(&self, pair: &EncodedPair) -> Result<Option<SentenceScore>, InferenceError> {
        let mut best: Option<SentenceScore> = None;
        for sentence in self.sentence_scores(pair)? {
            if best.as_ref().is_none_or(|best| sentence.score > best.score) {
                best = Some(sentence);
            }
        }
        Ok(best)
    }
}
