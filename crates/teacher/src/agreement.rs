//! How far several orders of the same things agree.

use serde::{Deserialize, Serialize};

/// The agreement between at least two orders of at least two things.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// How many orders there are.
    pub samples: usize,
    /// The mean of Kendall's tau over all pairs of orders, from -1 to 1 (Kendall, 1938).
    pub tau: f64,
    /// Kendall's W, from 0 to 1: 1 where all orders are the same (Kendall and Babington Smith, 1939).
    pub w: f64,
}

impl Agreement {
    /// The agreement between permutations of `0..n`, best first; `None` for fewer than two orders or things.
    pub fn of(orders: &[Vec<usize>]) -> Option<Self> {
        let n = orders.first().map_or(0, Vec::len);
        if orders.len() < 2 || n < 2 {
            return None;
        }
        let mut tau = 0.0;
        let mut n_pairs = 0;
        for (first, order) in orders.iter().enumerate() {
            for other in &orders[first + 1..] {
                tau += kendall_tau(order, other);
                n_pairs += 1;
            }
        }
        // W = 12 S / (m^2 (n^3 - n)), S the squared deviations of the rank sums from their mean.
        let mut rank_sums = vec![0usize; n];
        for order in orders {
            for (rank, &item) in order.iter().enumerate() {
                rank_sums[item] += rank;
            }
        }
        let m = orders.len() as f64;
        let mean = m * (n as f64 - 1.0) / 2.0;
        let s: f64 = rank_sums.iter().map(|&sum| (sum as f64 - mean).powi(2)).sum();
        let n = n as f64;
        let w = 12.0 * s / (m * m * (n * n * n - n));
        Some(Self { samples: orders.len(), tau: tau / f64::from(n_pairs), w: w.clamp(0.0, 1.0) })
    }
}

/// Kendall's tau of two permutations of `0..n`, best first: 1 for equal ones, -1 for reversed ones, 1 where `n < 2`.
pub fn kendall_tau(order: &[usize], other: &[usize]) -> f64 {
    let n = order.len();
    if n < 2 {
        return 1.0;
    }
    let rank = ranks(other);
    let mut n_discordant = 0usize;
    for (at, &above) in order.iter().enumerate() {
        n_discordant += order[at + 1..].iter().filter(|&&below| rank[below] < rank[above]).count();
    }
    let n_pairs = n * (n - 1) / 2;
    1.0 - 2.0 * n_discordant as f64 / n_pairs as f64
}

/// The rank of each thing, 0 is best.
pub(crate) fn ranks(order: &[usize]) -> Vec<usize> {
    let mut ranks = vec![0; order.len()];
    for (rank, &item) in order.iter().enumerate() {
        ranks[item] = rank;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agreement_of_known_orders() {
        // scipy.stats.kendalltau([0,1,2,3], [1,0,3,2]).statistic is 0.3333, [0,1,2,3] with [3,2,1,0] is -1.
        assert!((kendall_tau(&[0, 1, 2, 3], &[1, 0, 3, 2]) - 1.0 / 3.0).abs() < 1e-12);
        let check = |orders: &[Vec<usize>], tau: f64, w: f64| {
            let agreement = Agreement::of(orders).unwrap();
            assert!((agreement.tau - tau).abs() < 1e-12 && (agreement.w - w).abs() < 1e-12, "{agreement:?}");
        };
        check(&[vec![0, 1, 2], vec![0, 1, 2]], 1.0, 1.0);
        check(&[vec![0, 1, 2], vec![2, 1, 0]], -1.0, 0.0);
        // Rank sums 1, 3, 5: S = 8, W = 12 * 8 / (9 * 24); taus 1, 1/3, 1/3.
        check(&[vec![0, 1, 2], vec![0, 1, 2], vec![1, 0, 2]], 5.0 / 9.0, 12.0 * (4.0 + 1.0 + 9.0) / (9.0 * 24.0));
        assert_eq!(Agreement::of(&[vec![0, 1]]), None);
        assert_eq!(Agreement::of(&[vec![0], vec![0]]), None);
        assert_eq!(Agreement::of(&[]), None);
    }

    proptest! {
        #[test]
        fn agreement_is_bounded_and_symmetric(
            orders in (2usize..9).prop_flat_map(|n| {
                prop::collection::vec(Just((0..n).collect::<Vec<_>>()).prop_shuffle(), 2..6)
            }),
        ) {
            let agreement = Agreement::of(&orders).unwrap();
            prop_assert!((-1.0..=1.0).contains(&agreement.tau) && (0.0..=1.0).contains(&agreement.w));
            prop_assert_eq!(kendall_tau(&orders[0], &orders[1]).to_bits(), kendall_tau(&orders[1], &orders[0]).to_bits());
            let reversed: Vec<usize> = orders[0].iter().rev().copied().collect();
            prop_assert!((kendall_tau(&orders[0], &reversed) + 1.0).abs() < 1e-12);
        }
    }
}
