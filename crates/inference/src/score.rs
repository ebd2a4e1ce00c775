//! Scores of documents for a query.

use std::ops::Range;

use r2r_model::encoding::{Limits, PairEncoding, Pieces, SingleEncoding};
use r2r_model::passage::PassageText;
use r2r_types::document::Document;

use crate::encoder::{Encoder, Keep, Scratch, Sequence, Stretch};
use crate::error::InferenceError;
use crate::kernels::rows;
use crate::student::Student;

/// Pieces that one thread runs through the encoder together: enough rows for the kernels, few enough for the cache.
const BLOCK_PIECES: usize = 256;
/// The fewest that still fill them.
const MIN_BLOCK_PIECES: usize = 64;

/// What a student says about one document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The raw score, by which documents are ordered.
    pub logit: f32,
    /// The rank head's part of it.
    pub head: f32,
    /// Cosine of the base encoder's vectors of query and document; `None` where the student does not use it.
    pub similarity: Option<f32>,
    /// The share of the query's words that the document has, rare ones counted more; `None` where the student does not
    /// count them.
    pub lexical: Option<f32>,
    /// The calibrated probability.
    pub probability: f32,
    /// Whether the document was longer than the student can read.
    pub truncated: bool,
}

/// A query and texts as the pieces that a student reads.
#[derive(Clone, Debug)]
pub struct TokenizedList {
    pub(crate) query: Pieces,
    pub(crate) texts: Vec<Pieces>,
    /// The query beside each text.
    pub(crate) pairs: Vec<PairEncoding>,
}

impl TokenizedList {
    /// How many pieces each text makes together with the query, as far as the student reads them.
    pub fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        self.pairs.iter().map(|pair| pair.ids.len())
    }

    /// Whether the query is longer than the student reads.
    pub fn is_query_truncated(&self) -> bool {
        self.pairs.first().is_some_and(|pair| pair.query_truncated)
    }
}

impl Student {
    /// Scores documents, in their order.
    pub fn score(&self, query: &str, documents: &[&Document]) -> Result<Vec<Scored>, InferenceError> {
        let passages = passages(documents);
        let texts: Vec<&str> = passages.iter().map(|passage| &*passage.whole).collect();
        self.score_texts(query, &texts)
    }

    /// Scores texts, in their order; a text is what [`Document::title_and_text`] gives, or a part of it.
    pub fn score_texts(&self, query: &str, texts: &[&str]) -> Result<Vec<Scored>, InferenceError> {
        let list = self.tokenize_list(query, texts)?;
        Ok(self.score_lists(&[&list])?.pop().unwrap_or_default())
    }

    /// Turns a query and texts into what [`Student::score_lists`] reads.
    pub fn tokenize_list(&self, query: &str, texts: &[&str]) -> Result<TokenizedList, InferenceError> {
        let limits = Limits::of(&self.config);
        let query = self.tokenizer.pieces(query, limits.text_pieces())?;
        let texts = self.tokenize(texts, limits)?;
        let special = self.tokenizer.special();
        let pairs = texts.iter().map(|text| PairEncoding::of(&query, text, special, limits)).collect();
        Ok(TokenizedList { query, texts, pairs })
    }

    /// Scores the texts of several queries together, which keeps all threads busy where each list is short. Every list
    /// gets, bit for bit, what it would get alone.
    pub fn score_lists(&self, lists: &[&TokenizedList]) -> Result<Vec<Vec<Scored>>, InferenceError> {
        self.scored(lists, None)
    }

    /// Scores lists; where the joint pass of all their texts has begun, it goes on.
    pub(crate) fn scored(
        &self,
        lists: &[&TokenizedList],
        begun: Option<&Begun>,
    ) -> Result<Vec<Vec<Scored>>, InferenceError> {
        let (heads, similarities) = self.signals(lists, begun);
        let mut signals = heads.into_iter().enumerate().map(|(place, head)| {
            let similarity = similarities.as_ref().map(|all| all[place]);
            (head, similarity)
        });
        let mut scored = Vec::with_capacity(lists.len());
        for list in lists {
            let mut of_list = Vec::with_capacity(list.pairs.len());
            for (index, (pair, (head, similarity))) in list.pairs.iter().zip(signals.by_ref()).enumerate() {
                let lexical = self.lexical_of(pair);
                let logit = head
                    + similarity.map_or(0.0, |cosine| self.config.similarity_weight * cosine)
                    + lexical.map_or(0.0, |share| self.config.lexical_weight * share);
                if !logit.is_finite() {
                    return Err(InferenceError::NotFinite { student: self.config.name.clone(), index, logit });
                }
                let probability = self.config.calibration.probability(logit);
                let truncated = pair.document_truncated;
                of_list.push(Scored { logit, head, similarity, lexical, probability, truncated });
            }
            scored.push(of_list);
        }
        Ok(scored)
    }

    /// For each entry of the encoder's states, the sum of the fourth powers of its values in all layers of the joint pass
    /// over some documents, `[D]`. It tells which entries are so large that 8-bit integers of them should be split.
    pub fn fourth_powers_of_states(&self, query: &str, documents: &[&Document]) -> Result<Vec<f64>, InferenceError> {
        let passages = passages(documents);
        let texts: Vec<&str> = passages.iter().map(|passage| &*passage.whole).collect();
        let list = self.tokenize_list(query, &texts)?;
        let of_pairs = self.pool.map(&list.pairs, |pair| self.encoder.fourth_powers(Sequence::of_pair(pair)));
        let mut sums = vec![0.0; self.config.encoder.hidden_size];
        for of_pair in of_pairs {
            for (sum, value) in sums.iter_mut().zip(of_pair) {
                *sum += value;
            }
        }
        Ok(sums)
    }

    /// The share of the query's words that the document has, as far as both are read.
    pub(crate) fn lexical_of(&self, pair: &PairEncoding) -> Option<f32> {
        let pieces = |part: &Range<usize>| &pair.ids[part.clone()];
        self.lexical.as_ref().map(|lexical| lexical.score(pieces(&pair.query), pieces(&pair.document)))
    }

    /// The pieces of all texts that any pass can use.
    pub(crate) fn tokenize(&self, texts: &[&str], limits: Limits) -> Result<Vec<Pieces>, InferenceError> {
        let pieces = self.pool.map(texts, |text| self.tokenizer.pieces(text, limits.text_pieces()));
        pieces.into_iter().map(|pieces| Ok(pieces?)).collect()
    }

    /// The rank head's logits of all texts, and the cosines of the base encoder's mean-pooled vectors, query and document
    /// each read alone; `None` where the student gives these no weight.
    fn signals(&self, lists: &[&TokenizedList], begun: Option<&Begun>) -> (Vec<f32>, Option<Vec<f32>>) {
        let joint: Vec<Sequence<'_>> = lists.iter().flat_map(|list| &list.pairs).map(Sequence::of_pair).collect();
        let head = |states: &[f32], _: &[Sequence<'_>]| self.read_logits(states);
        let head = Pass { keep: Keep::First(&self.first_piece), ..Pass::through(&self.encoder, &joint, begun, &head) };
        let numbers = |logits: Vec<Vec<f32>>| logits.concat();
        if self.config.similarity_weight == 0.0 {
            return (self.run_passes(&[head]).into_iter().flat_map(numbers).collect(), None);
        }
        let texts = lists.iter().flat_map(|list| std::iter::once(&list.query).chain(&list.texts));
        let singles: Vec<SingleEncoding> = texts.map(|text| self.single(text)).collect();
        let zeros = vec![0; self.config.max_length];
        let alone: Vec<Sequence<'_>> = singles.iter().map(|single| Sequence::of_single(single, &zeros)).collect();
        let mean = |states: &[f32], block: &[Sequence<'_>]| self.mean_vectors(states, block);
        let base = self.base.as_ref().unwrap_or(&self.encoder);
        let similarity = Pass::through(base, &alone, None, &mean);
        // Both passes at once, so that no thread waits for the end of the first.
        let mut results = self.run_passes(&[head, similarity]).into_iter();
        let logits = results.next().map(numbers).unwrap_or_default();
        let vectors = results.next().unwrap_or_default();
        let mut rest = &vectors[..];
        let mut cosines = Vec::with_capacity(logits.len());
        for list in lists {
            let (of_list, behind) = rest.split_at(1 + list.texts.len());
            rest = behind;
            let (query, documents) = of_list.split_first().expect("the query is always there");
            cosines.extend(documents.iter().map(|document| self.cosine(query, document)));
        }
        (logits, Some(cosines))
    }

    /// The rank head's logit of each state of `[CLS]`.
    pub(crate) fn read_logits(&self, states: &[f32]) -> Vec<Vec<f32>> {
        let d = self.config.encoder.hidden_size;
        states.chunks_exact(d).map(|first| vec![self.head.logit(first, self.instructions)]).collect()
    }

    /// The input of the similarity pass.
    pub(crate) fn single(&self, text: &Pieces) -> SingleEncoding {
        SingleEncoding::of(text, self.tokenizer.special(), self.config.max_length)
    }

    /// The mean state of each sequence of a block.
    pub(crate) fn mean_vectors(&self, states: &[f32], block: &[Sequence<'_>]) -> Vec<Vec<f32>> {
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

    /// Runs passes through their encoders in blocks spread over the threads; for each pass what was read of each
    /// sequence. No result depends on how blocks are cut.
    pub(crate) fn run_passes(&self, passes: &[Pass<'_>]) -> Vec<Vec<Vec<f32>>> {
        let length = |sequence: &Sequence<'_>| sequence.ids.len();
        let total: usize = passes.iter().flat_map(|pass| pass.sequences).map(length).sum();
        // Several blocks for each thread, so that all end at about the same time; but not too small for the kernels.
        let threads = self.threads().get();
        let target =
            if threads == 1 { BLOCK_PIECES } else { (total / (4 * threads)).clamp(MIN_BLOCK_PIECES, BLOCK_PIECES) };
        let mut blocks: Vec<(&Pass<'_>, Range<usize>)> = Vec::new();
        for pass in passes {
            let (mut start, mut pieces) = (0, 0);
            for (index, sequence) in pass.sequences.iter().enumerate() {
                pieces += length(sequence);
                if pieces >= target || index + 1 == pass.sequences.len() {
                    blocks.push((pass, start..index + 1));
                    (start, pieces) = (index + 1, 0);
                }
            }
        }
        let read = self.pool.map(&blocks, |(pass, block)| {
            let sequences = &pass.sequences[block.clone()];
            let before = pass.stretch.before.map(|before| &before[block.clone()]);
            let stretch = Stretch { layers: pass.stretch.layers.clone(), before };
            let run = |scratch: &mut Scratch| {
                (pass.read)(pass.encoder.states(sequences, &stretch, pass.keep, scratch), sequences)
            };
            self.scratch.lend(|| pass.encoder.scratch(), run)
        });
        let mut read = read.into_iter().flatten();
        passes.iter().map(|pass| read.by_ref().take(pass.sequences.len()).collect()).collect()
    }
}

/// Reads rows of numbers out of states, one for each sequence.
pub(crate) type ReadStates<'a> = dyn Fn(&[f32], &[Sequence<'_>]) -> Vec<Vec<f32>> + Sync + 'a;

/// Sequences that go through one encoder.
pub(crate) struct Pass<'a> {
    pub(crate) encoder: &'a Encoder,
    pub(crate) sequences: &'a [Sequence<'a>],
    /// Its `before` has the states of all sequences.
    pub(crate) stretch: Stretch<'a>,
    pub(crate) keep: Keep<'a>,
    /// Makes of the states of a block one row of numbers for each of its sequences.
    pub(crate) read: &'a ReadStates<'a>,
}

/// A pass that stopped behind some of its layers.
pub(crate) struct Begun {
    /// How many layers.
    pub(crate) layers: usize,
    /// The states of each sequence behind them, `[L, D]`.
    pub(crate) states: Vec<Vec<f32>>,
}

impl<'a> Pass<'a> {
    /// All sequences through the encoder, from where they stopped to its end, keeping every state.
    pub(crate) fn through(
        encoder: &'a Encoder,
        sequences: &'a [Sequence<'a>],
        begun: Option<&'a Begun>,
        read: &'a ReadStates<'a>,
    ) -> Self {
        let first = begun.map_or(0, |begun| begun.layers);
        let stretch = Stretch { layers: first..encoder.n_layers(), before: begun.map(|begun| begun.states.as_slice()) };
        Self { encoder, sequences, stretch, keep: Keep::All, read }
    }
}

impl<'a> Sequence<'a> {
    /// The input of the joint pass.
    pub(crate) fn of_pair(pair: &'a PairEncoding) -> Self {
        Self { ids: &pair.ids, type_ids: &pair.type_ids }
    }

    /// The input of the similarity pass; all its token types are 0, of which there must be enough.
    pub(crate) fn of_single(text: &'a SingleEncoding, zeros: &'a [u32]) -> Self {
        Self { ids: &text.ids, type_ids: &zeros[..text.ids.len()] }
    }
}

/// The texts of documents as the encoder reads them.
pub(crate) fn passages<'a>(documents: &[&'a Document]) -> Vec<PassageText<'a>> {
    documents.iter().map(|document| PassageText::of(document)).collect()
}

/// A copy of the states of each sequence of a block, `[L, D]`.
pub(crate) fn states_of_each(states: &[f32], block: &[Sequence<'_>], d: usize) -> Vec<Vec<f32>> {
    let mut rest = states;
    let mut of_each = Vec::with_capacity(block.len());
    for sequence in block {
        let (own, behind) = rest.split_at(sequence.ids.len() * d);
        of_each.push(own.to_vec());
        rest = behind;
    }
    of_each
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
