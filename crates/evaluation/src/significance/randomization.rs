//! Paired randomization test: how often chance alone makes a difference this large.

use rand_chacha::rand_core::Rng;

use crate::random::generator;

/// The two-sided p-value of the paired randomization test (Fisher, 1935; for retrieval: Smucker,
/// Allan and Carterette, 2007) on differences of two systems, one for each topic.
///
/// Were the two systems alike, each difference could as well have the other sign. Each of
/// `permutations` draws flips signs by fair coins and asks whether the mean is at least as far from
/// 0 as the observed one. The p-value is (1 + hits) / (1 + permutations), since the observed signs
/// are one of the possible draws (Phipson and Smyth, 2010): it is never 0. It is 1 for systems
/// without any difference.
pub fn randomization_p_value(differences: &[f64], permutations: u32, seed: u64) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    // Sums that are equal on paper must not count as smaller because of how they were rounded.
    let tolerance = 1e-10 * differences.iter().map(|difference| difference.abs()).sum::<f64>();
    let mut generator = generator(seed);
    let mut hits = 0_u32;
    for _ in 0..permutations {
        let mut sum = 0.0;
        for block in differences.chunks(64) {
            let coins = generator.next_u64();
            for (i, difference) in block.iter().enumerate() {
                sum += if coins >> i & 1 == 1 { *difference } else { -difference };
            }
        }
        hits += u32::from(sum.abs() >= observed - tolerance);
    }
    (1.0 + f64::from(hits)) / (1.0 + f64::from(permutations))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The p-value by all 2^n sign patterns.
    fn exact(differences: &[f64]) -> f64 {
        let n = differences.len();
        let sum = |signs: u32| -> f64 {
            let signed = |(i, d): (usize, &f64)| if signs >> i & 1 == 1 { *d } else { -d };
            differences.iter().enumerate().map(signed).sum()
        };
        let observed = sum(u32::MAX).abs();
        let hits = (0..1_u32 << n).filter(|&signs| sum(signs).abs() >= observed - 1e-12).count();
        hits as f64 / f64::from(1_u32 << n)
    }

    #[test]
    fn systems_without_difference_have_p_1() {
        assert!((randomization_p_value(&[0.0; 40], 1000, 1) - 1.0).abs() < 1e-15);
        assert!((randomization_p_value(&[], 1000, 1) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn p_is_never_zero() {
        let p = randomization_p_value(&[1.0; 50], 999, 1);
        assert!((p - 0.001).abs() < 1e-15, "{p}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_two_systems_may_change_places(differences in prop::collection::vec(-1.0..1.0, 0..90), seed: u64) {
            let swapped: Vec<f64> = differences.iter().map(|difference| -difference).collect();
            let p = randomization_p_value(&differences, 300, seed);
            prop_assert_eq!(p.to_bits(), randomization_p_value(&swapped, 300, seed).to_bits());
            prop_assert!(p > 0.0 && p <= 1.0);
        }

        #[test]
        fn draws_come_close_to_all_sign_patterns(differences in prop::collection::vec(-3i8..6, 1..11)) {
            let differences: Vec<f64> = differences.into_iter().map(|d| f64::from(d) / 10.0).collect();
            let p = randomization_p_value(&differences, 10_000, 5);
            prop_assert!((p - exact(&differences)).abs() < 0.03);
        }
    }
}
