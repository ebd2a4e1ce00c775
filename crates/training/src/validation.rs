//! How well the student orders, points and writes on held-out lists.

use std::fmt;

use burn::tensor::Tensor;
use r2r_model::tokenizer::TokenizerError;
use r2r_types::example::DistillationExample;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Encoding};
use crate::calibration::fit_similarity_weight;
use crate::compute::Compute;
use crate::lists::{NumberedSample, whole_list};
use crate::loss::generation::generation;
use crate::parameters::numbers;
use crate::similarities::Similarities;
use crate::student::{Outputs, Student};

/// Ranks that count in the nDCG.
const CUTOFF: usize = 10;
/// Lists whose reasons are looked at; the order is measured on all.
const LISTS_WITH_REASONS: usize = 64;

/// What a validation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Optimizer steps before it.
    pub step: usize,
    /// Mean nDCG@10 with the targets (less the list's smallest) as linear gains, over lists with an order.
    pub ndcg: f64,
    /// The similarity's weight that was fitted on these lists, and is part of the order; absent where there is none.
    #[serde(default)]
    pub similarity_weight: Option<f32>,
    /// The nDCG@10 of the rank head alone; absent where it is the whole score.
    #[serde(default)]
    pub head_ndcg: Option<f64>,
    /// Share of the pairs with different targets that stand in the right order; equal logits count half.
    pub agreement: f64,
    /// Nats per word of the reasons of the first 64 lists.
    pub generation: Option<f64>,
    /// Share of passages with several sentences whose gold sentence has the best score.
    pub evidence: Option<f64>,
    /// Lists with an order.
    pub lists: usize,
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} on {} held-out lists: nDCG@10 {:.4}", self.step, self.lists, self.ndcg)?;
        if let Some(head) = self.head_ndcg {
            write!(f, " (rank head alone {head:.4}; similarity counts {:.2})", self.similarity_weight.unwrap_or(0.0))?;
        }
        write!(f, ", {:.1} % of pairs in order", 100.0 * self.agreement)?;
        if let Some(nats) = self.generation {
            write!(f, ", reasons {nats:.3} nats a word")?;
        }
        if let Some(evidence) = self.evidence {
            write!(f, ", evidence right in {:.1} %", 100.0 * evidence)?;
        }
        Ok(())
    }
}

/// The student's logits beside the lists that they are of, `[lists][passages]`.
pub type ListLogits = Vec<Vec<f32>>;

/// The lists that a student is validated on.
pub struct HeldOut<'a> {
    /// The lists.
    pub lists: &'a [DistillationExample],
    /// The base's similarities of their passages, as far as they are known.
    pub similarities: &'a mut Similarities,
    /// The temperature of their targets, for the fit of the similarity's weight.
    pub temperature: f32,
}

/// Runs a student without gradients over all passages of the held-out lists. The similarity gets the weight that fits
/// these lists best: it is the one that the student is written with.
pub fn validate(
    student: &Student,
    held_out: HeldOut<'_>,
    encoding: Encoding<'_>,
    step: usize,
    compute: Compute,
) -> Result<(Validation, ListLogits), TokenizerError> {
    let HeldOut { lists: dev, similarities, temperature } = held_out;
    let trained_weight = student.head.similarity_weight.as_ref().map(|weight| numbers(weight.val())[0]);
    let (mut head_logits, mut of_lists) = (Vec::with_capacity(dev.len()), Vec::with_capacity(dev.len()));
    let (mut nats, mut words) = (0.0, 0.0);
    let (mut right, mut pointed) = (0_usize, 0_usize);
    for (number, example) in dev.iter().enumerate() {
        let mut sample = whole_list(example);
        if number >= LISTS_WITH_REASONS {
            sample.reasons.clear();
        }
        let samples = [NumberedSample { number, sample, hides_similarity: false }];
        let [NumberedSample { sample, .. }] = &samples;
        let mut batch = Batch::of(std::slice::from_ref(sample), encoding)?;
        // The head alone: the similarity's part is added below, with a weight of its own.
        let Outputs { logits, states } = student.forward(&batch.pieces, &batch.similarities, compute);
        head_logits.push(numbers(logits));
        if trained_weight.is_some() {
            similarities.compute(&samples, student, encoding, compute)?;
            similarities.fill(&samples, &mut batch);
        }
        of_lists.push(std::mem::take(&mut batch.similarities));
        if let (Some(decoder), Some(reasons)) = (&student.reasons, &batch.reasons) {
            let targets = &reasons.targets;
            let count = targets.acceptable.iter().filter(|entries| !entries.is_empty()).count() as f64;
            let scores = decoder.forward(states.clone(), &reasons.inputs, compute);
            if let Some(loss) = generation(scores, targets) {
                nats += count * f64::from(loss.into_scalar::<f32>());
                words += count;
            }
        }
        if let Some(head) = student.evidence.as_ref().filter(|_| !batch.gold_sentences.is_empty()) {
            right += right_sentences(&head.forward(states, &batch.sentences, compute), &batch);
            pointed += batch.gold_sentences.len();
        }
    }
    let fitted = |trained| fit_similarity_weight(dev, &head_logits, &of_lists, temperature).unwrap_or(trained);
    let similarity_weight = trained_weight.map(fitted);
    let head_ndcg = trained_weight.map(|_| order_quality(dev, &head_logits).ndcg);
    let mut logits = head_logits;
    for (logits, similarities) in logits.iter_mut().zip(&of_lists) {
        for (logit, similarity) in logits.iter_mut().zip(similarities) {
            *logit += similarity_weight.unwrap_or(0.0) * similarity;
        }
    }
    let validation = Validation {
        step,
        similarity_weight,
        head_ndcg,
        generation: (words > 0.0).then(|| nats / words),
        evidence: (pointed > 0).then(|| right as f64 / pointed as f64),
        ..order_quality(dev, &logits)
    };
    Ok((validation, logits))
}

fn right_sentences(scores: &Tensor<1>, batch: &Batch) -> usize {
    let scores = numbers(scores.clone());
    let is_right = |passage: &&crate::loss::evidence::GoldSentence| {
        passage.sentences.clone().all(|sentence| scores[sentence] <= scores[passage.gold])
    };
    batch.gold_sentences.iter().filter(is_right).count()
}

/// nDCG@10 and agreement of the logits with the targets.
fn order_quality(dev: &[DistillationExample], logits: &[Vec<f32>]) -> Validation {
    let (mut ndcg_sum, mut lists) = (0.0, 0);
    let (mut agreed, mut pairs) = (0.0, 0.0);
    for (example, logits) in dev.iter().zip(logits) {
        let targets: Vec<f32> = example.passages.iter().map(|passage| passage.target).collect();
        if let Some(value) = ndcg(&targets, logits) {
            ndcg_sum += value;
            lists += 1;
        }
        for (i, target) in targets.iter().enumerate() {
            for (j, other) in targets.iter().enumerate().filter(|(_, other)| target > *other) {
                pairs += 1.0;
                agreed += match logits[i].total_cmp(&logits[j]) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
                debug_assert!(target > other);
            }
        }
    }
    let share = |sum: f64, count: f64| if count > 0.0 { sum / count } else { 0.0 };
    Validation {
        step: 0,
        ndcg: share(ndcg_sum, f64::from(lists)),
        agreement: share(agreed, pairs),
        similarity_weight: None,
        head_ndcg: None,
        generation: None,
        evidence: None,
        lists: lists as usize,
    }
}

/// nDCG@10 (Järvelin & Kekäläinen, 2002) with linear gains; `None` where all targets are equal.
pub fn ndcg(targets: &[f32], logits: &[f32]) -> Option<f64> {
    let least = targets.iter().copied().fold(f32::INFINITY, f32::min);
    let gain = |place: usize| f64::from(targets[place] - least);
    let discounted = |order: &[usize]| -> f64 {
        order.iter().take(CUTOFF).enumerate().map(|(rank, place)| gain(*place) / (rank as f64 + 2.0).log2()).sum()
    };
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by(|left, right| targets[*right].total_cmp(&targets[*left]));
    let ideal = discounted(&order);
    order.sort_unstable();
    order.sort_by(|left, right| logits[*right].total_cmp(&logits[*left]));
    (ideal > 0.0).then(|| discounted(&order) / ideal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndcg_of_the_ideal_order_is_one_and_of_no_order_absent() {
        assert_eq!(ndcg(&[3.0, 1.0, 2.0], &[0.9, 0.1, 0.5]), Some(1.0));
        assert_eq!(ndcg(&[1.0, 1.0], &[0.0, 1.0]), None);
        let reversed = ndcg(&[1.0, 0.0], &[0.0, 1.0]).unwrap();
        assert!((reversed - 1.0 / 3.0_f64.log2()).abs() < 1e-12);
    }
}
