//! Holm correction: what a p-value is worth when many were looked at.

/// P-values, each in 0..=1, corrected for their number (Holm, 1979): the chance of even one false
/// alarm among them stays below the level at which they are read.
///
/// The i-th smallest of m is multiplied by m - i + 1, raised to the one before it where it would be
/// smaller, and cut at 1. Answers stand in the order of the questions.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (i, &place) in order.iter().enumerate() {
        let factor = (p_values.len() - i) as f64;
        largest = largest.max((p_values[place] * factor).min(1.0));
        corrected[place] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5), "holm")`.
    #[test]
    fn it_agrees_with_r() {
        let expected = [0.04, 0.09, 0.09, 0.025, 0.5];
        for (found, expected) in holm(&[0.01, 0.04, 0.03, 0.005, 0.5]).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
        }
    }

    proptest! {
        #[test]
        fn corrected_p_values_are_no_smaller_and_keep_their_order(p_values in prop::collection::vec(0.0..=1.0, 0..20)) {
            let corrected = holm(&p_values);
            prop_assert_eq!(corrected.len(), p_values.len());
            for (a, b) in p_values.iter().zip(&corrected) {
                prop_assert!(b >= a && *b <= 1.0);
            }
            for i in 0..p_values.len() {
                for j in 0..p_values.len() {
                    prop_assert!(p_values[i] > p_values[j] || corrected[i] <= corrected[j]);
                }
            }
        }
    }
}
