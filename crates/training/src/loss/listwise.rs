//! The divergence of the student's top-one distribution from the teacher's (`ListNet`, Cao et al., 2007).

use std::ops::Range;

use burn::tensor::Tensor;
use burn::tensor::TensorData;
use burn::tensor::activation::log_softmax;

use crate::plain::{HIDDEN, indices};

/// Mean over lists of `KL(softmax(targets / temperature) || softmax(logits))`.
///
/// Shapes as in [`pairwise`](crate::loss::pairwise::pairwise). Lists of one passage or of equal targets do not count, because they say nothing about
/// an order; `None` where no list counts.
pub fn listwise(logits: &Tensor<1>, targets: &[f32], lists: &[Range<usize>], temperature: f32) -> Option<Tensor<1>> {
    let lists: Vec<&Range<usize>> = lists.iter().filter(|list| !all_equal(&targets[(*list).clone()])).collect();
    let longest = lists.iter().map(|list| list.len()).max()?;
    let (mut rows, mut mask, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let mut entropy = 0.0;
    for list in &lists {
        let taught = softmax(&targets[(*list).clone()], temperature);
        entropy += taught.iter().filter(|share| **share > 0.0).map(|share| share * share.ln()).sum::<f32>();
        for place in 0..longest {
            let share = taught.get(place);
            rows.push(if share.is_some() { list.start + place } else { list.start });
            mask.push(if share.is_some() { 0.0 } else { HIDDEN });
            shares.push(share.copied().unwrap_or(0.0));
        }
    }
    let (device, shape) = (logits.device(), [lists.len(), longest]);
    let scores = logits.clone().select(0, indices(&rows, &device)).reshape(shape);
    let scores = scores + Tensor::from_data(TensorData::new(mask, shape), &device);
    let shares = Tensor::<2>::from_data(TensorData::new(shares, shape), &device);
    let cross = (log_softmax(scores, 1) * shares).sum().neg();
    Some(cross.add_scalar(entropy).div_scalar(lists.len() as f32))
}

fn all_equal(targets: &[f32]) -> bool {
    targets.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq())
}

fn softmax(targets: &[f32], temperature: f32) -> Vec<f32> {
    let most = targets.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = targets.iter().map(|target| ((target - most) / temperature).exp()).collect();
    let total: f32 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use proptest::prelude::*;

    use super::*;

    fn loss(logits: &[f32], targets: &[f32], lists: &[Range<usize>], temperature: f32) -> Option<f32> {
        let logits = Tensor::from_floats(logits, &Device::flex());
        listwise(&logits, targets, lists, temperature).map(Tensor::into_scalar::<f32>)
    }

    proptest! {
        #[test]
        fn divergence_is_zero_at_the_teacher_and_nowhere_below(
            targets in prop::collection::vec(-3f32..3.0, 3..7), nudge in prop::collection::vec(-2f32..2.0, 7),
            temperature in 0.3f32..3.0,
        ) {
            prop_assume!(!all_equal(&targets));
            let list = 0..targets.len();
            let taught: Vec<f32> = targets.iter().map(|target| target / temperature + 4.0).collect();
            let at_teacher = loss(&taught, &targets, std::slice::from_ref(&list), temperature).unwrap();
            prop_assert!(at_teacher.abs() < 1e-5, "{}", at_teacher);
            let elsewhere: Vec<f32> = taught.iter().zip(&nudge).map(|(logit, nudge)| logit + nudge).collect();
            prop_assert!(loss(&elsewhere, &targets, &[list], temperature).unwrap() > -1e-5);
        }

        #[test]
        fn lists_of_different_lengths_are_averaged(logits in prop::collection::vec(-5f32..5.0, 5)) {
            let targets = [1.0, 0.0, 2.0, 1.0, 0.0];
            let both = loss(&logits, &targets, &[0..2, 2..5], 1.0).unwrap();
            let alone = |list: Range<usize>| loss(&logits, &targets, std::slice::from_ref(&list), 1.0).unwrap();
            prop_assert!((both - f32::midpoint(alone(0..2), alone(2..5))).abs() < 1e-5);
        }
    }
}
