//! The base's cosine similarities of query and passage: constants of the training, each computed once.

use r2r_model::tokenizer::TokenizerError;
use r2r_types::example::DistillationExample;

use crate::batch::{Batch, Encoding};
use crate::compute::Compute;
use crate::encoder::PackedPieces;
use crate::head::cosine;
use crate::lists::NumberedSample;
use crate::student::Student;

/// Pieces of one pass of the base.
const TOKENS_A_PASS: usize = 2048;

/// Similarities of all passages of some examples, computed when they are first needed.
#[derive(Clone, Debug, Default)]
pub struct Similarities {
    /// Similarity of each passage, example after example; NaN where it is not known yet.
    values: Vec<f32>,
    /// Where each example begins.
    starts: Vec<usize>,
}

/// One text that the base reads.
struct Text {
    ids: Vec<u32>,
    types: Vec<u32>,
}

impl Similarities {
    /// None is known yet.
    pub fn unknown(examples: &[DistillationExample]) -> Self {
        let mut starts = Vec::with_capacity(examples.len());
        let mut end = 0;
        for example in examples {
            starts.push(end);
            end += example.passages.len();
        }
        Self { values: vec![f32::NAN; end], starts }
    }

    /// All values, NaN where unknown: what a checkpoint keeps.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Goes on from the values of a checkpoint; `false` where they are of other examples.
    pub fn restore(&mut self, values: Vec<f32>) -> bool {
        let fits = values.len() == self.values.len();
        if fits {
            self.values = values;
        }
        fits
    }

    /// Computes what the samples need and do not have. `base` is the student without gradients.
    pub fn compute(
        &mut self,
        samples: &[NumberedSample<'_>],
        base: &Student,
        encoding: Encoding<'_>,
        compute: Compute,
    ) -> Result<(), TokenizerError> {
        let mut texts: Vec<Text> = Vec::new();
        // (place of the similarity, its query's text, its passage's text)
        let mut wanted: Vec<(usize, usize, usize)> = Vec::new();
        for NumberedSample { number, sample, .. } in samples.iter().filter(|sample| !sample.hides_similarity) {
            let place = |passage: usize| self.starts[*number] + passage;
            let unknown = sample.passages.iter().filter(|passage| self.values[place(**passage)].is_nan());
            let unknown: Vec<usize> = unknown.copied().collect();
            if unknown.is_empty() {
                continue;
            }
            let query = texts.len();
            texts.push(Text::of(&sample.example.query.text, encoding)?);
            for passage in unknown {
                let of = &sample.example.passages[passage];
                let whole = r2r_model::PassageText::of_parts(&of.title, &of.text).whole;
                wanted.push((place(passage), query, texts.len()));
                texts.push(Text::of(&whole, encoding)?);
            }
        }
        let vectors = vectors(&texts, base, compute);
        for (place, query, passage) in wanted {
            self.values[place] = cosine(&vectors[query], &vectors[passage]);
        }
        Ok(())
    }

    /// Writes the similarities of the samples into their batch; zeros where they are withheld.
    pub fn fill(&self, samples: &[NumberedSample<'_>], batch: &mut Batch) {
        let values = samples.iter().flat_map(|NumberedSample { number, sample, hides_similarity }| {
            let value = |passage: &usize| self.values[self.starts[*number] + passage];
            sample.passages.iter().map(move |passage| if *hides_similarity { 0.0 } else { value(passage) })
        });
        batch.similarities = values.collect();
    }
}

impl Text {
    fn of(text: &str, encoding: Encoding<'_>) -> Result<Self, TokenizerError> {
        let ids = encoding.tokenizer.encode_single(text, encoding.limits.max_length)?.ids;
        let types = vec![0; ids.len()];
        Ok(Self { ids, types })
    }
}

fn vectors(texts: &[Text], base: &Student, compute: Compute) -> Vec<Vec<f32>> {
    let mut vectors = Vec::with_capacity(texts.len());
    let mut first = 0;
    while first < texts.len() {
        let mut tokens = 0;
        let fitting = texts[first..].iter().take_while(|text| {
            tokens += text.ids.len();
            tokens <= TOKENS_A_PASS
        });
        let end = first + fitting.count().max(1);
        let pass = texts[first..end].iter().map(|text| (text.ids.as_slice(), text.types.as_slice()));
        vectors.extend(base.base_vectors(&PackedPieces::of(pass), compute));
        first = end;
    }
    vectors
}
