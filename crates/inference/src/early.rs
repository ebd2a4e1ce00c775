//! Documents that will not be among the best are stopped behind some of the layers.
//!
//! Documents go through the layers of the joint pass together. Behind each of them an exit foresees their final logits:
//! from the states there and, where the student adds its base's similarity, from a guess of that by the document's word
//! embeddings alone. Those far below the N-th best foreseen one are stopped, the others go on from where they are. Only
//! what is left behind the last exit goes through the base.

use std::num::NonZeroUsize;

use r2r_model::config::StudentConfig;
use r2r_model::early::{
    EXIT_PLACES, GUESS_BIAS, GUESS_DOWN, GUESS_UP, exit_bias, exit_deviation, exit_weight, last_exit,
};
use r2r_model::encoding::{PairEncoding, Pieces, SingleEncoding};
use r2r_model::folder::{FolderError, StudentFolder};
use r2r_model::weight_file::WeightFile;
use r2r_model::weights::WeightsError;
use r2r_types::document::Document;

use crate::encoder::{Keep, Sequence, Stretch};
use crate::error::InferenceError;
use crate::kernels::rows;
use crate::score::{Begun, Pass, Scored, TokenizedList, mean_rows, passages, states_of_each};
use crate::student::Student;

/// Documents that run to an exit before the first of them are stopped. States of those that are not stay in memory until
/// all have run there: with D = 384, 1.5 KB a piece.
const GROUP: usize = 128;

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decided {
    /// It was scored to the end.
    Finished(Scored),
    /// It was stopped; this is the logit that was foreseen.
    Stopped(f32),
}

/// What exits are fitted on: a query and its documents.
#[derive(Clone, Debug, PartialEq)]
pub struct ListFeatures {
    /// The base's vector of the query, of length 1, `[D]`; empty where the student does not use its base.
    pub query: Vec<f32>,
    /// In the order of the documents.
    pub pairs: Vec<PairFeatures>,
}

/// What exits read of a pair, and how long the inputs of the two passes are.
#[derive(Clone, Debug, PartialEq)]
pub struct PairFeatures {
    /// States of `[CLS]`, query and document behind layers 1, 2, ... but the last of the joint pass, `[3D]` each.
    pub behind: Vec<Vec<f32>>,
    /// The mean of the document's embeddings in the base, of length 1, `[D]`; empty where the base is not used.
    pub embedding: Vec<f32>,
    /// The base's vector of the document, as the query's.
    pub vector: Vec<f32>,
    /// The part of the logit that needs no encoder.
    pub known: f32,
    /// Pieces of the joint pass.
    pub pair_pieces: usize,
    /// Pieces of the document's own pass.
    pub text_pieces: usize,
}

/// Foresees logits behind layers of the joint pass.
pub(crate) struct ExitHead {
    /// Layers in front of the first exit.
    first: usize,
    /// How many standard deviations below the N-th best foreseen logit a document is stopped.
    margin: f32,
    /// Behind `first` layers, and behind each further one.
    exits: Vec<Exit>,
    /// `None` where the student does not use its base.
    guess: Option<SimilarityGuess>,
}

/// Foresees a logit, less what is known of it already, behind some layers.
struct Exit {
    /// For the states of `[CLS]`, query and document and the guessed similarity, `[3D]` or `[3D + 1]`.
    weight: Vec<f32>,
    bias: f32,
    /// Of the true logits about what is foreseen.
    deviation: f32,
}

/// Guesses the base's vector of a document by a low-rank map from the mean of its embeddings.
struct SimilarityGuess {
    /// `[R, D]`.
    down: Vec<f32>,
    /// `[D, R]`.
    up: Vec<f32>,
    /// `[D]`.
    bias: Vec<f32>,
    rank: usize,
}

impl ExitHead {
    /// Reads the exits of a student that has some.
    pub(crate) fn load(folder: &StudentFolder, config: &StudentConfig) -> Result<Option<Self>, FolderError> {
        let Some(early) = config.early else { return Ok(None) };
        let weights = folder.exit_head()?;
        let d = config.encoder.hidden_size;
        let with_similarity = config.similarity_weight != 0.0;
        let n_features = EXIT_PLACES * d + usize::from(with_similarity);
        let mut exits = Vec::new();
        for layers in early.first_exit..=last_exit(config.encoder.num_hidden_layers, with_similarity) {
            let deviation = weights.tensor(&exit_deviation(layers), &[1])?[0];
            if !(deviation.is_finite() && deviation >= 0.0) {
                let message = format!("{} is {deviation}", exit_deviation(layers));
                return Err(WeightsError::Corrupt { path: weights.path().to_owned(), message }.into());
            }
            let weight = weights.tensor(&exit_weight(layers), &[n_features])?;
            let bias = weights.tensor(&exit_bias(layers), &[1])?[0];
            if !weight.iter().chain([&bias]).all(|value| value.is_finite()) {
                let message = format!("{} or {} has no number", exit_weight(layers), exit_bias(layers));
                return Err(WeightsError::Corrupt { path: weights.path().to_owned(), message }.into());
            }
            exits.push(Exit { weight, bias, deviation });
        }
        let guess = with_similarity.then(|| SimilarityGuess::load(&weights, d)).transpose()?;
        Ok(Some(Self { first: early.first_exit, margin: early.margin, exits, guess }))
    }
}

impl SimilarityGuess {
    fn load(weights: &WeightFile, d: usize) -> Result<Self, FolderError> {
        // The rank is not in config.json: `down` says it, `up` must agree.
        let rank = weights.shape(GUESS_DOWN).and_then(|shape| shape.first()).map_or(1, |rank| (*rank).max(1));
        Ok(Self {
            down: weights.tensor(GUESS_DOWN, &[rank, d])?,
            up: weights.tensor(GUESS_UP, &[d, rank])?,
            bias: weights.tensor(GUESS_BIAS, &[d])?,
            rank,
        })
    }

    /// What a document's embedding is multiplied with to guess its similarity to a query, and what is added.
    fn towards(&self, query: &[f32]) -> (Vec<f32>, f32) {
        let d = query.len();
        let mut narrow = vec![0f32; self.rank];
        for (value, row) in query.iter().zip(self.up.chunks_exact(self.rank)) {
            for (sum, weight) in narrow.iter_mut().zip(row) {
                *sum += value * weight;
            }
        }
        let mut direction = vec![0f32; d];
        for (value, row) in narrow.iter().zip(self.down.chunks_exact(d)) {
            for (sum, weight) in direction.iter_mut().zip(row) {
                *sum += value * weight;
            }
        }
        (direction, query.iter().zip(&self.bias).map(|(value, bias)| value * bias).sum())
    }
}

/// A document that is still in the race.
struct Open {
    /// Its place in the list.
    place: usize,
    foreseen: f32,
    /// Its states behind the layers so far; none at the start.
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
        if texts.len() <= n.get() {
            let scored = self.scored(&[&list], None)?;
            return Ok(scored.into_iter().flatten().map(Decided::Finished).collect());
        }
        let mut race = Race {
            student: self,
            head,
            list: &list,
            guesses: self.guessed_similarities(head.guess.as_ref(), &list),
            n,
            open: (0..texts.len()).map(Open::at_the_start).collect(),
            decided: vec![Decided::Stopped(0.0); texts.len()],
        };
        let mut behind = 0;
        for (exit, layers) in head.exits.iter().zip(head.first..) {
            behind = race.run_to(exit, behind, layers)?;
        }
        let Race { open, mut decided, .. } = race;
        let (places, states): (Vec<usize>, Vec<Vec<f32>>) =
            open.into_iter().map(|document| (document.place, document.states)).unzip();
        let begun = Begun { layers: behind, states };
        let open = list.only(&places);
        let scored = self.scored(&[&open], Some(&begun)).map_err(|error| error.at_places(&places))?;
        for (place, scored) in places.into_iter().zip(scored.into_iter().flatten()) {
            decided[place] = Decided::Finished(scored);
        }
        Ok(decided)
    }

    /// What exits read of each document: what they are fitted on.
    pub fn exit_features(&self, query: &str, documents: &[&Document]) -> Result<ListFeatures, InferenceError> {
        let passages = passages(documents);
        let texts: Vec<&str> = passages.iter().map(|passage| &*passage.whole).collect();
        let list = self.tokenize_list(query, &texts)?;
        let sequences: Vec<Sequence<'_>> = list.pairs.iter().map(Sequence::of_pair).collect();
        let mut behind: Vec<Vec<Vec<f32>>> = vec![Vec::new(); texts.len()];
        let mut states = Vec::new();
        for layer in 0..self.encoder.n_layers() - 1 {
            states = self.states_behind(layer, layer + 1, &sequences, &states);
            for ((behind, pair), states) in behind.iter_mut().zip(&list.pairs).zip(&states) {
                behind.push(self.exit_features_of(pair, states));
            }
        }
        let with_similarity = self.config.similarity_weight != 0.0;
        let alone = std::iter::once(&list.query).chain(&list.texts).map(|text| self.single(text));
        let alone: Vec<SingleEncoding> = if with_similarity { alone.collect() } else { Vec::new() };
        let mut vectors = self.base_vectors(&alone, self.encoder.n_layers()).into_iter();
        let mut embeddings = self.base_vectors(alone.get(1..).unwrap_or_default(), 0).into_iter();
        let query = vectors.next().unwrap_or_default();
        let pair_of = |((pair, text), behind): ((&PairEncoding, &Pieces), Vec<Vec<f32>>)| PairFeatures {
            behind,
            embedding: embeddings.next().unwrap_or_default(),
            vector: vectors.next().unwrap_or_default(),
            known: self.known_part(pair),
            pair_pieces: pair.ids.len(),
            // `[CLS]` and `[SEP]` around it.
            text_pieces: (text.ids.len() + 2).min(self.config.max_length),
        };
        let pairs = list.pairs.iter().zip(&list.texts).zip(behind).map(pair_of).collect();
        Ok(ListFeatures { query, pairs })
    }

    /// The states of pairs behind some layers of the joint pass, from those behind fewer of them.
    fn states_behind(
        &self,
        from: usize,
        layers: usize,
        sequences: &[Sequence<'_>],
        before: &[Vec<f32>],
    ) -> Vec<Vec<f32>> {
        let d = self.config.encoder.hidden_size;
        let copy = |states: &[f32], block: &[Sequence<'_>]| states_of_each(states, block, d);
        let stretch = Stretch { layers: from..layers, before: (from > 0).then_some(before) };
        let pass = Pass { stretch, ..Pass::through(&self.encoder, sequences, None, &copy) };
        self.run_passes(&[pass]).into_iter().flatten().collect()
    }

    /// The rank head's logits, from states in front of the last layer.
    fn head_logits(&self, sequences: &[Sequence<'_>], before: &[Vec<f32>]) -> Vec<f32> {
        let n = self.encoder.n_layers();
        let read = |states: &[f32], _: &[Sequence<'_>]| self.read_logits(states);
        let stretch = Stretch { layers: n - 1..n, before: Some(before) };
        let pass = Pass {
            stretch,
            keep: Keep::First(&self.first_piece),
            ..Pass::through(&self.encoder, sequences, None, &read)
        };
        self.run_passes(&[pass]).into_iter().flatten().flatten().collect()
    }

    /// The base's mean state of texts behind some of its layers, brought to length 1.
    fn base_vectors(&self, texts: &[SingleEncoding], layers: usize) -> Vec<Vec<f32>> {
        let zeros = vec![0; self.config.max_length];
        let sequences: Vec<Sequence<'_>> = texts.iter().map(|text| Sequence::of_single(text, &zeros)).collect();
        let mean = |states: &[f32], block: &[Sequence<'_>]| self.mean_vectors(states, block);
        let base = self.base.as_ref().unwrap_or(&self.encoder);
        let stretch = Stretch { layers: 0..layers, before: None };
        let pass = Pass { stretch, ..Pass::through(base, &sequences, None, &mean) };
        let mut vectors: Vec<Vec<f32>> = self.run_passes(&[pass]).into_iter().flatten().collect();
        for vector in &mut vectors {
            let norm = rows::dot(self.instructions, vector, vector).sqrt().max(1e-12);
            rows::scale(self.instructions, vector, 1.0 / norm);
        }
        vectors
    }

    /// What the base's similarity of each document is guessed to count; empty without a guess.
    fn guessed_similarities(&self, guess: Option<&SimilarityGuess>, list: &TokenizedList) -> Vec<f32> {
        let Some(guess) = guess else { return Vec::new() };
        let query = self.base_vectors(&[self.single(&list.query)], self.encoder.n_layers()).swap_remove(0);
        let (direction, offset) = guess.towards(&query);
        let texts: Vec<SingleEncoding> = list.texts.iter().map(|text| self.single(text)).collect();
        let similarity = |embedding: &Vec<f32>| rows::dot(self.instructions, embedding, &direction) + offset;
        let embeddings = self.base_vectors(&texts, 0);
        embeddings.iter().map(|embedding| self.config.similarity_weight * similarity(embedding)).collect()
    }

    /// The part of a pair's logit that needs no encoder: what its words in common count.
    fn known_part(&self, pair: &PairEncoding) -> f32 {
        self.lexical_of(pair).map_or(0.0, |share| self.config.lexical_weight * share)
    }

    fn exit_features_of(&self, pair: &PairEncoding, states: &[f32]) -> Vec<f32> {
        let d = self.config.encoder.hidden_size;
        let mut features = Vec::with_capacity(EXIT_PLACES * d + 1);
        features.extend_from_slice(&states[..d]);
        for part in [&pair.query, &pair.document] {
            // Of a text without pieces, its separator.
            let part = part.start..part.end.max(part.start + 1);
            features.extend(mean_rows(&states[part.start * d..part.end * d], d));
        }
        features
    }
}

/// Documents of a list on their way from exit to exit.
struct Race<'a> {
    student: &'a Student,
    head: &'a ExitHead,
    list: &'a TokenizedList,
    /// What the similarity of each document of the list is guessed to count; empty where it counts nothing.
    guesses: Vec<f32>,
    n: NonZeroUsize,
    open: Vec<Open>,
    decided: Vec<Decided>,
}

impl Race<'_> {
    /// Runs the open documents to an exit and stops some; returns the layers that their states are behind then. The exit
    /// behind all layers reads the states in front of the last, and the rank head's logit.
    fn run_to(&mut self, exit: &Exit, behind: usize, layers: usize) -> Result<usize, InferenceError> {
        let student = self.student;
        let is_last = layers == student.encoder.n_layers();
        let mut waiting = std::mem::take(&mut self.open);
        let mut foreseen = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let mut group: Vec<Open> = waiting.drain(..waiting.len().min(GROUP)).collect();
            let pairs: Vec<&PairEncoding> = group.iter().map(|document| &self.list.pairs[document.place]).collect();
            let sequences: Vec<Sequence<'_>> = pairs.iter().map(|pair| Sequence::of_pair(pair)).collect();
            let mut states: Vec<Vec<f32>> =
                group.iter_mut().map(|document| std::mem::take(&mut document.states)).collect();
            let mut logits = vec![0f32; group.len()];
            if is_last {
                logits = student.head_logits(&sequences, &states);
            } else {
                states = student.states_behind(behind, layers, &sequences, &states);
            }
            for (((mut document, pair), states), logit) in group.into_iter().zip(pairs).zip(states).zip(logits) {
                let mut features = student.exit_features_of(pair, &states);
                features.extend(self.guesses.get(document.place));
                let unknown = rows::dot(student.instructions, &features, &exit.weight) + exit.bias;
                document.foreseen = student.known_part(pair) + logit + unknown;
                document.states = states;
                let (index, logit) = (document.place, document.foreseen);
                if !logit.is_finite() {
                    let student = student.config.name.clone();
                    return Err(InferenceError::NotFinite { student, index, logit });
                }
                self.decided[index] = Decided::Stopped(logit);
                foreseen.push(logit);
                self.open.push(document);
            }
            // The bar only rises: who is below it now would be at the end.
            let bar = nth_best(&mut foreseen, self.n) - self.head.margin * exit.deviation;
            self.open.retain(|document| document.foreseen >= bar);
        }
        Ok(if is_last { behind } else { layers })
    }
}

impl Open {
    fn at_the_start(place: usize) -> Self {
        Self { place, foreseen: 0.0, states: Vec::new() }
    }
}

/// The n-th best of some logits, whose order changes; below all where there are fewer.
fn nth_best(logits: &mut [f32], n: NonZeroUsize) -> f32 {
    if logits.len() < n.get() {
        return f32::NEG_INFINITY;
    }
    let (_, nth, _) = logits.select_nth_unstable_by(n.get() - 1, |a, b| b.total_cmp(a));
    *nth
}

impl TokenizedList {
    /// The list with some of its texts.
    fn only(&self, places: &[usize]) -> Self {
        Self {
            query: self.query.clone(),
            texts: places.iter().map(|place| self.texts[*place].clone()).collect(),
            pairs: places.iter().map(|place| self.pairs[*place].clone()).collect(),
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
