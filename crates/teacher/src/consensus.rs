//! One order of several, and one grade of several.
//!
//! The order wanted is Kemeny's (1959): the one with the fewest pairs that some order has the other way round. To find
//! it is NP-hard. Borda's order with local search comes very close on lists that agree somewhat (Dwork et al., 2001,
//! local Kemenization; Ali and Meila, 2012, compare methods), and that orders of one teacher over shuffled passages
//! gain by it is shown by Tang et al. (2024, permutation self-consistency).

/// The consensus of permutations of `0..n`, best first. Searched from Borda's order and from each of the orders, so
/// that no order given is closer to all of them; ties go to the lower numbers, which are those of the first stage.
/// Without any order it is `0..n`.
pub fn consensus(orders: &[Vec<usize>], n: usize) -> Vec<usize> {
    let losses = Losses::of(orders, n);
    let mut best = losses.improved(borda(orders, n));
    let mut fewest = losses.total(&best);
    for order in orders {
        let candidate = losses.improved(order.clone());
        let total = losses.total(&candidate);
        if total < fewest {
            (best, fewest) = (candidate, total);
        }
    }
    best
}

/// The median of some grades, of an even number the lower of the middle ones; `None` where there are none.
pub fn median_grade(grades: &[i32]) -> Option<i32> {
    let mut sorted = grades.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// By the sum of ranks (Borda, 1781).
fn borda(orders: &[Vec<usize>], n: usize) -> Vec<usize> {
    let mut rank_sums = vec![0usize; n];
    for order in orders {
        for (rank, &item) in order.iter().enumerate() {
            rank_sums[item] += rank;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&item| rank_sums[item]);
    order
}

/// How many orders are against each pair.
struct Losses {
    n: usize,
    /// `against[a * n + b]`: the orders that have `b` above `a`.
    against: Vec<usize>,
}

impl Losses {
    fn of(orders: &[Vec<usize>], n: usize) -> Self {
        let mut against = vec![0; n * n];
        for order in orders {
            for (at, &above) in order.iter().enumerate() {
                for &below in &order[at + 1..] {
                    against[below * n + above] += 1;
                }
            }
        }
        Self { n, against }
    }

    /// Orders against having `a` above `b`.
    fn above(&self, a: usize, b: usize) -> usize {
        self.against[a * self.n + b]
    }

    /// The sum of Kendall's distances to all orders.
    fn total(&self, order: &[usize]) -> usize {
        let mut total = 0;
        for (at, &above) in order.iter().enumerate() {
            total += order[at + 1..].iter().map(|&below| self.above(above, below)).sum::<usize>();
        }
        total
    }

    /// Moves single things to better places until no such move is left. Each move lowers the total, so it ends.
    fn improved(&self, mut order: Vec<usize>) -> Vec<usize> {
        loop {
            let mut has_moved = false;
            for item in 0..self.n {
                let from = order.iter().position(|&other| other == item).expect("the order is a permutation of 0..n");
                let to = self.best_place(&order, from);
                if to != from {
                    let moved = order.remove(from);
                    order.insert(to, moved);
                    has_moved = true;
                }
            }
            if !has_moved {
                return order;
            }
        }
    }

    /// The place at which the thing at `from` costs least; its own where no other is better.
    fn best_place(&self, order: &[usize], from: usize) -> usize {
        let item = order[from];
        let (mut best, mut least) = (from, 0i64);
        let mut change = 0i64;
        for to in (0..from).rev() {
            let passed = order[to];
            change += self.above(item, passed) as i64 - self.above(passed, item) as i64;
            if change < least {
                (best, least) = (to, change);
            }
        }
        change = 0;
        for (to, &passed) in order.iter().enumerate().skip(from + 1) {
            change += self.above(passed, item) as i64 - self.above(item, passed) as i64;
            if change < least {
                (best, least) = (to, change);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permutations(n: usize) -> Vec<Vec<usize>> {
        let Some(last) = n.checked_sub(1) else { return vec![Vec::new()] };
        let mut all = Vec::new();
        for shorter in permutations(last) {
            for at in 0..n {
                let mut order = shorter.clone();
                order.insert(at, last);
                all.push(order);
            }
        }
        all
    }

    fn orders(n: std::ops::Range<usize>, samples: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<usize>>> {
        (n, samples).prop_flat_map(|(n, samples)| {
            prop::collection::vec(Just((0..n).collect::<Vec<_>>()).prop_shuffle(), samples)
        })
    }

    #[test]
    fn the_majority_decides_each_pair() {
        assert_eq!(consensus(&[vec![2, 0, 1], vec![2, 1, 0], vec![0, 2, 1]], 3), [2, 0, 1]);
        assert_eq!(consensus(&[], 3), [0, 1, 2]);
        // One against one: the first stage decides.
        assert_eq!(consensus(&[vec![2, 1, 0], vec![0, 1, 2]], 3), [0, 1, 2]);
    }

    #[test]
    fn a_grade_is_the_lower_median() {
        assert_eq!(median_grade(&[4, 0, 3]), Some(3));
        assert_eq!(median_grade(&[3, 2]), Some(2));
        assert_eq!(median_grade(&[]), None);
    }

    #[test]
    fn local_search_finds_the_best_order_nearly_always() {
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let all = permutations(7);
        let (mut n_best, n_trials) = (0, 300);
        for _ in 0..n_trials {
            let orders: Vec<Vec<usize>> = (0..5).map(|_| all[random(all.len())].clone()).collect();
            let losses = Losses::of(&orders, 7);
            let fewest = all.iter().map(|order| losses.total(order)).min().unwrap();
            n_best += usize::from(losses.total(&consensus(&orders, 7)) == fewest);
        }
        assert!(n_best * 100 >= n_trials * 99, "{n_best} of {n_trials}");
    }

    proptest! {
        #[test]
        fn no_sample_is_closer_to_all_samples(orders in orders(1..13, 1..8)) {
            let n = orders[0].len();
            let found = consensus(&orders, n);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..n).collect::<Vec<_>>());
            let losses = Losses::of(&orders, n);
            for order in orders.iter().chain([&borda(&orders, n)]) {
                prop_assert!(losses.total(&found) <= losses.total(order));
            }
        }

        #[test]
        fn one_order_is_its_own_consensus(orders in orders(1..13, 1..2), copies in 1usize..4) {
            let n = orders[0].len();
            prop_assert_eq!(&consensus(&vec![orders[0].clone(); copies], n), &orders[0]);
        }

        #[test]
        fn the_median_is_one_of_the_grades(grades in prop::collection::vec(-3i32..9, 1..9)) {
            let median = median_grade(&grades).unwrap();
            prop_assert!(grades.contains(&median));
            prop_assert!(grades.iter().filter(|&&grade| grade < median).count() * 2 <= grades.len());
            prop_assert!(grades.iter().filter(|&&grade| grade > median).count() * 2 <= grades.len());
        }
    }
}
