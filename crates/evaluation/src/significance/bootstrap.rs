//! Bootstrap interval: how far the mean difference would move with other topics of the same kind.

use serde::Serialize;

use crate::random::{below, generator};

/// The confidence of an interval.
pub const CONFIDENCE: f64 = 0.95;

/// A confidence interval; `low` is not above `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// The 95 % percentile interval of the mean (Efron and Tibshirani, 1993) of differences, one for
/// each topic: topics are drawn with replacement `resamples` times, and 2.5 % of the means are cut
/// off at either end, with linear interpolation between neighbors.
///
/// Both ends are the mean itself where there are no topics or no resamples.
pub fn bootstrap_interval(differences: &[f64], resamples: u32, seed: u64) -> Interval {
    let n = differences.len();
    if n == 0 || resamples == 0 {
        let mean = differences.iter().sum::<f64>() / n.max(1) as f64;
        return Interval { low: mean, high: mean };
    }
    let mut generator = generator(seed);
    let mut means: Vec<f64> = Vec::with_capacity(resamples as usize);
    for _ in 0..resamples {
        let mut sum = 0.0;
        for _ in 0..n {
            sum += differences[below(&mut generator, n)];
        }
        means.push(sum / n as f64);
    }
    means.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Interval { low: quantile(&means, tail), high: quantile(&means, 1.0 - tail) }
}

/// The quantile of sorted values, which are not empty.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let sorted = [0.0, 1.0, 2.0, 4.0];
        assert!((quantile(&sorted, 0.0) - 0.0).abs() < 1e-12);
        assert!((quantile(&sorted, 0.5) - 1.5).abs() < 1e-12);
        assert!((quantile(&sorted, 1.0) - 4.0).abs() < 1e-12);
    }

    /// With many topics the interval nears mean ± 1.96 standard errors.
    #[test]
    fn it_nears_the_normal_interval() {
        let differences: Vec<f64> = (0..400).map(|i| f64::from(i % 20) / 100.0 - 0.05).collect();
        let (mean, deviation) = crate::significance::mean_and_deviation(&differences).unwrap();
        let half = 1.96 * deviation / 20.0;
        let found = bootstrap_interval(&differences, 10_000, 3);
        assert!((found.low - (mean - half)).abs() < half * 0.05, "{found:?}");
        assert!((found.high - (mean + half)).abs() < half * 0.05, "{found:?}");
    }

    #[test]
    fn no_topics_no_width() {
        assert_eq!(bootstrap_interval(&[], 100, 1), Interval { low: 0.0, high: 0.0 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn it_lies_within_the_differences(differences in prop::collection::vec(-1.0..1.0, 1..40), seed: u64) {
            let Interval { low, high } = bootstrap_interval(&differences, 200, seed);
            let min = differences.iter().copied().fold(f64::INFINITY, f64::min);
            let max = differences.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(min - 1e-12 <= low && low <= high && high <= max + 1e-12);
            prop_assert_eq!(Interval { low, high }, bootstrap_interval(&differences, 200, seed));
        }
    }
}
