//! A student and held-out queries -> exits that foresee its logits, and how far a document must be behind to be stopped.
//!
//! What an exit says of a query comes, when the first exit and the margin are chosen, from one that was fitted on the other
//! queries. Chosen is the least work whose loss of nDCG@10 is harmless at the lower end of its confidence interval, with
//! every larger margin harmless as well, so that no chance decides. Judgments know few relevant documents of a
//! query: how far the best ten stay those of finishing every document is measured beside it.

use std::num::NonZeroUsize;
use std::path::Path;

use r2r_evaluation::evaluate::{EvaluationOptions, evaluate};
use r2r_evaluation::measures::Measure;
use r2r_inference::PairFeatures;
use r2r_model::config::StudentConfig;
use r2r_model::early::{
    EarlyConfig, EarlyMeasure, GUESS_BIAS, GUESS_DOWN, GUESS_UP, exit_bias, exit_deviation, exit_weight, last_exit,
};
use r2r_model::folder::StudentFolder;
use r2r_model::weights::{NamedTensor, Weights};
use r2r_types::run::Run;
use serde::Serialize;

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::Provenance;
use crate::recipe::Recipe;
use crate::ridge::{Linear, LowRankMap};
use crate::stages::exits::{Exit, Guess, Seen};
use crate::stages::held_out::{HeldOut, HeldOutList, KnownQueries, held_out};
use crate::student::{LoadedStudent, StudentOptions};

/// The best documents of a list that stopping must leave as they are.
const TOP: usize = 10;
/// Most layers in front of the first exit.
const LATEST_FIRST_EXIT: usize = 3;
/// Margins that are tried, from 0: up to where hardly a document is foreseen so much too low.
const MARGINS: usize = 13;
/// For one standard deviation, so many of them.
const MARGINS_IN_ONE: f32 = 5.0;
/// Fewer queries do not tell that a loss is harmless.
const ENOUGH_LISTS: usize = 30;
/// A loss of nDCG@10 that is taken for none: the true loss is smaller with the confidence below.
pub const HARMLESS_LOSS: f64 = 0.002;
/// Standard errors below a mean that leave 95 % above (one-sided, normal).
const CONFIDENCE: f64 = 1.645;

/// What was chosen, and from what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlyChoice {
    /// What the student has now.
    pub chosen: EarlyConfig,
    /// Everything that was tried, by first exits and margins.
    pub tried: Vec<Tried>,
    /// Standard deviations, within a list, of the final logits about what is foreseen behind 1, 2, ... layers.
    pub deviations: Vec<f32>,
}

/// One way to stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// Layers in front of the first exit.
    pub first_exit: usize,
    /// How many standard deviations behind the tenth a document is stopped.
    pub margin: f32,
    /// Mean nDCG@10 less that of finishing every document.
    pub ndcg_at_10_difference: f64,
    /// The standard error of that, over queries.
    pub standard_error: f64,
    /// Mean nDCG@10 by the order of finishing every document (its best has a gain of 10, its tenth of 1), less 1.
    pub order_difference: f64,
    /// Share of the documents that are finished.
    pub finished: f64,
    /// Share of the encoders' work that is done.
    pub work: f64,
}

/// Fits exits on the recipe's `[[validation]]` collections, chooses the first one and a margin, and writes them into the
/// student's folder. `None` where nothing is harmless, or there is too little to fit on.
pub fn fit_early(
    recipe: &Recipe,
    student: &Path,
    threads: Option<NonZeroUsize>,
    progress: &mut dyn Progress,
) -> Result<Option<EarlyChoice>, PipelineError> {
    let folder = StudentFolder::open(student).map_err(PipelineError::input)?;
    let mut config = folder.config().map_err(PipelineError::input)?;
    let n_layers = config.encoder.num_hidden_layers;
    if n_layers < 2 {
        progress.say("a student of one layer has nowhere to stop a document early");
        return Ok(None);
    }
    let known = KnownQueries::of(recipe)?;
    let mut collections = Vec::new();
    for section in &recipe.validation {
        collections.push(held_out(recipe, section, &known, progress)?);
    }
    let n_lists: usize = collections.iter().map(|collection| collection.lists.len()).sum();
    if n_lists < ENOUGH_LISTS {
        progress.say(&format!(
            "{n_lists} held-out queries are too few to learn when documents may be stopped early; {ENOUGH_LISTS} are \
             needed, by [[validation]] of the recipe"
        ));
        return Ok(None);
    }
    // Exits that are there may have been fitted to other weights, of other shapes: without them the student opens.
    let before = config.early.take();
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    let fitted = fit(&collections, &folder, config.clone(), threads, progress);
    if fitted.is_err() {
        config.early = before;
        folder.replace_config(&config).map_err(PipelineError::failed)?;
    }
    fitted
}

fn fit(
    collections: &[HeldOut],
    folder: &StudentFolder,
    mut config: StudentConfig,
    threads: Option<NonZeroUsize>,
    progress: &mut dyn Progress,
) -> Result<Option<EarlyChoice>, PipelineError> {
    let engine = LoadedStudent::open(folder.root(), &StudentOptions { threads, ..StudentOptions::default() })?;
    let lists: Vec<&HeldOutList> = collections.iter().flat_map(|collection| &collection.lists).collect();
    let seen = Seen::gather(&engine, &lists, progress)?;
    let n_layers = config.encoder.num_hidden_layers;
    let with_similarity = config.similarity_weight != 0.0;
    let last = last_exit(n_layers, with_similarity);
    let guess = with_similarity.then(|| Guess::fit(&seen, &config));
    let guesses = guess.as_ref().map(|guess| guess.guesses.as_slice());
    progress.begin("early: exits", Some(last as u64));
    let mut exits = Vec::new();
    for layers in 1..=last {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        exits.push(Exit::fit(&seen, guesses, layers, n_layers));
        progress.at(layers as u64);
    }
    progress.end(&format!("{last} exits"));
    let judge = Judge { collections, seen: &seen, exits: &exits, n_layers, with_similarity };
    let mut tried = Vec::new();
    for first in 1..=LATEST_FIRST_EXIT.min(n_layers - 1) {
        tried.extend(judge.try_margins(first)?);
    }
    let Some(best) = choose(&tried) else {
        progress.say("no document can be stopped early without a loss: the student finishes all");
        return Ok(None);
    };
    let measured = EarlyMeasure {
        lists: lists.len(),
        ndcg_at_10_difference: best.ndcg_at_10_difference,
        finished: best.finished,
        work: best.work,
    };
    let chosen = EarlyConfig { first_exit: best.first_exit, margin: best.margin, measured };
    let tensors = tensors(&exits, guess.map(|guess| guess.map), best.first_exit, config.encoder.hidden_size);
    folder.replace_exit_head(&tensors).map_err(PipelineError::failed)?;
    config.early = Some(chosen);
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    progress.say(&format!(
        "documents may stop behind {} of {n_layers} layers, {} standard deviations behind the {TOP}th, by {} held-out queries",
        best.first_exit,
        best.margin,
        lists.len()
    ));
    let deviations = exits.iter().map(|exit| exit.deviation).collect();
    Ok(Some(EarlyChoice { chosen, tried, deviations }))
}

/// What `exit_head.safetensors` holds.
fn tensors(exits: &[Exit], guess: Option<LowRankMap>, first: usize, d: usize) -> Weights {
    let mut tensors = Vec::new();
    for (exit, layers) in exits.iter().zip(1..).skip(first - 1) {
        let Linear { weights, offsets } = &exit.map;
        tensors.push((exit_weight(layers), NamedTensor::new(vec![weights.len()], weights.clone())));
        tensors.push((exit_bias(layers), NamedTensor::new(vec![1], offsets.clone())));
        tensors.push((exit_deviation(layers), NamedTensor::new(vec![1], vec![exit.deviation])));
    }
    if let Some(LowRankMap { down, up, offsets }) = guess {
        let rank = down.len() / d;
        tensors.push((GUESS_DOWN.to_owned(), NamedTensor::new(vec![rank, d], down)));
        tensors.push((GUESS_UP.to_owned(), NamedTensor::new(vec![d, rank], up)));
        tensors.push((GUESS_BIAS.to_owned(), NamedTensor::new(vec![d], offsets)));
    }
    Weights::from_iter(tensors)
}

/// As [`fit_early`], and writes what the student does now into the provenance of one that is there already.
pub fn fit_early_whole_folder(
    recipe: &Recipe,
    student: &Path,
    threads: Option<NonZeroUsize>,
    progress: &mut dyn Progress,
) -> Result<Option<EarlyChoice>, PipelineError> {
    let choice = fit_early(recipe, student, threads, progress)?;
    if let Some(mut provenance) = Provenance::read(student)? {
        let config = StudentFolder::open(student).and_then(|folder| folder.config()).map_err(PipelineError::input)?;
        provenance.counts.remove("early");
        if let Some(early) = config.early {
            provenance.count("early", serde_json::to_value(early).map_err(PipelineError::failed)?);
        }
        provenance.write(student)?;
    }
    Ok(choice)
}

/// The least work such that it and every larger margin with the same first exit are harmless.
fn choose(tried: &[Tried]) -> Option<Tried> {
    let mut best: Option<Tried> = None;
    for of_layers in tried.chunk_by(|left, right| left.first_exit == right.first_exit) {
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

/// Measures what stopping does.
struct Judge<'a> {
    collections: &'a [HeldOut],
    seen: &'a Seen,
    /// Behind 1, 2, ... layers.
    exits: &'a [Exit],
    n_layers: usize,
    with_similarity: bool,
}

impl Judge<'_> {
    /// Every margin, smallest first.
    fn try_margins(&self, first: usize) -> Result<Vec<Tried>, PipelineError> {
        let finals: Vec<Vec<f32>> =
            self.seen.finals.iter().map(|list| list.iter().map(|scored| scored.logit).collect()).collect();
        let whole = self.ndcg(&finals)?;
        let mut tried = Vec::with_capacity(MARGINS);
        for step in 0..MARGINS {
            let margin = step as f32 / MARGINS_IN_ONE;
            let (mut finished, mut documents, mut work) = (0usize, 0usize, Work::default());
            let mut scores = finals.clone();
            for (place, scores) in scores.iter_mut().enumerate() {
                let stops = self.stops(place, first, margin);
                for ((score, stop), pair) in scores.iter_mut().zip(&stops).zip(&self.seen.features[place].pairs) {
                    if stop.is_some() {
                        // They are below the best ten in any order.
                        *score -= STOPPED;
                    }
                    finished += usize::from(stop.is_none());
                    documents += 1;
                    work.add(self, pair, *stop);
                }
            }
            let (ndcg_at_10_difference, standard_error) = difference(&whole, &self.ndcg(&scores)?);
            let kept = self.kept(&finals, &scores);
            let one: Vec<Vec<f64>> = kept.iter().map(|lists| vec![1.0; lists.len()]).collect();
            let (order_difference, _) = difference(&one, &kept);
            tried.push(Tried {
                first_exit: first,
                margin,
                ndcg_at_10_difference,
                standard_error,
                order_difference,
                finished: finished as f64 / documents as f64,
                work: work.done / work.whole,
            });
        }
        Ok(tried)
    }

    /// The exit at which each document of a list is stopped; `None` where it is finished.
    fn stops(&self, place: usize, first: usize, margin: f32) -> Vec<Option<usize>> {
        let mut stops = vec![None; self.seen.finals[place].len()];
        for (exit, layers) in self.exits.iter().zip(1..).skip(first - 1) {
            let foreseen = &exit.foreseen[place];
            let open: Vec<f32> =
                stops.iter().zip(foreseen).filter(|(stop, _)| stop.is_none()).map(|(_, foreseen)| *foreseen).collect();
            let bar = tenth(&open) - margin * exit.deviation;
            for (stop, foreseen) in stops.iter_mut().zip(foreseen) {
                if stop.is_none() && *foreseen < bar {
                    *stop = Some(layers);
                }
            }
        }
        stops
    }

    /// nDCG@10 of each query by its final order, collection by collection.
    fn kept(&self, finals: &[Vec<f32>], scores: &[Vec<f32>]) -> Vec<Vec<f64>> {
        let mut of_lists = finals.iter().zip(scores).map(|(finals, scores)| kept(finals, scores));
        let collections = self.collections.iter().filter(|collection| !collection.lists.is_empty());
        collections.map(|collection| of_lists.by_ref().take(collection.lists.len()).collect()).collect()
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

/// nDCG@10 of an order where the best of the final order has a gain of 10, and its tenth of 1.
fn kept(finals: &[f32], scores: &[f32]) -> f64 {
    let best = |scores: &[f32]| {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        order.truncate(TOP);
        order
    };
    let ideal = best(finals);
    let discounted = |order: &[usize]| -> f64 {
        let gain = |(rank, document): (usize, &usize)| {
            let place = ideal.iter().position(|best| best == document).unwrap_or(TOP);
            (TOP - place) as f64 / (rank as f64 + 2.0).log2()
        };
        order.iter().enumerate().map(gain).sum()
    };
    discounted(&best(scores)) / discounted(&ideal)
}

/// What is taken off the logits of stopped documents; no logit is so large.
const STOPPED: f32 = 1e4;

/// The tenth best of some logits; below all where there are fewer.
fn tenth(logits: &[f32]) -> f32 {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted.get(TOP - 1).copied().unwrap_or(f32::NEG_INFINITY)
}

/// Work of the encoders, in pieces times layers. The last layer of the joint pass counts nothing: only `[CLS]` is wanted.
#[derive(Default)]
struct Work {
    done: f64,
    whole: f64,
}

impl Work {
    fn add(&mut self, judge: &Judge<'_>, pair: &PairFeatures, stop: Option<usize>) {
        let joint = |layers: usize| (pair.pair_pieces * layers.min(judge.n_layers - 1)) as f64;
        let alone = if judge.with_similarity { (pair.text_pieces * judge.n_layers) as f64 } else { 0.0 };
        let whole = joint(judge.n_layers) + alone;
        self.whole += whole;
        self.done += stop.map_or(whole, joint);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;

    use r2r_reranking::student::{EarlyScore, Student};
    use r2r_types::document::{Document, Query};
    use r2r_types::qrels::Qrels;
    use tempfile::TempDir;

    use super::*;
    use crate::progress::Silent;

    /// The engine's golden student, copied.
    fn golden_student() -> (TempDir, PathBuf) {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("student");
        fs::create_dir(&root).unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/golden/student");
        for entry in fs::read_dir(golden).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, root.join(path.file_name().unwrap())).unwrap();
        }
        (temporary, root)
    }

    /// Lists of texts without a pattern; relevant is what the student ranks best.
    fn held_out_of(student: &LoadedStudent) -> HeldOut {
        const WORDS: [&str; 12] = [
            "dark", "rock", "basalt", "volcanic", "example", "query", "state", "user", "weight", "made", "nested",
            "other",
        ];
        let mut state = 1u64;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let mut text = |longest: usize| {
            let words = 1 + below(longest);
            (0..words).map(|_| WORDS[below(WORDS.len())]).collect::<Vec<&str>>().join(" ")
        };
        let mut held_out = HeldOut { qrels: Qrels::default(), lists: Vec::new() };
        for place in 0..60 {
            let query = Arc::new(Query { id: format!("q{place}").as_str().into(), text: text(4) });
            let document = |id: usize| Document {
                id: format!("{place}-{id}").as_str().into(),
                title: String::new(),
                text: text(20),
            };
            let documents: Vec<Document> = (0..25).map(document).collect();
            let all: Vec<&Document> = documents.iter().collect();
            let scores = student.signals(&query.text, &all).unwrap();
            let best = (0..all.len()).max_by(|a, b| scores[*a].logit.total_cmp(&scores[*b].logit)).unwrap();
            held_out.qrels.insert(query.id.clone(), all[best].id.clone(), 1);
            held_out.lists.push(HeldOutList { query, documents: documents.into_iter().map(Arc::new).collect() });
        }
        held_out
    }

    #[test]
    fn a_student_stops_whom_its_exits_were_measured_to_stop() {
        let (_temporary, root) = golden_student();
        let folder = StudentFolder::open(&root).unwrap();
        let config = folder.config().unwrap();
        let open = || LoadedStudent::open(&root, &StudentOptions::default()).unwrap();
        let collections = [held_out_of(&open())];
        let choice = fit(&collections, &folder, config.clone(), None, &mut Silent).unwrap().unwrap();
        assert_eq!(folder.config().unwrap().early, Some(choice.chosen));
        assert_eq!((choice.chosen.first_exit, choice.deviations.len(), choice.tried.len()), (1, 2, MARGINS));

        let lists: Vec<&HeldOutList> = collections[0].lists.iter().collect();
        let seen = Seen::gather(&open(), &lists, &mut Silent).unwrap();
        let guess = Guess::fit(&seen, &config);
        let exit = |layers: usize| {
            let mut exit = Exit::fit(&seen, Some(&guess.guesses), layers, 2);
            // What the student was given foresees by all queries.
            for (place, list, finals) in seen.lists() {
                for ((pair, scored), foreseen) in list.pairs.iter().zip(finals).zip(&mut exit.foreseen[place]) {
                    let guessed = config.similarity_weight * guess.map.value_along(&pair.embedding, &list.query);
                    let features = [&pair.behind[0][..], &[guessed]].concat();
                    let head = if layers == 2 { scored.head } else { 0.0 };
                    *foreseen = pair.known + head + exit.map.value(&features);
                }
            }
            exit
        };
        let exits = [exit(1), exit(2)];
        let judge = Judge { collections: &collections, seen: &seen, exits: &exits, n_layers: 2, with_similarity: true };
        let student = open();
        let (mut stopped, mut others, mut all) = (0, 0, 0);
        for (place, list) in lists.iter().enumerate() {
            let documents: Vec<&Document> = list.documents.iter().map(Arc::as_ref).collect();
            let best = NonZeroUsize::new(TOP).unwrap();
            let scores = student.reranker().student().score_early(&list.query.text, &documents, best).unwrap();
            let stops = judge.stops(place, choice.chosen.first_exit, choice.chosen.margin);
            for (score, stop) in scores.iter().zip(stops) {
                let is_stopped = matches!(score, EarlyScore::Stopped(_));
                stopped += usize::from(is_stopped);
                others += usize::from(is_stopped != stop.is_some());
                all += 1;
            }
        }
        // The student's maps are rounded to 8 bits.
        assert!(others * 50 <= all, "{others} of {all}");
        let finished = 1.0 - stopped as f64 / all as f64;
        assert!(stopped > 0 && (finished - choice.chosen.measured.finished).abs() < 0.1, "{finished}");
    }

    #[test]
    fn a_student_of_too_few_queries_keeps_what_it_had() {
        let (_temporary, root) = golden_student();
        let folder = StudentFolder::open(&root).unwrap();
        let mut config = folder.config().unwrap();
        let measured = EarlyMeasure { lists: 1, ndcg_at_10_difference: 0.0, finished: 0.5, work: 0.5 };
        config.early = Some(EarlyConfig { first_exit: 1, margin: 1.0, measured });
        folder.replace_config(&config).unwrap();
        let text = "format=1\nname='small'\nteacher={records=['r']}\nstudent={base='b'}\ndistillation={leakage=[]}";
        let mut recipe = Recipe::parse(text, &[]).unwrap();
        recipe.output = Some(root.join("work"));
        fs::create_dir_all(recipe.artifact("distill")).unwrap();
        fs::write(recipe.artifact("distill").join("train.jsonl"), "").unwrap();
        assert_eq!(fit_early_whole_folder(&recipe, folder.root(), None, &mut Silent).unwrap(), None);
        assert_eq!(folder.config().unwrap(), config);
    }

    fn tried(first_exit: usize, margin: f32, difference: f64, work: f64) -> Tried {
        Tried {
            first_exit,
            margin,
            ndcg_at_10_difference: difference,
            standard_error: 0.0005,
            order_difference: 0.0,
            finished: work,
            work,
        }
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
    fn an_order_without_its_tenth_has_lost_least() {
        let finals: Vec<f32> = (0..12).map(|i| -(i as f32)).collect();
        let without = |place: usize| {
            let mut scores = finals.clone();
            scores[place] -= STOPPED;
            kept(&finals, &scores)
        };
        assert!((kept(&finals, &finals) - 1.0).abs() < 1e-12 && (without(11) - 1.0).abs() < 1e-12);
        assert!(without(9) < 1.0 && without(8) < without(9) && without(0) < without(8));
        assert!((kept(&[1.0], &[0.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_short_list_has_no_tenth() {
        assert!(tenth(&[3.0; 9]) < f32::MIN);
        assert!((tenth(&[5.0, 1.0, 2.0, 9.0, 8.0, 7.0, 6.0, 4.0, 3.0, 0.5, 0.0]) - 0.5).abs() < f32::EPSILON);
    }
}
