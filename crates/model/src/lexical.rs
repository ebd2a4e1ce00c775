//! How much of a query's words a document has, rare pieces counted more: BM25 (Robertson and Zaragoza, 2009) over word
//! pieces, without its length term, as a share of the query's weight.
//!
//! A small encoder forgives a missing name or number too easily; the words themselves do not.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::weights::{NamedTensor, Weights, WeightsError};

/// The one tensor of the file, `[V]`.
const IDF: &str = "idf";
/// How soon further occurrences stop to count: BM25's `k1`, the default of our retrieval.
const K1: f32 = 0.9;

/// The weights of word pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct LexicalMatch {
    /// Inverse document frequency of each piece, `[V]`.
    idf: Vec<f32>,
}

impl LexicalMatch {
    /// Counts in how many texts each of `vocabulary` pieces occurs: idf = ln(1 + (N - df + ½) / (df + ½)), as Lucene.
    pub fn of_texts<'a>(texts: impl Iterator<Item = &'a [u32]>, vocabulary: usize) -> Self {
        let mut df = vec![0u32; vocabulary];
        let mut n_texts = 0u32;
        for text in texts {
            n_texts += 1;
            let pieces: HashSet<u32> = text.iter().copied().collect();
            for piece in pieces {
                df[piece as usize] += 1;
            }
        }
        let idf = |df: &u32| (1.0 + (f64::from(n_texts - df) + 0.5) / (f64::from(*df) + 0.5)).ln() as f32;
        Self { idf: df.iter().map(idf).collect() }
    }

    /// Reads the weights of `vocabulary` pieces.
    pub fn read(path: &Path, vocabulary: usize) -> Result<Self, WeightsError> {
        let idf = Weights::read(path)?.take(IDF, &[vocabulary])?;
        Ok(Self { idf })
    }

    /// The weights as tensors, for writing.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.insert(IDF, NamedTensor::new(vec![self.idf.len()], self.idf.clone()));
        weights
    }

    /// The share of the query's weight that the document has: 0 without a common piece, 1 where each piece of the query
    /// occurs once, below 1.9 where they occur often. A query without pieces has 0.
    pub fn score(&self, query: &[u32], document: &[u32]) -> f32 {
        let mut frequencies: HashMap<u32, f32> = query.iter().map(|piece| (*piece, 0.0)).collect();
        for piece in document {
            if let Some(frequency) = frequencies.get_mut(piece) {
                *frequency += 1.0;
            }
        }
        let (mut found, mut whole) = (0.0, 0.0);
        for piece in query {
            let (tf, idf) = (frequencies[piece], self.idf[*piece as usize]);
            found += idf * tf * (K1 + 1.0) / (tf + K1);
            whole += idf;
        }
        if whole > 0.0 { found / whole } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f32, right: f32) -> bool {
        (left - right).abs() < 1e-6
    }

    #[test]
    fn a_rare_piece_counts_more_and_a_second_occurrence_less() {
        let texts: [&[u32]; 4] = [&[1, 2], &[1, 1, 3], &[1], &[1, 2]];
        let lexical = LexicalMatch::of_texts(texts.into_iter(), 5);
        for (piece, ratio) in [(1, 0.5 / 4.5), (2, 2.5 / 2.5), (3, 3.5 / 1.5), (4, 4.5 / 0.5)] {
            assert!(close(lexical.idf[piece], (1f32 + ratio).ln()), "{piece}: {}", lexical.idf[piece]);
        }
        assert!(lexical.score(&[1, 3], &[3]) > lexical.score(&[1, 3], &[1]));
        assert!(close(lexical.score(&[1, 3], &[3, 1]), 1.0));
        assert!(close(lexical.score(&[3], &[3, 3, 0]), 2.0 * 1.9 / 2.9));
    }

    #[test]
    fn nothing_in_common_is_zero() {
        let lexical = LexicalMatch::of_texts([&[1u32, 2][..]].into_iter(), 5);
        assert!(close(lexical.score(&[1], &[2, 3]), 0.0));
        assert!(close(lexical.score(&[], &[2, 3]), 0.0));
        assert!(close(lexical.score(&[1], &[]), 0.0));
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lexical.safetensors");
        let lexical = LexicalMatch::of_texts([&[1u32, 2][..], &[2]].into_iter(), 5);
        lexical.weights().write(&path, crate::config::WeightFormat::F32).unwrap();
        assert_eq!(LexicalMatch::read(&path, 5).unwrap(), lexical);
        assert!(LexicalMatch::read(&path, 6).is_err());
    }
}
