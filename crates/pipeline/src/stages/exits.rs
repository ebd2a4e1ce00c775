//! Exits: what foresees a student's logits behind some of its layers, fitted on held-out queries.

use std::sync::Arc;

use r2r_inference::{ListFeatures, PairFeatures, Scored};
use r2r_model::config::StudentConfig;
use r2r_types::document::Document;

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::ridge::{Linear, LowRankMap, Moments};
use crate::stages::held_out::HeldOutList;
use crate::student::LoadedStudent;

/// Squared weights count so much beside squared errors.
const STRENGTH: f64 = 100.0;
/// For so many entries of a document's vector, one of the rank of what guesses it.
const ENTRIES_FOR_ONE_RANK: usize = 4;
/// Parts of the queries; what is foreseen for one comes from the others.
const FOLDS: usize = 5;

/// What is known of the documents of the held-out lists.
pub(crate) struct Seen {
    /// The student's own scores.
    pub(crate) finals: Vec<Vec<Scored>>,
    /// What exits read of them.
    pub(crate) features: Vec<ListFeatures>,
}

impl Seen {
    pub(crate) fn gather(
        engine: &LoadedStudent,
        lists: &[&HeldOutList],
        progress: &mut dyn Progress,
    ) -> Result<Self, PipelineError> {
        progress.begin("early: scores and states", Some(lists.len() as u64));
        let mut seen = Self { finals: Vec::new(), features: Vec::new() };
        for list in lists {
            if progress.stop_requested() {
                return Err(PipelineError::Stopped);
            }
            let documents: Vec<&Document> = list.documents.iter().map(Arc::as_ref).collect();
            seen.finals.push(engine.signals(&list.query.text, &documents)?);
            seen.features.push(engine.exit_features(&list.query.text, &documents)?);
            progress.at(seen.finals.len() as u64);
        }
        progress.end(&format!("{} held-out queries", lists.len()));
        Ok(seen)
    }

    /// The lists, each with its place.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (usize, &ListFeatures, &[Scored])> {
        self.features
            .iter()
            .zip(&self.finals)
            .enumerate()
            .map(|(place, (list, finals))| (place, list, finals.as_slice()))
    }
}

/// Sums of the parts of the queries, together and each left out.
fn folds_of(mut folds: Vec<Moments>) -> (Moments, Vec<Moments>) {
    let mut all = folds[0].empty();
    for fold in &mut folds {
        fold.settle();
        all.join(fold);
    }
    let without = folds.iter().map(|fold| all.without(fold)).collect();
    (all, without)
}

/// A map from the embeddings of documents to their vectors.
pub(crate) struct Guess {
    pub(crate) map: LowRankMap,
    /// What the similarity of each document counts by a map from the other queries' documents.
    pub(crate) guesses: Vec<Vec<f32>>,
}

impl Guess {
    /// Fits it on all documents.
    pub(crate) fn fit(seen: &Seen, config: &StudentConfig) -> Self {
        let d = config.encoder.hidden_size;
        let mut folds = vec![Moments::new(d, d); FOLDS];
        for (place, list, _) in seen.lists() {
            for pair in &list.pairs {
                folds[place % FOLDS].add(&pair.embedding, &pair.vector);
            }
        }
        let rank = d.div_ceil(ENTRIES_FOR_ONE_RANK);
        let (all, without) = folds_of(folds);
        let maps: Vec<LowRankMap> = without.iter().map(|part| part.solve_low_rank(STRENGTH, rank)).collect();
        let guesses = seen.lists().map(|(place, list, _)| {
            let guess = |pair: &PairFeatures| maps[place % FOLDS].value_along(&pair.embedding, &list.query);
            list.pairs.iter().map(|pair| config.similarity_weight * guess(pair)).collect()
        });
        Self { guesses: guesses.collect(), map: all.solve_low_rank(STRENGTH, rank) }
    }
}

/// What foresees logits behind some layers.
pub(crate) struct Exit {
    pub(crate) map: Linear,
    /// Of the true logits about what maps from the other queries foresee, within a list.
    pub(crate) deviation: f32,
    /// What these foresee.
    pub(crate) foreseen: Vec<Vec<f32>>,
}

impl Exit {
    /// Fits to differences within lists: only they decide who is stopped.
    pub(crate) fn fit(seen: &Seen, guesses: Option<&[Vec<f32>]>, layers: usize, n_layers: usize) -> Self {
        let features_of = |list: &ListFeatures, place: usize| -> Vec<Vec<f32>> {
            let row = |(index, pair): (usize, &PairFeatures)| {
                let mut row = pair.behind[layers.min(n_layers - 1) - 1].clone();
                row.extend(guesses.map(|guesses| guesses[place][index]));
                row
            };
            list.pairs.iter().enumerate().map(row).collect()
        };
        let known_of =
            |pair: &PairFeatures, scored: &Scored| pair.known + if layers == n_layers { scored.head } else { 0.0 };
        let mut folds: Vec<Moments> = Vec::new();
        let (mut sums, mut target_sum, mut n) = (Vec::new(), 0f64, 0f64);
        for (place, list, finals) in seen.lists() {
            let mut rows = features_of(list, place);
            let mut targets: Vec<f32> =
                list.pairs.iter().zip(finals).map(|(pair, scored)| scored.logit - known_of(pair, scored)).collect();
            let Some(width) = rows.first().map(Vec::len) else { continue };
            folds.resize_with(FOLDS, || Moments::new(width, 1));
            sums.resize(width, 0f64);
            let count = rows.len() as f64;
            for (column, sum) in sums.iter_mut().enumerate() {
                let of_list: f64 = rows.iter().map(|row| f64::from(row[column])).sum();
                *sum += of_list;
                let mean = (of_list / count) as f32;
                for row in &mut rows {
                    row[column] -= mean;
                }
            }
            let of_list: f64 = targets.iter().copied().map(f64::from).sum();
            (target_sum, n) = (target_sum + of_list, n + count);
            for target in &mut targets {
                *target -= (of_list / count) as f32;
            }
            for (row, target) in rows.iter().zip(&targets) {
                folds[place % FOLDS].add(row, &[*target]);
            }
        }
        let (all, without) = folds_of(folds);
        // Over all lists, neither lies too high.
        let with_mean = |moments: &Moments| {
            let mut map = moments.solve(STRENGTH);
            let at_mean: f64 = map.weights.iter().zip(&sums).map(|(weight, sum)| f64::from(*weight) * sum).sum();
            map.offsets = vec![((target_sum - at_mean) / n) as f32];
            map
        };
        let maps: Vec<Linear> = without.iter().map(with_mean).collect();
        let mut foreseen: Vec<Vec<f32>> = Vec::new();
        let mut squares = 0f64;
        for (place, list, finals) in seen.lists() {
            let values = features_of(list, place).into_iter().zip(&list.pairs).zip(finals);
            let values: Vec<f32> =
                values.map(|((row, pair), scored)| maps[place % FOLDS].value(&row) + known_of(pair, scored)).collect();
            let errors: Vec<f64> =
                values.iter().zip(finals).map(|(value, scored)| f64::from(scored.logit - value)).collect();
            let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
            squares += errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>();
            foreseen.push(values);
        }
        Self { map: with_mean(&all), deviation: (squares / n).sqrt() as f32, foreseen }
    }
}
