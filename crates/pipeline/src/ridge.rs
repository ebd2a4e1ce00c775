//! Ridge regression (Hoerl and Kennard, 1970) by its normal equations.

/// Rows that are added to the sums together, so that one goes through them less often.
const TOGETHER: usize = 64;

/// Sums over rows of features with a target each, from which any ridge is solved. Sums of parts add up.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    /// Features of a row: P.
    features: usize,
    rows: f64,
    /// Products of every two of the P features, the constant 1 and the target, `[P + 2, P + 2]`, lower triangle.
    products: Vec<f64>,
    /// Rows that wait to be added, column by column: `[P + 2, TOGETHER]`.
    waiting: Vec<f64>,
    n_waiting: usize,
}

/// A linear function: weights · features + offset.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    pub(crate) weights: Vec<f32>,
    pub(crate) offset: f32,
}

impl Linear {
    pub(crate) fn value(&self, features: &[f32]) -> f32 {
        let products = self.weights.iter().zip(features).map(|(weight, feature)| weight * feature);
        products.sum::<f32>() + self.offset
    }
}

impl Moments {
    pub(crate) fn new(features: usize) -> Self {
        let n = features + 2;
        Self { features, rows: 0.0, products: vec![0.0; n * n], waiting: vec![0.0; n * TOGETHER], n_waiting: 0 }
    }

    /// No rows of the same features.
    pub(crate) fn empty(&self) -> Self {
        Self::new(self.features)
    }

    /// Adds one row.
    pub(crate) fn add(&mut self, features: &[f32], target: f32) {
        let row = features.iter().copied().chain([1.0, target]);
        for (column, value) in self.waiting.chunks_exact_mut(TOGETHER).zip(row) {
            column[self.n_waiting] = f64::from(value);
        }
        self.n_waiting += 1;
        if self.n_waiting == TOGETHER {
            self.settle();
        }
    }

    /// Adds the rows that wait to the sums.
    pub(crate) fn settle(&mut self) {
        let n = self.features + 2;
        for column in self.waiting.chunks_exact_mut(TOGETHER) {
            column[self.n_waiting..].fill(0.0);
        }
        for i in 0..n {
            let own = &self.waiting[i * TOGETHER..(i + 1) * TOGETHER];
            for (product, other) in self.products[i * n..=i * n + i].iter_mut().zip(self.waiting.chunks_exact(TOGETHER))
            {
                *product += dot(own, other);
            }
        }
        self.rows += self.n_waiting as f64;
        self.n_waiting = 0;
    }

    /// The sums without those of a part.
    pub(crate) fn without(&self, part: &Self) -> Self {
        let products = self.products.iter().zip(&part.products).map(|(all, part)| all - part).collect();
        Self { rows: self.rows - part.rows, products, ..self.clone() }
    }

    /// Adds the sums of a part.
    pub(crate) fn join(&mut self, part: &Self) {
        for (sum, part) in self.products.iter_mut().zip(&part.products) {
            *sum += part;
        }
        self.rows += part.rows;
    }

    /// The function with the least squared error plus `strength` times the squared weights of features brought to mean 0
    /// and variance 1. All rows must be settled.
    pub(crate) fn solve(&self, strength: f64) -> Linear {
        let p = self.features;
        let n = p + 2;
        let product = |i: usize, j: usize| self.products[i.max(j) * n + i.min(j)];
        let mean = |i: usize| product(p, i) / self.rows;
        let covariance = |i: usize, j: usize| product(i, j) / self.rows - mean(i) * mean(j);
        // A feature that is always the same says nothing.
        let scales: Vec<f64> = (0..p).map(|i| covariance(i, i).max(0.0).sqrt()).collect();
        let scaled = |i: usize| if scales[i] > 1e-9 { 1.0 / scales[i] } else { 0.0 };
        let mut matrix = vec![0.0; p * p];
        let mut right = vec![0.0; p];
        for i in 0..p {
            for j in 0..=i {
                matrix[i * p + j] = covariance(i, j) * scaled(i) * scaled(j);
            }
            matrix[i * p + i] += strength / self.rows + 1e-9;
            right[i] = covariance(i, p + 1) * scaled(i);
        }
        solve_positive(&mut matrix, &mut right);
        let weights: Vec<f64> = right.iter().enumerate().map(|(i, weight)| weight * scaled(i)).collect();
        let offset = mean(p + 1) - weights.iter().enumerate().map(|(i, weight)| weight * mean(i)).sum::<f64>();
        Linear { weights: weights.iter().map(|weight| *weight as f32).collect(), offset: offset as f32 }
    }
}

/// Solves A x = b for a positive definite A, given by its lower triangle, by Cholesky's factors; x replaces b.
fn solve_positive(matrix: &mut [f64], right: &mut [f64]) {
    let n = right.len();
    for i in 0..n {
        let (above, own) = matrix.split_at_mut(i * n);
        for j in 0..i {
            let other = &above[j * n..=j * n + j];
            own[j] = (own[j] - dot(&own[..j], &other[..j])) / other[j];
        }
        own[i] = (own[i] - dot(&own[..i], &own[..i])).max(f64::MIN_POSITIVE).sqrt();
        right[i] = (right[i] - dot(&own[..i], &right[..i])) / own[i];
    }
    for i in (0..n).rev() {
        right[i] /= matrix[i * n + i];
        let (before, own) = right.split_at_mut(i);
        for (value, factor) in before.iter_mut().zip(&matrix[i * n..]) {
            *value -= factor * own[0];
        }
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0f64; LANES];
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in left.iter().zip(right) {
        for (sum, (left, right)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += left * right;
        }
    }
    sums.iter().sum::<f64>() + left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of four features, the last of which is always the same, and targets 2a - 3b + 0.5c + 7.
    fn rows(n: usize) -> Vec<(Vec<f32>, f32)> {
        let feature = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 2003) as f32 / 1000.0 - 1.0;
        (0..n)
            .map(|i| {
                let [a, b, c] = [feature(i, 1), feature(i, 2), feature(i * i, 3)];
                (vec![a, b, c, 4.0], 2.0 * a - 3.0 * b + 0.5 * c + 7.0)
            })
            .collect()
    }

    fn moments(rows: &[(Vec<f32>, f32)]) -> Moments {
        let mut moments = Moments::new(4);
        for (features, target) in rows {
            moments.add(features, *target);
        }
        moments.settle();
        moments
    }

    #[test]
    fn a_linear_function_is_found_again() {
        let found = moments(&rows(150)).solve(0.0);
        for (features, target) in rows(300) {
            assert!((found.value(&features) - target).abs() < 1e-3, "{found:?}");
        }
    }

    #[test]
    fn strength_makes_weights_smaller_and_leaves_the_mean() {
        let all = moments(&rows(150));
        let (free, tied) = (all.solve(0.0), all.solve(1e6));
        assert!(tied.weights[1].abs() < 0.01 * free.weights[1].abs());
        let mean = rows(150).iter().map(|(_, target)| target).sum::<f32>() / 150.0;
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
