//! Lucene's BM25, with `k1` and `b` chosen when a query is asked.
//!
//! S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009,
//! in the form of Lucene since version 8: the factor `k1 + 1`, which changes no order, is left out,
//! `idf` is positive for every term, and lengths are those of its one-byte code. Arithmetic is done
//! in the same order and precision as Lucene's, so that scores agree to the last digits.

use tantivy::fieldnorm::FieldNormReader;

/// The parameters of BM25; defaults are Anserini's, `k1 = 0.9` and `b = 0.4`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bm25 {
    /// How late repetitions of a term stop to count: 0 or more, and finite.
    pub k1: f32,
    /// How much long documents are held back: 0 (not at all) to 1.
    pub b: f32,
    /// How the terms of the query are weighted.
    pub query: QueryWeights,
}

/// How often a term of the query counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryWeights {
    /// As often as it occurs in the query: Lucene's and Anserini's bag of words.
    #[default]
    Frequency,
    /// By BM25 on the query's side as well, `idf * tf / (tf + k1 * (1 - b + b * |q| / avgdl))`, with
    /// `|q|` the terms of the query: what BRIGHT (Su et al., 2024) reports for its long queries, and
    /// Anserini calls query-side BM25. The `idf` of a term then counts twice.
    Saturated,
}

impl Default for Bm25 {
    fn default() -> Self {
        Self { k1: 0.9, b: 0.4, query: QueryWeights::Frequency }
    }
}

impl Bm25 {
    /// Whether `k1` and `b` are in their ranges, and scores therefore finite.
    pub fn is_valid(&self) -> bool {
        self.k1.is_finite() && self.k1 >= 0.0 && (0.0..=1.0).contains(&self.b)
    }

    /// What a term that occurs `count` times among the `length` terms of a query weighs.
    pub(crate) fn term_weight(&self, idf: f32, count: u32, length: usize, collection: Collection) -> f32 {
        let count = count as f32;
        match self.query {
            QueryWeights::Frequency => count * idf,
            QueryWeights::Saturated => {
                let relative_length = length as f32 / collection.average_length();
                idf * (count / (count + self.k1 * (1.0 - self.b + self.b * relative_length))) * idf
            }
        }
    }

    /// `1 / (k1 * (1 - b + b * dl / avgdl))` for each of the 256 codes of a document's length.
    pub(crate) fn inverse_norms(&self, collection: Collection) -> [f32; 256] {
        let average_length = collection.average_length();
        std::array::from_fn(|code| {
            let length = FieldNormReader::id_to_fieldnorm(code as u8) as f32;
            1.0 / (self.k1 * ((1.0 - self.b) + self.b * length / average_length))
        })
    }
}

/// What BM25 knows of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Collection {
    /// Documents that have at least one term.
    pub(crate) documents: u64,
    /// Terms of all documents, repetitions included; exact, not from the lossy lengths.
    pub(crate) terms: u64,
}

impl Collection {
    /// `ln(1 + (N - df + 0.5) / (df + 0.5))`.
    pub(crate) fn idf(self, document_frequency: u32) -> f32 {
        let df = f64::from(document_frequency);
        (1.0 + (self.documents as f64 - df + 0.5) / (df + 0.5)).ln() as f32
    }

    fn average_length(self) -> f32 {
        (self.terms as f64 / self.documents as f64) as f32
    }
}

/// `weight * tf / (tf + norm)`, written so that it never falls as `tf` grows, rounding included.
pub(crate) fn score(weight: f32, frequency: u32, inverse_norm: f32) -> f32 {
    weight - weight / (1.0 + frequency as f32 * inverse_norm)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lucene's `SmallFloat.intToByte4`, from its description: numbers below 24 are their own code, the
    /// others are 24 more than a float of three mantissa bits with an implicit leading one.
    fn lucene_code(length: u32) -> u8 {
        let float = |number: u32| {
            let bits = 32 - number.leading_zeros();
            if bits < 4 { number } else { ((number >> (bits - 4)) & 7) | ((bits - 3) << 3) }
        };
        if length < 24 { length as u8 } else { 24 + float(length - 24) as u8 }
    }

    #[test]
    fn lengths_have_the_code_of_lucene() {
        for length in (0..100_000).chain((100_000..2_000_000_000).step_by(99_991)).chain([i32::MAX as u32]) {
            assert_eq!(FieldNormReader::fieldnorm_to_id(length), lucene_code(length), "length {length}");
        }
    }

    #[test]
    fn parameters_out_of_range_are_told() {
        let with = |k1, b| Bm25 { k1, b, ..Bm25::default() };
        assert!(Bm25::default().is_valid() && with(0.0, 0.0).is_valid() && with(3.0, 1.0).is_valid());
        for (k1, b) in [(-0.1, 0.4), (f32::NAN, 0.4), (f32::INFINITY, 0.4), (0.9, -0.1), (0.9, 1.1), (0.9, f32::NAN)] {
            assert!(!with(k1, b).is_valid(), "k1 {k1}, b {b}");
        }
    }

    proptest! {
        #[test]
        fn scores_rise_with_frequency_and_fall_with_length(
            k1 in 0.0f32..5.0, b in 0.0f32..=1.0, frequency in 1u32..1000, code in 1usize..255,
        ) {
            let collection = Collection { documents: 1000, terms: 60_000 };
            let norms = Bm25 { k1, b, ..Bm25::default() }.inverse_norms(collection);
            let here = score(1.0, frequency, norms[code]);
            prop_assert!((0.0..=1.0).contains(&here));
            prop_assert!(score(1.0, frequency + 1, norms[code]) >= here);
            prop_assert!(score(1.0, frequency, norms[code + 1]) <= here);
        }

        #[test]
        fn rare_terms_weigh_more_and_none_weighs_nothing(df in 1u32..999) {
            let collection = Collection { documents: 1000, terms: 60_000 };
            prop_assert!(collection.idf(df) > collection.idf(df + 1));
            prop_assert!(collection.idf(1000) > 0.0);
        }
    }
}
