//! Likelihood of the teacher's words under one softmax over vocabulary and source words (See et al., 2017).

use burn::tensor::{Tensor, TensorData};
use r2r_model::plan::Entries;
use r2r_model::reasons::ReasonVocabulary;

use crate::fused::Packing;
use crate::plain::{HIDDEN, rows_of};
use crate::reason_decoder::CandidateScores;

/// What each step of a batch of reasons should have produced.
#[derive(Clone, Debug)]
pub struct StepTargets {
    /// The acceptable entries of each step (sources counted within the step's reason); empty where the word can
    /// neither be produced nor copied, `[steps]`.
    pub acceptable: Vec<Entries>,
    /// The steps of each reason.
    pub steps: Packing,
    /// The source words of each reason.
    pub sources: Packing,
}

/// Mean over steps of `logsumexp(all) - logsumexp(acceptable)`; `None` where no step has an acceptable entry.
///
/// Words stand for the sum of the probabilities of all their entries; steps without one are left out.
pub fn generation(scores: CandidateScores, targets: &StepTargets) -> Option<Tensor<1>> {
    let kept: Vec<usize> = (0..targets.acceptable.len()).filter(|step| !targets.acceptable[*step].is_empty()).collect();
    if kept.is_empty() {
        return None;
    }
    let [_, n_vocabulary] = scores.vocabulary.dims();
    let [_, n_sources] = scores.sources.dims();
    let width = n_vocabulary + n_sources;
    let producible: Vec<f32> =
        (0..n_vocabulary).map(|id| if ReasonVocabulary::is_producible(id as u32) { 0.0 } else { HIDDEN }).collect();
    let mut possible = Vec::with_capacity(kept.len() * width);
    let mut acceptable = vec![HIDDEN; kept.len() * width];
    let reasons = targets.steps.ranges().zip(targets.sources.ranges());
    let sources_of_step: Vec<usize> =
        reasons.flat_map(|(steps, sources)| std::iter::repeat_n(sources.len(), steps.len())).collect();
    for (row, step) in acceptable.chunks_exact_mut(width).zip(&kept) {
        possible.extend_from_slice(&producible);
        possible.extend((0..n_sources).map(|source| if source < sources_of_step[*step] { 0.0 } else { HIDDEN }));
        let entries = &targets.acceptable[*step];
        let columns = entries.vocabulary.map(|id| id as usize).into_iter();
        for column in columns.chain(entries.sources.iter().map(|source| n_vocabulary + source)) {
            row[column] = 0.0;
        }
    }
    let device = scores.vocabulary.device();
    let scores = rows_of(Tensor::cat(vec![scores.vocabulary, scores.sources], 1), &kept);
    let masked =
        |mask: Vec<f32>| scores.clone() + Tensor::from_data(TensorData::new(mask, [kept.len(), width]), &device);
    let all = log_sum_exp(masked(possible));
    let right = log_sum_exp(masked(acceptable));
    Some((all - right).mean())
}

/// `log(sum(exp(x)))` of each row, `[rows, 1]`.
fn log_sum_exp(x: Tensor<2>) -> Tensor<2> {
    let most = x.clone().detach().max_dim(1);
    (x - most.clone()).exp().sum_dim(1).log() + most
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    const FIRST: usize = ReasonVocabulary::FIRST_FRAME_WORD as usize;

    /// Two steps of one reason over `FIRST + 2` vocabulary words and two sources.
    fn loss(acceptable: Vec<Entries>, scores: [[f32; FIRST + 4]; 2]) -> Option<f32> {
        let scores = Tensor::<2>::from_floats(scores, &Device::flex());
        let targets = StepTargets { acceptable, steps: Packing::of([2]), sources: Packing::of([2]) };
        let (vocabulary, sources) =
            (scores.clone().slice([0..2, 0..FIRST + 2]), scores.slice([0..2, FIRST + 2..FIRST + 4]));
        generation(CandidateScores { vocabulary, sources }, &targets).map(Tensor::into_scalar::<f32>)
    }

    #[test]
    fn a_word_has_the_probability_of_all_its_entries() {
        // Producible are <end>, <other>, two frame words and two sources: six entries of equal score.
        let word = Entries { vocabulary: Some(FIRST as u32), sources: vec![0, 1] };
        let found = loss(vec![word.clone(), Entries::default()], [[0.0; FIRST + 4]; 2]).unwrap();
        assert!((found - 2.0_f32.ln()).abs() < 1e-6, "{found}");
        let end = Entries { vocabulary: Some(ReasonVocabulary::END), sources: vec![] };
        let found = loss(vec![word, end], [[0.0; FIRST + 4]; 2]).unwrap();
        assert!((found - f32::midpoint(2.0_f32.ln(), 6.0_f32.ln())).abs() < 1e-6, "{found}");
    }

    #[test]
    fn controls_take_no_probability_however_large_their_scores() {
        let mut scores = [[0.0; FIRST + 4]; 2];
        for step in &mut scores {
            for id in (0..FIRST).filter(|id| !ReasonVocabulary::is_producible(*id as u32)) {
                step[id] = 60.0;
            }
        }
        let word = Entries { vocabulary: None, sources: vec![1] };
        let found = loss(vec![Entries::default(), word], scores).unwrap();
        assert!((found - 6.0_f32.ln()).abs() < 1e-6, "{found}");
    }

    #[test]
    fn a_batch_of_unknown_words_has_no_loss() {
        assert_eq!(loss(vec![Entries::default(), Entries::default()], [[0.0; FIRST + 4]; 2]), None);
    }
}
