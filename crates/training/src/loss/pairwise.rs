//! `RankNet` (Burges et al., 2005) over the passages of each list.

use std::ops::Range;

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Tensor, TensorData};

use crate::plain::indices;

/// Mean over lists of the mean over pairs with `target_i > target_j` of `log(1 + exp(s_j - s_i))`.
///
/// `logits` and `targets` are `[passages]`; `lists` are their ranges. Lists whose targets are all equal do not count;
/// `None` where no list counts.
pub fn pairwise(logits: &Tensor<1>, targets: &[f32], lists: &[Range<usize>]) -> Option<Tensor<1>> {
    let (mut above, mut below, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let mut counted = 0;
    for list in lists {
        let first = above.len();
        for i in list.clone() {
            for j in list.clone() {
                if targets[i] > targets[j] {
                    above.push(i);
                    below.push(j);
                }
            }
        }
        let pairs = above.len() - first;
        counted += usize::from(pairs > 0);
        shares.resize(above.len(), 1.0 / pairs as f32);
    }
    if counted == 0 {
        return None;
    }
    let device = logits.device();
    let margins =
        logits.clone().select(0, indices(&above, &device)) - logits.clone().select(0, indices(&below, &device));
    let pairs = shares.len();
    let shares = Tensor::<1>::from_data(TensorData::new(shares, [pairs]), &device);
    Some((log_sigmoid(margins) * shares).sum().mul_scalar(-1.0 / counted as f64))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use proptest::prelude::*;

    use super::*;

    fn loss(logits: &[f32], targets: &[f32]) -> Option<f32> {
        let logits = Tensor::from_floats(logits, &Device::flex());
        pairwise(&logits, targets, std::slice::from_ref(&(0..targets.len()))).map(Tensor::into_scalar::<f32>)
    }

    #[test]
    fn one_pair_is_the_logistic_loss_of_its_margin() {
        let found = loss(&[1.5, 1.0], &[0.0, 1.0]).unwrap();
        assert!((found - 0.5_f32.exp().ln_1p()).abs() < 1e-6, "{found}");
    }

    #[test]
    fn equal_targets_say_nothing() {
        assert_eq!(loss(&[1.0, 2.0], &[3.0, 3.0]), None);
    }

    #[test]
    fn every_list_counts_the_same() {
        let logits = Tensor::<1>::from_floats([1.0, 0.0, 0.0, 1.0, 2.0], &Device::flex());
        let targets = [1.0, 0.0, 2.0, 1.0, 0.0];
        let both = pairwise(&logits, &targets, &[0..2, 2..5]).unwrap().into_scalar::<f32>();
        let (first, second) =
            (loss(&[1.0, 0.0], &targets[..2]).unwrap(), loss(&[0.0, 1.0, 2.0], &targets[2..]).unwrap());
        assert!((both - f32::midpoint(first, second)).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn a_common_shift_changes_nothing(logits in prop::collection::vec(-5f32..5.0, 4), shift in -9f32..9.0) {
            let targets = [2.0, 0.0, 1.0, 0.0];
            let shifted: Vec<f32> = logits.iter().map(|logit| logit + shift).collect();
            prop_assert!((loss(&logits, &targets).unwrap() - loss(&shifted, &targets).unwrap()).abs() < 1e-4);
        }
    }
}
