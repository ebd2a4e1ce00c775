//! Scores that every tool sorts alike, with 32-bit and with 64-bit floats.

/// The least step below a score, relative to it: several units in the last place of an `f32`.
const RELATIVE_STEP: f64 = 1e-6;
/// The least step below a score that is near 0.
const LEAST_STEP: f64 = 1e-9;

/// Strictly decreasing scores near the given ones, which must not rise and not be NaN.
///
/// A score moves only where it is as good as tied with the one before it, and then just below.
/// `trec_eval` 9 reads scores as `f32` and breaks ties by document name, version 10 reads `f64`:
/// with these scores both see the order that was meant. Infinities become the largest numbers.
pub fn distinct_scores(scores: &[f64]) -> Vec<f32> {
    let limit = f64::from(f32::MAX);
    let mut values: Vec<f64> = Vec::with_capacity(scores.len());
    for &score in scores {
        let wanted = single(score.clamp(-limit, limit));
        values.push(match values.last() {
            Some(&above) if !clearly_below(wanted, above) => wanted.min(step_down(above)),
            Some(_) | None => wanted,
        });
    }
    // A long tie at the lowest number has run over the edge: push it back up from the end.
    let mut floor = -limit;
    for value in values.iter_mut().rev() {
        if *value >= floor {
            break;
        }
        *value = floor;
        floor = -step_down(-floor);
    }
    values.into_iter().map(|value| value as f32).collect()
}

fn clearly_below(score: f64, above: f64) -> bool {
    score < above && above - score >= RELATIVE_STEP * above.abs().max(score.abs())
}

fn step_down(score: f64) -> f64 {
    single(score - LEAST_STEP.max(RELATIVE_STEP * score.abs()))
}

/// The nearest number that an `f32` can hold; what lies beyond its range stays as it is.
fn single(score: f64) -> f64 {
    let rounded = f64::from(score as f32);
    if rounded.is_finite() { rounded } else { score }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clear_scores_stay_and_ties_part() {
        assert_eq!(distinct_scores(&[3.0, 2.5, 1e-12, 1e-13, 0.0, -1.0]), [3.0, 2.5, 1e-12, 1e-13, 0.0, -1.0]);
        assert_eq!(distinct_scores(&[0.0, 0.0, 0.0]), [0.0, -1e-9, -2e-9]);
        assert_eq!(distinct_scores(&[1.000_000_02, 1.000_000_01]), [1.0, 0.999_999]);
        let lowest = f64::from(f32::MIN);
        assert_eq!(distinct_scores(&[f64::INFINITY, f64::NEG_INFINITY]), [f32::MAX, f32::MIN]);
        assert_eq!(distinct_scores(&[lowest, lowest, f64::MIN]).last(), Some(&f32::MIN));
        assert!(distinct_scores(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn scores_strictly_decrease_and_are_finite(
            mut scores in prop::collection::vec(
                prop_oneof![any::<f64>(), -2.0..2.0f64, Just(0.0), Just(1e-300), Just(f64::MIN), Just(f64::INFINITY)],
                0..60,
            ),
            repeats in 1usize..40,
        ) {
            scores.retain(|score| !score.is_nan());
            scores = scores.into_iter().flat_map(|score| std::iter::repeat_n(score, repeats)).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            let distinct = distinct_scores(&scores);
            prop_assert_eq!(distinct.len(), scores.len());
            prop_assert!(distinct.iter().all(|score| score.is_finite()));
            prop_assert!(distinct.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", distinct);
        }

        #[test]
        fn scores_that_are_told_apart_do_not_move(mut scores in prop::collection::vec(-1e6f32..1e6, 0..40)) {
            scores.sort_by(|a, b| b.total_cmp(a));
            scores.dedup_by(|a, b| (*b - *a).abs() <= 2e-6 * b.abs().max(a.abs()));
            let wide: Vec<f64> = scores.iter().map(|&score| f64::from(score)).collect();
            prop_assert_eq!(distinct_scores(&wide), scores);
        }
    }
}
