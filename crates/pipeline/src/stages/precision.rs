//! What a student loses when its products are computed in a faster number format, on held-out lists.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use r2r_inference::{Options, Student};
use r2r_model::config::MOST_PARTS;
use r2r_model::folder::StudentFolder;
use r2r_model::precision::{MeasuredLosses, Precision, PrecisionLoss};
use r2r_types::document::Document;
use r2r_types::example::{DistillationExample, ExamplePassage};

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::Provenance;
use crate::stages::precision_card::put_precision;

/// Ranks that count in the nDCG.
const CUTOFF: usize = 10;

/// Lists whose states tell which of their entries are large.
const LISTS_FOR_SIZES: usize = 32;
/// For so many entries of a state, one further part: a twelfth more work for the products that read states.
const INPUTS_FOR_ONE_PART: usize = 12;

/// The logit and the probability of each passage of each list.
type Scores = Vec<Vec<(f32, f32)>>;

/// Measures a student on held-out lists and writes what was found into its `config.json`, where `auto` reads it.
pub fn measure_precision(
    student: &Path,
    lists: &[DistillationExample],
    threads: Option<NonZeroUsize>,
    progress: &mut dyn Progress,
) -> Result<MeasuredLosses, PipelineError> {
    let folder = StudentFolder::open(student).map_err(PipelineError::input)?;
    let mut config = folder.config().map_err(PipelineError::input)?;
    let lists: Vec<&DistillationExample> = lists.iter().filter(|list| has_order(list)).collect();
    if lists.is_empty() {
        return Err(PipelineError::Input(
            "no held-out list has two passages with different targets; give the dev.jsonl of a distillation".to_owned(),
        ));
    }
    config.split_states = split_states(student, &lists, threads)?;
    // What is there was measured with other parts.
    config.precision = None;
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    progress.begin("precision", Some(3 * lists.len() as u64));
    let mut scores = |place: u64, precision: Precision| -> Result<Scores, PipelineError> {
        let options = Options { precision: Some(precision), threads, ..Options::default() };
        let engine = Student::open(student, &options).map_err(PipelineError::input)?;
        let mut scores = Vec::with_capacity(lists.len());
        for (done, list) in lists.iter().enumerate() {
            if progress.stop_requested() {
                return Err(PipelineError::Stopped);
            }
            scores.push(scores_of(&engine, list)?);
            progress.at(place * lists.len() as u64 + done as u64 + 1);
        }
        Ok(scores)
    };
    let exact = scores(0, Precision::F32)?;
    let bf16 = loss(&lists, &exact, &scores(1, Precision::Bf16)?);
    let int8 = loss(&lists, &exact, &scores(2, Precision::Int8)?);
    let losses = MeasuredLosses { lists: lists.len(), bf16: Some(bf16), int8: Some(int8) };
    config.precision = Some(losses);
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    progress.end(&format!("{} held-out lists", lists.len()));
    Ok(losses)
}

/// The entries of a student's states that are much larger than the others, and into how many parts their 8-bit integers
/// are split so that the largest part is as small as a number of further inputs allows (outlier channel splitting, Zhao
/// et al., 2019).
fn split_states(
    student: &Path,
    lists: &[&DistillationExample],
    threads: Option<NonZeroUsize>,
) -> Result<BTreeMap<usize, usize>, PipelineError> {
    let options = Options { precision: Some(Precision::F32), threads, ..Options::default() };
    let engine = Student::open(student, &options).map_err(PipelineError::input)?;
    let mut sums: Vec<f64> = Vec::new();
    for list in lists.iter().take(LISTS_FOR_SIZES) {
        let documents = documents_of(list);
        let documents: Vec<&Document> = documents.iter().collect();
        let of_list = engine.fourth_powers_of_states(&list.query.text, &documents).map_err(PipelineError::input)?;
        sums.resize(of_list.len(), 0.0);
        for (sum, value) in sums.iter_mut().zip(of_list) {
            *sum += value;
        }
    }
    if let Some(entry) = sums.iter().position(|sum| !sum.is_finite()) {
        return Err(PipelineError::Input(format!(
            "{}: states have no number as entry {entry}; its weights are damaged, train or download it again",
            student.display()
        )));
    }
    let sizes: Vec<f64> = sums.iter().map(|sum| sum.powf(0.25)).collect();
    Ok(split_largest(&sizes, sizes.len() / INPUTS_FOR_ONE_PART))
}

/// Splits the largest size into one more part, so many times, unless it has as many as a student may have; only what has
/// parts is returned.
fn split_largest(sizes: &[f64], times: usize) -> BTreeMap<usize, usize> {
    let mut parts = vec![1; sizes.len()];
    for _ in 0..times {
        let part = |entry: &usize| sizes[*entry] / parts[*entry] as f64;
        let may_have_more = |entry: &usize| parts[*entry] < MOST_PARTS;
        if let Some(largest) = (0..sizes.len()).filter(may_have_more).max_by(|a, b| part(a).total_cmp(&part(b))) {
            parts[largest] += 1;
        }
    }
    parts.into_iter().enumerate().filter(|(_, parts)| *parts > 1).collect()
}

/// As [`measure_precision`], and writes the figures into provenance and model card of a student that is there already.
pub fn measure_whole_folder(
    student: &Path,
    lists: &[DistillationExample],
    threads: Option<NonZeroUsize>,
    progress: &mut dyn Progress,
) -> Result<MeasuredLosses, PipelineError> {
    let losses = measure_precision(student, lists, threads, progress)?;
    if let Some(mut provenance) = Provenance::read(student)? {
        provenance.count("precision", serde_json::to_value(losses).map_err(PipelineError::failed)?);
        provenance.write(student)?;
    }
    put_precision(student, &losses)?;
    Ok(losses)
}

/// Whether two passages have different targets.
pub(crate) fn has_order(list: &DistillationExample) -> bool {
    list.passages.iter().any(|passage| passage.target.total_cmp(&list.passages[0].target).is_ne())
}

fn documents_of(list: &DistillationExample) -> Vec<Document> {
    let document = |passage: &ExamplePassage| Document {
        id: passage.doc.clone(),
        title: passage.title.clone(),
        text: passage.text.clone(),
    };
    list.passages.iter().map(document).collect()
}

fn scores_of(engine: &Student, list: &DistillationExample) -> Result<Vec<(f32, f32)>, PipelineError> {
    let documents = documents_of(list);
    let documents: Vec<&Document> = documents.iter().collect();
    let scored = engine.score(&list.query.text, &documents).map_err(PipelineError::input)?;
    Ok(scored.iter().map(|scored| (scored.logit, scored.probability)).collect())
}

fn loss(lists: &[&DistillationExample], exact: &Scores, fast: &Scores) -> PrecisionLoss {
    let (mut difference, mut tau, mut largest) = (0.0, 0.0, 0f32);
    for ((list, exact), fast) in lists.iter().zip(exact).zip(fast) {
        let targets: Vec<f32> = list.passages.iter().map(|passage| passage.target).collect();
        difference += ndcg(&targets, fast) - ndcg(&targets, exact);
        tau += kendall_tau(exact, fast);
        for (exact, fast) in exact.iter().zip(fast) {
            largest = largest.max((exact.1 - fast.1).abs());
        }
    }
    let n = lists.len() as f64;
    PrecisionLoss {
        ndcg_at_10_difference: difference / n,
        kendall_tau: tau / n,
        largest_score_difference: f64::from(largest),
    }
}

/// nDCG@10 (Järvelin and Kekäläinen, 2002) with the targets, less the smallest, as linear gains.
fn ndcg(targets: &[f32], scores: &[(f32, f32)]) -> f64 {
    let least = targets.iter().copied().fold(f32::INFINITY, f32::min);
    let dcg = |value: &dyn Fn(usize) -> f32| -> f64 {
        let mut order: Vec<usize> = (0..targets.len()).collect();
        order.sort_by(|a, b| value(*b).total_cmp(&value(*a)));
        let gain = |(rank, place): (usize, &usize)| f64::from(targets[*place] - least) / (rank as f64 + 2.0).log2();
        order.iter().take(CUTOFF).enumerate().map(gain).sum()
    };
    dcg(&|place| scores[place].0) / dcg(&|place| targets[place])
}

/// Kendall's tau (1938) of two orders by logit: concordant less discordant pairs, as a share of all.
fn kendall_tau(left: &[(f32, f32)], right: &[(f32, f32)]) -> f64 {
    let (mut sum, mut pairs) = (0i64, 0i64);
    for i in 0..left.len() {
        for j in 0..i {
            let sign = |scores: &[(f32, f32)]| scores[i].0.total_cmp(&scores[j].0) as i64;
            sum += sign(left) * sign(right);
            pairs += 1;
        }
    }
    sum as f64 / pairs.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(logits: &[f32]) -> Vec<(f32, f32)> {
        logits.iter().map(|logit| (*logit, 0.0)).collect()
    }

    #[test]
    fn the_same_order_has_a_tau_of_one_and_the_opposite_of_minus_one() {
        let (up, down) = (scores(&[1.0, 2.0, 3.0]), scores(&[3.0, 2.0, 1.0]));
        assert_eq!((kendall_tau(&up, &up), kendall_tau(&up, &down)), (1.0, -1.0));
        assert!((kendall_tau(&up, &scores(&[1.0, 3.0, 2.0])) - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_largest_part_is_split_again_and_again() {
        let parts = split_largest(&[1.0, 10.0, 0.5, 4.5], 4);
        assert_eq!(parts, BTreeMap::from([(1, 4), (3, 2)]));
        assert_eq!(split_largest(&[1e9, 1.0], 100), BTreeMap::from([(0, MOST_PARTS), (1, 100 - MOST_PARTS + 2)]));
        assert!(split_largest(&[3.0, 1.0], 0).is_empty() && split_largest(&[], 3).is_empty());
    }

    #[test]
    fn the_ideal_order_has_an_ndcg_of_one() {
        assert!((ndcg(&[3.0, 1.0, 2.0], &scores(&[0.9, 0.1, 0.5])) - 1.0).abs() < 1e-12);
        assert!(ndcg(&[1.0, 0.0], &scores(&[0.0, 1.0])) < 0.7);
    }
}
