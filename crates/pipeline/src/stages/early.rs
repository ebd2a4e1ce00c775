//! A student and held-out queries -> behind which layers a document may be stopped, and how far it must be behind.
//!
//! An exit head is fitted to foresee the final logit; what it says of a query comes from the other queries when layers
//! and margin are chosen. Chosen is the least work whose loss of nDCG@10 is harmless at the lower end of its confidence
//! interval, with every larger margin harmless as well, so that no chance decides.

use std::path::Path;
use std::sync::Arc;

use r2r_evaluation::evaluate::{EvaluationOptions, evaluate};
use r2r_evaluation::measures::Measure;
use r2r_inference::PairFeatures;
use r2r_model::config::StudentConfig;
use r2r_model::early::{EXIT_BIAS, EXIT_WEIGHT, EarlyConfig, EarlyMeasure};
use r2r_model::folder::StudentFolder;
use r2r_model::weights::{NamedTensor, Weights};
use r2r_types::document::Document;
use r2r_types::run::Run;
use serde::Serialize;

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::Provenance;
use crate::recipe::Recipe;
use crate::ridge::{Linear, Moments};
use crate::stages::held_out::{HeldOut, HeldOutList, KnownQueries, held_out};
use crate::student::{LoadedStudent, StudentOptions};

/// The best documents of a list that stopping must leave as they are.
const TOP: usize = 10;
/// Most layers behind which stopping is tried, and it must leave as many to go.
const MOST_LAYERS: usize = 3;
/// Margins that are tried, in logits.
const MARGIN_STEP: f32 = 0.25;
const MARGINS: usize = 33;
/// Squared weights count so much beside squared errors.
const STRENGTH: f64 = 100.0;
/// Fewer queries do not tell that a loss is harmless.
const ENOUGH_LISTS: usize = 30;
/// Parts of the queries; what is foreseen for one comes from the others.
const FOLDS: usize = 5;
/// A loss of nDCG@10 that is taken for none: the true loss is smaller with the confidence below.
pub const HARMLESS_LOSS: f64 = 0.002;
/// Standard errors below a mean that leave 95 % above (one-sided, normal).
const CONFIDENCE: f64 = 1.645;
/// The part of a layer's work that the last layer does for pieces other than `[CLS]`: it scores and sums their states,
/// two products of heads x D (12 x 384 in the shipped student) beside the twelve D x D of a whole layer.
const LAST_LAYER: f64 = 0.005;

/// What was chosen, and from what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlyChoice {
    /// What the student has now.
    pub chosen: EarlyConfig,
    /// Everything that was tried, by layers and margins.
    pub tried: Vec<Tried>,
}

/// One way to stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// Layers that every document goes through.
    pub layers: usize,
    /// How far behind the tenth a document is stopped.
    pub margin: f32,
    /// Mean nDCG@10 less that of finishing every document.
    pub ndcg_at_10_difference: f64,
    /// The standard error of that, over queries.
    pub standard_error: f64,
    /// Share of the documents that are finished.
    pub finished: f64,
    /// Share of the encoders' work that is done.
    pub work: f64,
}

/// Fits an exit head on the recipe's `[[validation]]` collections, chooses layers and margin, and writes both into the
/// student's folder. `None` where no layers and margin are harmless, or there is nothing to fit on.
pub fn fit_early(
    recipe: &Recipe,
    student: &Path,
    progress: &mut dyn Progress,
) -> Result<Option<EarlyChoice>, PipelineError> {
    let folder = StudentFolder::open(student).map_err(PipelineError::input)?;
    let mut config = folder.config().map_err(PipelineError::input)?;
    let engine = LoadedStudent::open(student, &StudentOptions::default())?;
    let known = KnownQueries::of(recipe)?;
    let mut collections = Vec::new();
    for section in &recipe.validation {
        collections.push(held_out(recipe, section, &known, progress)?);
    }
    let lists: Vec<&HeldOutList> = collections.iter().flat_map(|collection| &collection.lists).collect();
    if lists.len() < ENOUGH_LISTS {
        progress.say(&format!(
            "{} held-out queries are too few to learn when documents may be stopped early; {ENOUGH_LISTS} are needed",
            lists.len()
        ));
        return finish_every_document(&folder, config);
    }
    let finals = final_logits(&engine, &lists, progress)?;
    let n_layers = config.encoder.num_hidden_layers;
    let mut tried = Vec::new();
    let mut heads = Vec::new();
    for layers in 1..=MOST_LAYERS.min(n_layers / 2) {
        let fitted = Fitted::of(&engine, &lists, &finals, layers, progress)?;
        let judge = Judge { collections: &collections, finals: &finals, fitted: &fitted, layers, n_layers };
        tried.extend(judge.try_margins(config.similarity_weight != 0.0)?);
        heads.push(fitted.head);
    }
    let Some(best) = choose(&tried) else {
        progress.say("no document can be stopped early without a loss");
        return finish_every_document(&folder, config);
    };
    let measured = EarlyMeasure {
        lists: lists.len(),
        ndcg_at_10_difference: best.ndcg_at_10_difference,
        finished: best.finished,
        work: best.work,
    };
    let chosen = EarlyConfig { layers: best.layers, margin: best.margin, measured };
    let Linear { weights, offset } = heads.swap_remove(best.layers - 1);
    let tensors = [
        (EXIT_WEIGHT.to_owned(), NamedTensor::new(vec![1, weights.len()], weights)),
        (EXIT_BIAS.to_owned(), NamedTensor::new(vec![1], vec![offset])),
    ];
    folder.replace_exit_head(&Weights::from_iter(tensors)).map_err(PipelineError::failed)?;
    config.early = Some(chosen);
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    progress.say(&format!(
        "documents may stop behind {} of {n_layers} layers, {} behind the {TOP}th, by {} held-out queries",
        best.layers,
        best.margin,
        lists.len()
    ));
    Ok(Some(EarlyChoice { chosen, tried }))
}

/// Takes back what was chosen before: it was chosen for other weights or from other queries.
fn finish_every_document(
    folder: &StudentFolder,
    mut config: StudentConfig,
) -> Result<Option<EarlyChoice>, PipelineError> {
    config.early = None;
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    Ok(None)
}

/// As [`fit_early`], and writes the choice into the provenance of a student that is there already.
pub fn fit_early_whole_folder(
    recipe: &Recipe,
    student: &Path,
    progress: &mut dyn Progress,
) -> Result<Option<EarlyChoice>, PipelineError> {
    let choice = fit_early(recipe, student, progress)?;
    if let Some((choice, mut provenance)) = choice.as_ref().zip(Provenance::read(student)?) {
        provenance.count("early", serde_json::to_value(choice.chosen).map_err(PipelineError::failed)?);
        provenance.write(student)?;
    }
    Ok(choice)
}

/// The least work such that it and every larger margin behind the same layers are harmless.
fn choose(tried: &[Tried]) -> Option<Tried> {
    let mut best: Option<Tried> = None;
    for of_layers in tried.chunk_by(|left, right| left.layers == right.layers) {
        let harmless =
            |tried: &&Tried| tried.ndcg_at_10_difference - CONFIDENCE * tried.standard_error >= -HARMLESS_LOSS;
        // Margins ascend, and work with them.
        let least = of_layers.iter().rev().take_while(harmless).last();
        if let Some(least) = least.filter(|least| best.is_none_or(|best| least.work < best.work)) {
            best = Some(*least);
        }
    }
    best
}

/// The student's own logits of every document of every list.
fn final_logits(
    engine: &LoadedStudent,
    lists: &[&HeldOutList],
    progress: &mut dyn Progress,
) -> Result<Vec<Vec<f32>>, PipelineError> {
    progress.begin("early: final scores", Some(lists.len() as u64));
    let mut finals = Vec::with_capacity(lists.len());
    for list in lists {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        let documents: Vec<&Document> = list.documents.iter().map(Arc::as_ref).collect();
        let scored = engine.signals(&list.query.text, &documents)?;
        finals.push(scored.into_iter().map(|scored| scored.logit).collect());
        progress.at(finals.len() as u64);
    }
    progress.end(&format!("{} held-out queries", lists.len()));
    Ok(finals)
}

/// An exit head behind some layers, and what heads without a list's own fold foresee for it.
struct Fitted {
    head: Linear,
    foreseen: Vec<Vec<f32>>,
    /// Pieces of each pair, and of its document alone.
    pieces: Vec<Vec<(usize, usize)>>,
}

impl Fitted {
    fn of(
        engine: &LoadedStudent,
        lists: &[&HeldOutList],
        finals: &[Vec<f32>],
        layers: usize,
        progress: &mut dyn Progress,
    ) -> Result<Self, PipelineError> {
        progress.begin(&format!("early: behind {layers} layers"), Some(lists.len() as u64));
        let mut features: Vec<Vec<PairFeatures>> = Vec::with_capacity(lists.len());
        let mut folds: Vec<Moments> = Vec::new();
        for (place, (list, finals)) in lists.iter().zip(finals).enumerate() {
            if progress.stop_requested() {
                return Err(PipelineError::Stopped);
            }
            let documents: Vec<&Document> = list.documents.iter().map(Arc::as_ref).collect();
            let of_list = engine.exit_features(&list.query.text, &documents, layers)?;
            let width = of_list.first().map_or(0, |pair| pair.features.len());
            folds.resize_with(FOLDS, || Moments::new(width));
            for (pair, logit) in of_list.iter().zip(finals) {
                folds[place % FOLDS].add(&pair.features, *logit - pair.known);
            }
            features.push(of_list);
            progress.at(place as u64 + 1);
        }
        let mut all = folds[0].empty();
        for fold in &mut folds {
            fold.settle();
            all.join(fold);
        }
        let without: Vec<Linear> = folds.iter().map(|fold| all.without(fold).solve(STRENGTH)).collect();
        let foreseen = features.iter().enumerate().map(|(place, of_list)| {
            of_list.iter().map(|pair| without[place % FOLDS].value(&pair.features) + pair.known).collect()
        });
        let pieces =
            features.iter().map(|of_list| of_list.iter().map(|pair| (pair.pair_pieces, pair.text_pieces)).collect());
        progress.end(&format!("{} held-out queries", lists.len()));
        Ok(Self { head: all.solve(STRENGTH), foreseen: foreseen.collect(), pieces: pieces.collect() })
    }
}

/// Measures what stopping behind some layers does.
struct Judge<'a> {
    collections: &'a [HeldOut],
    finals: &'a [Vec<f32>],
    fitted: &'a Fitted,
    layers: usize,
    n_layers: usize,
}

impl Judge<'_> {
    /// Every margin, smallest first.
    fn try_margins(&self, with_similarity: bool) -> Result<Vec<Tried>, PipelineError> {
        let whole = self.ndcg(self.finals)?;
        let mut tried = Vec::with_capacity(MARGINS);
        for step in 0..MARGINS {
            let margin = step as f32 * MARGIN_STEP;
            let mut scores = Vec::with_capacity(self.finals.len());
            let (mut finished, mut documents, mut work) = (0usize, 0usize, Work::default());
            for ((finals, foreseen), pieces) in self.finals.iter().zip(&self.fitted.foreseen).zip(&self.fitted.pieces) {
                let bar = tenth(foreseen) - margin;
                let mut of_list = Vec::with_capacity(finals.len());
                for ((logit, foreseen), pieces) in finals.iter().zip(foreseen).zip(pieces) {
                    let is_finished = *foreseen >= bar;
                    // Below all that are finished, in the order of what was foreseen.
                    of_list.push(if is_finished { *logit } else { foreseen - STOPPED });
                    finished += usize::from(is_finished);
                    documents += 1;
                    work.add(self, *pieces, is_finished, with_similarity);
                }
                scores.push(of_list);
            }
            let (ndcg_at_10_difference, standard_error) = difference(&whole, &self.ndcg(&scores)?);
            tried.push(Tried {
                layers: self.layers,
                margin,
                ndcg_at_10_difference,
                standard_error,
                finished: finished as f64 / documents as f64,
                work: work.done / work.whole,
            });
        }
        Ok(tried)
    }

    /// nDCG@10 of each query under scores of every list, collection by collection.
    fn ndcg(&self, scores: &[Vec<f32>]) -> Result<Vec<Vec<f64>>, PipelineError> {
        let measure: Measure = "nDCG@10".parse().map_err(PipelineError::failed)?;
        let mut scores = scores.iter();
        let mut of_collections = Vec::new();
        for HeldOut { qrels, lists } in self.collections.iter().filter(|collection| !collection.lists.is_empty()) {
            let mut run = Run::new("student");
            for (list, scores) in lists.iter().zip(&mut scores) {
                let documents = list.documents.iter().map(|document| document.id.clone());
                let scored = documents.zip(scores.iter().map(|score| f64::from(*score))).collect();
                run.insert(list.query.id.clone(), scored).map_err(PipelineError::input)?;
            }
            let found = evaluate(&run, qrels, &[measure], &EvaluationOptions::default());
            of_collections.push(lists.iter().map(|list| found.value(&list.query.id, measure).unwrap_or(0.0)).collect());
        }
        Ok(of_collections)
    }
}

/// The mean over collections of the mean differences of their queries, and its standard error.
fn difference(whole: &[Vec<f64>], early: &[Vec<f64>]) -> (f64, f64) {
    let (mut sum, mut variance) = (0.0, 0.0);
    for (whole, early) in whole.iter().zip(early) {
        let differences: Vec<f64> = early.iter().zip(whole).map(|(early, whole)| early - whole).collect();
        let n = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / n;
        sum += mean;
        let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
        variance += squares / (n - 1.0).max(1.0) / n;
    }
    let n = whole.len() as f64;
    (sum / n, variance.sqrt() / n)
}

/// What is taken off the foreseen logits of stopped documents; no logit is so large.
const STOPPED: f32 = 1e4;

/// The tenth best of some logits; below all where there are fewer.
fn tenth(logits: &[f32]) -> f32 {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted.get(TOP - 1).copied().unwrap_or(f32::NEG_INFINITY)
}

/// Work of the encoders, in pieces times layers.
#[derive(Default)]
struct Work {
    done: f64,
    whole: f64,
}

impl Work {
    fn add(&mut self, judge: &Judge<'_>, (pair, text): (usize, usize), is_finished: bool, with_similarity: bool) {
        let first = (pair * judge.layers) as f64;
        let joint = pair as f64 * (judge.n_layers as f64 - 1.0 + LAST_LAYER);
        let alone = if with_similarity { (text * judge.n_layers) as f64 } else { 0.0 };
        self.whole += joint + alone;
        self.done += if is_finished { joint + alone } else { first };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(layers: usize, margin: f32, difference: f64, work: f64) -> Tried {
        Tried { layers, margin, ndcg_at_10_difference: difference, standard_error: 0.0005, finished: work, work }
    }

    #[test]
    fn the_least_harmless_work_is_chosen_unless_a_larger_margin_harms() {
        let one = [
            tried(1, 0.0, -0.1, 0.2),
            tried(1, 1.0, -0.0005, 0.4),
            tried(1, 2.0, -0.0015, 0.6),
            tried(1, 3.0, 0.0, 0.8),
        ];
        assert_eq!(choose(&one), Some(one[3]));
        let two = [tried(2, 0.0, -0.1, 0.4), tried(2, 1.0, 0.0005, 0.5), tried(2, 2.0, -0.001, 0.6)];
        assert_eq!(choose(&[&one[..], &two[..]].concat()), Some(two[1]));
        assert_eq!(choose(&one[..3]), None);
    }

    #[test]
    fn a_difference_has_the_error_of_its_collections() {
        let (mean, error) = difference(&[vec![0.5; 4], vec![0.1; 2]], &[vec![0.5, 0.5, 0.5, 0.9], vec![0.2; 2]]);
        assert!((mean - 0.1).abs() < 1e-9);
        // The first collection's differences vary by 0.04, the second's not at all.
        assert!((error - (0.04f64 / 4.0).sqrt() / 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_short_list_has_no_tenth() {
        assert!(tenth(&[3.0; 9]) < f32::MIN);
        assert!((tenth(&[5.0, 1.0, 2.0, 9.0, 8.0, 7.0, 6.0, 4.0, 3.0, 0.5, 0.0]) - 0.5).abs() < f32::EPSILON);
    }
}
