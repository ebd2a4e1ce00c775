//! Scores of documents for a query.

use r2r_model::encoding::{Limits, PairEncoding, Pieces, SingleEncoding};
use r2r_model::passage::PassageText;
use r2r_types::document::Document;

use crate::encoder::{Encoder, Keep, Sequence};
use crate::error::InferenceError;
use crate::kernels::rows;
use crate::student::Student;

/// Pieces that one thread runs through the encoder together: enough rows for the kernels, few enough for the cache.
const BLOCK_PIECES: usize = 256;

/// What a student says about one document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The raw score, by which documents are ordered.
    pub logit: f32,
    /// The rank head's part of it.
    pub head: f32,
    /// Cosine of the base encoder's vectors of query and document; `None` where the student does not use it.
    pub similarity: Option<f32>,
    /// The calibrated probability.
    pub probability: f32,
    /// Whether the document was longer than the student can read.
    pub truncated: bool,
}

impl Student {
    /// Scores documents, in their order.
    pub fn score(&self, query: &str, documents: &[&Document]) -> Result<Vec<Scored>, InferenceError> {
        let texts: Vec<PassageText<'_>> = documents.iter().map(|document| PassageText::of(document)).collect();
        let texts: Vec<&str> = texts.iter().map(|text| &*text.whole).collect();
        self.score_texts(query, &texts)
    }

    /// Scores texts, in their order; a text is what [`Document::title_and_text`] gives, or a part of it.
    pub fn score_texts(&self, query: &str, texts: &[&str]) -> Result<Vec<Scored>, InferenceError> {
        let limits = Limits::of(&self.config);
        let query = self.tokenizer.pieces(query, limits.text_pieces())?;
        let pieces = self.tokenize(texts, limits)?;
        let special = self.tokenizer.special();
        let pairs: Vec<PairEncoding> =
            pieces.iter().map(|text| PairEncoding::of(&query, text, special, limits)).collect();
        let heads = self.head_logits(&pairs);
        let similarities = self.similarities(&query, &pieces, limits);
        let mut scored = Vec::with_capacity(pairs.len());
        for (index, (pair, head)) in pairs.iter().zip(heads).enumerate() {
            let similarity = similarities.as_ref().map(|all| all[index]);
            let logit = head + similarity.map_or(0.0, |cosine| self.config.similarity_weight * cosine);
            if !logit.is_finite() {
                return Err(InferenceError::NotFinite { student: self.config.name.clone(), index, logit });
            }
            let probability = self.config.calibration.probability(logit);
            scored.push(Scored { logit, head, similarity, probability, truncated: pair.document_truncated });
        }
        Ok(scored)
    }

    /// The pieces of all texts that any pass can use.
    pub(crate) fn tokenize(&self, texts: &[&str], limits: Limits) -> Result<Vec<Pieces>, InferenceError> {
        let pieces = self.pool.map(texts, |text| self.tokenizer.pieces(text, limits.text_pieces()));
        pieces.into_iter().map(|pieces| Ok(pieces?)).collect()
    }

    /// The rank head's logits.
    fn head_logits(&self, pairs: &[PairEncoding]) -> Vec<f32> {
        let sequences: Vec<Sequence<'_>> = pairs.iter().map(Sequence::of_pair).collect();
        let d = self.config.encoder.hidden_size;
        let blocks = self.encode_blocks(&self.encoder, &sequences, Keep::First, |states, _| {
            states.chunks_exact(d).map(|first| self.head.logit(first, self.instructions)).collect::<Vec<f32>>()
        });
        blocks.concat()
    }

    /// Cosines of the base encoder's mean-pooled vectors, query and document each read alone; `None` where the
    /// student gives them no weight.
    fn similarities(&self, query: &Pieces, texts: &[Pieces], limits: Limits) -> Option<Vec<f32>> {
        if self.config.similarity_weight == 0.0 {
            return None;
        }
        let special = self.tokenizer.special();
        let singles: Vec<SingleEncoding> = std::iter::once(query)
            .chain(texts)
            .map(|text| SingleEncoding::of(text, special, limits.max_length))
            .collect();
        let zeros = vec![0; limits.max_length];
        let sequences: Vec<Sequence<'_>> =
            singles.iter().map(|single| Sequence { ids: &single.ids, type_ids: &zeros[..single.ids.len()] }).collect();
        let encoder = self.base.as_ref().unwrap_or(&self.encoder);
        let blocks =
            self.encode_blocks(encoder, &sequences, Keep::All, |states, block| self.mean_vectors(states, block));
        let vectors: Vec<Vec<f32>> = blocks.into_iter().flatten().collect();
        let (query, documents) = vectors.split_first().expect("the query is always there");
        Some(documents.iter().map(|document| self.cosine(query, document)).collect())
    }

    /// The mean state of each sequence of a block.
    fn mean_vectors(&self, states: &[f32], block: &[Sequence<'_>]) -> Vec<Vec<f32>> {
        let d = self.config.encoder.hidden_size;
        let mut rest = states;
        block
            .iter()
            .map(|sequence| {
                let (own, behind) = rest.split_at(sequence.ids.len() * d);
                rest = behind;
                mean_rows(own, d)
            })
            .collect()
    }

    fn cosine(&self, left: &[f32], right: &[f32]) -> f32 {
        let dot = |left, right| rows::dot(self.instructions, left, right);
        // Sentence-transformers guards the division in the same way.
        let norm = |vector| dot(vector, vector).sqrt().max(1e-12);
        dot(left, right) / (norm(left) * norm(right))
    }

    /// Runs sequences through an encoder in blocks spread over the threads; `read` turns the states of a block into
    /// a result. No result depends on how blocks are cut.
    pub(crate) fn encode_blocks<R: Send>(
        &self,
        encoder: &Encoder,
        sequences: &[Sequence<'_>],
        keep: Keep,
        read: impl Fn(&[f32], &[Sequence<'_>]) -> R + Sync,
    ) -> Vec<R> {
        let total: usize = sequences.iter().map(|sequence| sequence.ids.len()).sum();
        let target = BLOCK_PIECES.min(total.div_ceil(self.threads().get()));
        let mut blocks: Vec<&[Sequence<'_>]> = Vec::new();
        let (mut start, mut pieces) = (0, 0);
        for (index, sequence) in sequences.iter().enumerate() {
            pieces += sequence.ids.len();
            if pieces >= target || index + 1 == sequences.len() {
                blocks.push(&sequences[start..=index]);
                (start, pieces) = (index + 1, 0);
            }
        }
        self.pool.map(&blocks, |block| {
            self.scratch.lend(|| encoder.scratch(), |scratch| read(encoder.states(block, keep, scratch), block))
        })
    }
}

impl<'a> Sequence<'a> {
    /// The input of the joint pass.
    pub(crate) fn of_pair(pair: &'a PairEncoding) -> Self {
        Self { ids: &pair.ids, type_ids: &pair.type_ids }
    }
}

/// The mean of rows of length `d`.
pub(crate) fn mean_rows(rows: &[f32], d: usize) -> Vec<f32> {
    let mut mean = vec![0f32; d];
    for row in rows.chunks_exact(d) {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let n = (rows.len() / d) as f32;
    for sum in &mut mean {
        *sum /= n;
    }
    mean
}
