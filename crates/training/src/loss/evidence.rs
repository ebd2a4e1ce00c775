//! Cross-entropy of the sentence that carries the answer.

use std::ops::Range;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use crate::plain::{HIDDEN, indices};

/// The sentences of one passage and the one that carries the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldSentence {
    /// Rows of the passage's sentences among all scores.
    pub sentences: Range<usize>,
    /// The gold sentence, a row of the same.
    pub gold: usize,
}

/// Mean over passages of `-log softmax(scores)[gold]`, `scores` `[sentences]`; `None` without passages.
pub fn evidence(scores: &Tensor<1>, passages: &[GoldSentence]) -> Option<Tensor<1>> {
    let longest = passages.iter().map(|passage| passage.sentences.len()).max()?;
    let (mut rows, mut mask, mut gold) = (Vec::new(), Vec::new(), Vec::new());
    for passage in passages {
        for place in 0..longest {
            let row = passage.sentences.start + place;
            let inside = place < passage.sentences.len();
            rows.push(if inside { row } else { passage.sentences.start });
            mask.push(if inside { 0.0 } else { HIDDEN });
            gold.push(if inside && row == passage.gold { 1.0_f32 } else { 0.0 });
        }
    }
    let (device, shape) = (scores.device(), [passages.len(), longest]);
    let scores = scores.clone().select(0, indices(&rows, &device)).reshape(shape);
    let scores = scores + Tensor::from_data(TensorData::new(mask, shape), &device);
    let gold = Tensor::<2>::from_data(TensorData::new(gold, shape), &device);
    Some((log_softmax(scores, 1) * gold).sum().div_scalar(-(passages.len() as f32)))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn the_loss_is_the_mean_surprise_at_the_gold_sentences() {
        let scores = Tensor::<1>::from_floats([0.0, 2.0, 1.0, 1.0, 1.0], &Device::flex());
        let passages = [GoldSentence { sentences: 0..2, gold: 1 }, GoldSentence { sentences: 2..5, gold: 3 }];
        let found = evidence(&scores, &passages).unwrap().into_scalar::<f32>();
        let expected = f32::midpoint((-2.0_f32).exp().ln_1p(), 3.0_f32.ln());
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        assert!(evidence(&scores, &[]).is_none());
    }
}
