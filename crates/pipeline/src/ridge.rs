//! Ridge regression (Hoerl and Kennard, 1970) by its normal equations, and its best map of a low rank.

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};

/// Rows that are added to the sums together, so that one goes through them less often.
const TOGETHER: usize = 256;

/// Sums over rows of features with targets each, from which any ridge is solved. Sums of parts add up.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    /// Features of a row: P.
    features: usize,
    /// Targets of a row: T.
    targets: usize,
    rows: f64,
    /// Products of every two of the P features, the constant 1 and the T targets.
    products: DMatrix<f64>,
    /// Rows that wait to be added, as columns.
    waiting: DMatrix<f64>,
    n_waiting: usize,
}

/// A linear map: weights · features + offsets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    /// `[T, P]`, row-major.
    pub(crate) weights: Vec<f32>,
    /// `[T]`.
    pub(crate) offsets: Vec<f32>,
}

/// A linear map of low rank: up · (down · features) + offsets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LowRankMap {
    /// `[R, P]`, row-major.
    pub(crate) down: Vec<f32>,
    /// `[T, R]`, row-major.
    pub(crate) up: Vec<f32>,
    /// `[T]`.
    pub(crate) offsets: Vec<f32>,
}

impl Linear {
    /// The first target's value.
    pub(crate) fn value(&self, features: &[f32]) -> f32 {
        dot(&self.weights[..features.len()], features) + self.offsets[0]
    }
}

impl LowRankMap {
    /// The inner product of the targets' values with a vector, `[T]`.
    pub(crate) fn value_along(&self, features: &[f32], vector: &[f32]) -> f32 {
        let narrow: Vec<f32> = self.down.chunks_exact(features.len()).map(|row| dot(row, features)).collect();
        let targets = self.up.chunks_exact(narrow.len()).map(|row| dot(row, &narrow)).zip(&self.offsets);
        targets.zip(vector).map(|((target, offset), value)| (target + offset) * value).sum()
    }
}

impl Moments {
    pub(crate) fn new(features: usize, targets: usize) -> Self {
        let n = features + 1 + targets;
        let (products, waiting) = (DMatrix::zeros(n, n), DMatrix::zeros(n, TOGETHER));
        Self { features, targets, rows: 0.0, products, waiting, n_waiting: 0 }
    }

    /// No rows of the same features and targets.
    pub(crate) fn empty(&self) -> Self {
        Self::new(self.features, self.targets)
    }

    /// Adds one row.
    pub(crate) fn add(&mut self, features: &[f32], targets: &[f32]) {
        let row = features.iter().chain(&[1.0]).chain(targets);
        for (place, value) in self.waiting.column_mut(self.n_waiting).iter_mut().zip(row) {
            *place = f64::from(*value);
        }
        self.n_waiting += 1;
        if self.n_waiting == TOGETHER {
            self.settle();
        }
    }

    /// Adds the rows that wait to the sums.
    pub(crate) fn settle(&mut self) {
        self.waiting.columns_mut(self.n_waiting, TOGETHER - self.n_waiting).fill(0.0);
        self.products.gemm(1.0, &self.waiting, &self.waiting.transpose(), 1.0);
        self.rows += self.n_waiting as f64;
        self.n_waiting = 0;
    }

    /// The sums without those of a part.
    pub(crate) fn without(&self, part: &Self) -> Self {
        Self { rows: self.rows - part.rows, products: &self.products - &part.products, ..self.clone() }
    }

    /// Adds the sums of a part.
    pub(crate) fn join(&mut self, part: &Self) {
        self.products += &part.products;
        self.rows += part.rows;
    }

    /// The map with the least squared error plus `strength` times the squared weights of features brought to mean 0 and
    /// variance 1. All rows must be settled.
    pub(crate) fn solve(&self, strength: f64) -> Linear {
        let weights = self.weights(strength);
        let offsets = self.means(self.features + 1, self.targets) - weights.tr_mul(&self.means(0, self.features));
        Linear { weights: row_major(&weights.transpose()), offsets: floats(offsets.iter()) }
    }

    /// The same of a rank: of all such maps, the one whose values are closest to those of [`Moments::solve`] (reduced-rank
    /// regression, Izenman, 1975).
    pub(crate) fn solve_low_rank(&self, strength: f64, rank: usize) -> LowRankMap {
        let weights = self.weights(strength);
        let spread = weights.tr_mul(&(self.covariance() * &weights));
        let eigen = SymmetricEigen::new(spread);
        let mut order: Vec<usize> = (0..self.targets).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let directions = eigen.eigenvectors.select_columns(&order[..rank.min(self.targets)]);
        let down = (&weights * &directions).transpose();
        let offsets =
            self.means(self.features + 1, self.targets) - &directions * (&down * self.means(0, self.features));
        LowRankMap { down: row_major(&down), up: row_major(&directions), offsets: floats(offsets.iter()) }
    }

    /// `[P, T]`.
    fn weights(&self, strength: f64) -> DMatrix<f64> {
        let p = self.features;
        let covariance = self.covariance();
        // A feature that is always the same says nothing.
        let scales = covariance.diagonal().map(|variance| {
            let scale = variance.max(0.0).sqrt();
            if scale > 1e-9 { 1.0 / scale } else { 0.0 }
        });
        let mut matrix = DMatrix::from_fn(p, p, |i, j| covariance[(i, j)] * scales[i] * scales[j]);
        for i in 0..p {
            matrix[(i, i)] += strength / self.rows + 1e-9;
        }
        let (features, targets) = (self.means(0, p), self.means(p + 1, self.targets));
        let mut right = DMatrix::from_fn(p, self.targets, |i, t| {
            (self.products[(i, p + 1 + t)] / self.rows - features[i] * targets[t]) * scales[i]
        });
        let factors = Cholesky::new(matrix).expect("a covariance with a positive diagonal added is positive definite");
        factors.solve_mut(&mut right);
        for (mut row, scale) in right.row_iter_mut().zip(&scales) {
            row *= *scale;
        }
        right
    }

    /// Of the features, `[P, P]`.
    fn covariance(&self) -> DMatrix<f64> {
        let means = self.means(0, self.features);
        self.products.view((0, 0), (self.features, self.features)) / self.rows - &means * means.transpose()
    }

    /// The means of some of what a row has.
    fn means(&self, first: usize, n: usize) -> DVector<f64> {
        self.products.column(self.features).rows(first, n) / self.rows
    }
}

fn row_major(matrix: &DMatrix<f64>) -> Vec<f32> {
    matrix.row_iter().flat_map(|row| floats(row.iter())).collect()
}

fn floats<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<f32> {
    values.map(|value| *value as f32).collect()
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of four features, the last of which is always the same, and targets 2a - 3b + 0.5c + 7 and its double.
    fn rows(n: usize) -> Vec<(Vec<f32>, [f32; 2])> {
        let feature = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 2003) as f32 / 1000.0 - 1.0;
        (0..n)
            .map(|i| {
                let [a, b, c] = [feature(i, 1), feature(i, 2), feature(i * i, 3)];
                let target = 2.0 * a - 3.0 * b + 0.5 * c + 7.0;
                (vec![a, b, c, 4.0], [target, 2.0 * target])
            })
            .collect()
    }

    fn moments(rows: &[(Vec<f32>, [f32; 2])]) -> Moments {
        let mut moments = Moments::new(4, 2);
        for (features, targets) in rows {
            moments.add(features, targets);
        }
        moments.settle();
        moments
    }

    #[test]
    fn a_linear_function_is_found_again() {
        let found = moments(&rows(600)).solve(0.0);
        for (features, targets) in rows(900) {
            assert!((found.value(&features) - targets[0]).abs() < 1e-3, "{found:?}");
        }
    }

    #[test]
    fn what_has_a_low_rank_is_found_by_a_map_of_that_rank() {
        let found = moments(&rows(600)).solve_low_rank(0.0, 1);
        assert_eq!((found.down.len(), found.up.len()), (4, 2));
        for (features, targets) in rows(900) {
            for (target, along) in targets.into_iter().zip([[1.0, 0.0], [0.0, 1.0]]) {
                assert!((found.value_along(&features, &along) - target).abs() < 1e-3, "{found:?}");
            }
        }
    }

    #[test]
    fn strength_makes_weights_smaller_and_leaves_the_mean() {
        let all = moments(&rows(150));
        let (free, tied) = (all.solve(0.0), all.solve(1e6));
        assert!(tied.weights[1].abs() < 0.01 * free.weights[1].abs());
        let mean = rows(150).iter().map(|(_, targets)| targets[0]).sum::<f32>() / 150.0;
        assert!((tied.value(&[0.0; 4]) - mean).abs() < 0.05);
    }

    #[test]
    fn parts_add_up_and_can_be_taken_away() {
        let rows = rows(200);
        let (first, second) = (moments(&rows[..90]), moments(&rows[90..]));
        let mut joined = first.clone();
        joined.join(&second);
        for (found, expected) in
            [(joined.solve(1.0), moments(&rows).solve(1.0)), (joined.without(&first).solve(1.0), second.solve(1.0))]
        {
            for (found, expected) in found.weights.iter().zip(&expected.weights) {
                assert!((found - expected).abs() < 1e-4);
            }
        }
    }
}
