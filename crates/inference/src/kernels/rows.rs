//! Functions on single rows: layer norm, GELU, softmax, dot products.
//!
//! They are written as plain loops and compiled once for each instruction set; `FUSED` says whether it multiplies and
//! adds in one instruction.

#![expect(clippy::inline_always, reason = "a loop gets the instructions of the function it is inlined into")]

use std::hint::black_box;

use crate::kernels::instructions::Instructions;

/// Partial sums that run side by side; their number fixes the order of additions.
pub(crate) const LANES: usize = 16;

/// Compiles a plain function for each instruction set and chooses at run time.
macro_rules! for_each_instruction_set {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? = $plain:ident) => {
        $(#[$doc])*
        pub(crate) fn $name(instructions: Instructions, $($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) $(-> $result)? {
                $plain::<true>($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($argument: $type),*) $(-> $result)? {
                $plain::<true>($($argument),*)
            }
            match instructions {
                Instructions::Portable => $plain::<false>($($argument),*),
                // The target has them anyway.
                #[cfg(target_arch = "aarch64")]
                Instructions::Neon => $plain::<true>($($argument),*),
                // SAFETY: `Instructions::available` found these instructions.
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx2 => unsafe { avx2($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx512 => unsafe { avx512($($argument),*) },
            }
        }
    };
}
pub(crate) use for_each_instruction_set;

for_each_instruction_set! {
    /// GELU in its erf form (Hendrycks and Gimpel, 2016): x Φ(x), with an error below 1e-6.
    fn gelu(values: &mut [f32]) = plain_gelu
}
for_each_instruction_set! {
    /// Softmax in place, over finite values and minus infinity; fastest for whole vectors of 16.
    fn softmax(values: &mut [f32]) = plain_softmax
}
for_each_instruction_set! {
    /// Layer norm in place (Ba et al., 2016).
    fn layer_norm(row: &mut [f32], norm: &LayerNorm) = plain_layer_norm
}
for_each_instruction_set! {
    /// Inner product of two rows of one length.
    fn dot(left: &[f32], right: &[f32]) -> f32 = plain_dot
}
for_each_instruction_set! {
    /// `sum += factor · row`.
    fn add_scaled(sum: &mut [f32], factor: f32, row: &[f32]) = plain_add_scaled
}
for_each_instruction_set! {
    /// The same of several rows, which lie one after the other, each with its factor.
    fn add_all_scaled(sum: &mut [f32], factors: &[f32], rows: &[f32]) = plain_add_all_scaled
}

for_each_instruction_set! {
    /// The largest absolute value; not a number where any is not.
    fn largest_size(row: &[f32]) -> f32 = plain_largest_size
}

/// a · b + c.
#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    // Without the instruction a fused addition is a slow call.
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// The lanes of a vector brought together, halves first, as vector instructions do it.
#[inline(always)]
fn across(lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut eight = [0f32; 8];
    for lane in 0..8 {
        eight[lane] = join(lanes[lane], lanes[lane + 8]);
    }
    let mut four = [0f32; 4];
    for lane in 0..4 {
        four[lane] = join(eight[lane], eight[lane + 4]);
    }
    join(join(four[0], four[2]), join(four[1], four[3]))
}

/// Gain and shift of a layer norm.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    pub(crate) gain: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

#[inline(always)]
fn plain_add_scaled<const FUSED: bool>(sum: &mut [f32], factor: f32, row: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum = multiply_add::<FUSED>(factor, *value, *sum);
    }
}

#[inline(always)]
fn plain_add_all_scaled<const FUSED: bool>(sum: &mut [f32], factors: &[f32], rows: &[f32]) {
    let d = sum.len();
    // Four at a time, so that the sum is loaded and stored a quarter as often.
    let (fours, rest) = factors.as_chunks::<4>();
    let (rows_of_fours, rows_of_rest) = rows.split_at(4 * fours.len() * d);
    for ([a, b, c, e], rows) in fours.iter().zip(rows_of_fours.chunks_exact(4 * d)) {
        let row = |which: usize| &rows[which * d..(which + 1) * d];
        for ((((sum, x), y), z), w) in sum.iter_mut().zip(row(0)).zip(row(1)).zip(row(2)).zip(row(3)) {
            let half = multiply_add::<FUSED>(*b, *y, multiply_add::<FUSED>(*a, *x, *sum));
            *sum = multiply_add::<FUSED>(*e, *w, multiply_add::<FUSED>(*c, *z, half));
        }
    }
    for (factor, row) in rest.iter().zip(rows_of_rest.chunks_exact(d)) {
        plain_add_scaled::<FUSED>(sum, *factor, row);
    }
}

#[inline(always)]
fn plain_largest_size<const FUSED: bool>(row: &[f32]) -> f32 {
    // As integers, sizes have the order of the floats, and what is not a number is the largest.
    let largest = row.iter().fold(0, |largest: u32, value| largest.max(value.to_bits() & 0x7fff_ffff));
    f32::from_bits(largest)
}

#[inline(always)]
fn plain_dot<const FUSED: bool>(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] = multiply_add::<FUSED>(left[lane], right[lane], sums[lane]);
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    // Where it is seen through that pairs are added last, the loop above is compiled to vectors of two.
    across(black_box(sums), |left, right| left + right) + rest
}

#[inline(always)]
fn sum_of(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += term(chunk[lane]);
        }
    }
    across(sums, |left, right| left + right) + rest.iter().map(|value| term(*value)).sum::<f32>()
}

#[inline(always)]
fn plain_layer_norm<const FUSED: bool>(row: &mut [f32], norm: &LayerNorm) {
    let n = row.len() as f32;
    let mean = sum_of(row, |value| value) / n;
    let variance = sum_of(row, |value| (value - mean) * (value - mean)) / n;
    let factor = 1.0 / (variance + norm.epsilon).sqrt();
    for ((value, gain), shift) in row.iter_mut().zip(&norm.gain).zip(&norm.shift) {
        *value = multiply_add::<FUSED>((*value - mean) * factor, *gain, *shift);
    }
}

#[inline(always)]
fn plain_softmax<const FUSED: bool>(values: &mut [f32]) {
    let greater = |left: f32, right: f32| if left > right { left } else { right };
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut highest = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            highest[lane] = greater(chunk[lane], highest[lane]);
        }
    }
    let highest = rest.iter().fold(across(highest, greater), |highest, value| greater(*value, highest));
    for value in values.iter_mut() {
        *value = exp::<FUSED>(*value - highest);
    }
    let factor = 1.0 / sum_of(values, |value| value);
    for value in values {
        *value *= factor;
    }
}

#[inline(always)]
fn plain_gelu<const FUSED: bool>(values: &mut [f32]) {
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for value in chunk {
            *value = gelu_of::<FUSED>(*value);
        }
    }
    for value in rest {
        *value = gelu_of::<FUSED>(*value);
    }
}

#[inline(always)]
fn gelu_of<const FUSED: bool>(x: f32) -> f32 {
    // Φ(-|x|) = t (a1 + t (a2 + ...)) exp(-x²/2) / 2 with t = 1 / (1 + p |x| / √2): Abramowitz and Stegun, 7.1.26.
    const P: f32 = 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2;
    const A: [f32; 5] = [0.254_829_6, -0.284_496_74, 1.421_413_7, -1.453_152, 1.061_405_4];
    let size = x.abs();
    let t = 1.0 / multiply_add::<FUSED>(P, size, 1.0);
    let polynomial = A.iter().rev().skip(1).fold(A[4], |sum, a| multiply_add::<FUSED>(sum, t, *a)) * t;
    let tail = 0.5 * polynomial * exp::<FUSED>(-0.5 * x * x);
    let positive = if x > 0.0 { x } else { 0.0 };
    positive - size * tail
}

/// e^x with a relative error below 3e-7, 0 below -87; x is at most 88.
#[inline(always)]
fn exp<const FUSED: bool>(x: f32) -> f32 {
    // Adding 1.5 · 2^23 leaves the nearest whole number in the last bits.
    const TO_WHOLE: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // (e^r - 1 - r) / r² on |r| <= ln(2)/2, the constants of Cephes' expf, highest power first.
    const SERIES: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let clamped = if x < -87.0 { -87.0 } else { x };
    let shifted = multiply_add::<FUSED>(clamped, std::f32::consts::LOG2_E, TO_WHOLE);
    let whole = shifted - TO_WHOLE;
    let r = multiply_add::<FUSED>(whole, -LN_2_LOW, multiply_add::<FUSED>(whole, -LN_2_HIGH, clamped));
    let series = SERIES[1..].iter().fold(SERIES[0], |sum, a| multiply_add::<FUSED>(sum, r, *a));
    let value = multiply_add::<FUSED>(r * r, series, r + 1.0);
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let value = value * power;
    if x < -87.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Φ by its series, in double precision.
    fn gelu_by_series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..400 {
            term *= x * x / f64::from(2 * n + 1);
            sum += term;
        }
        x * (0.5 + sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt())
    }

    proptest! {
        #[test]
        fn gelu_is_within_one_millionth(x in -12f32..12.0) {
            for instructions in Instructions::available() {
                let mut values = [x; 20];
                gelu(instructions, &mut values);
                let error = (f64::from(values[7]) - gelu_by_series(f64::from(x))).abs();
                prop_assert!(error < 1e-6 * f64::from(x.abs().max(1.0)), "{instructions:?} at {x}: {error}");
            }
        }

        #[test]
        fn exp_is_within_a_few_units_of_the_last_place(x in -87f32..10.0) {
            let expected = f64::from(x).exp();
            for found in [exp::<true>(x), exp::<false>(x)] {
                prop_assert!((f64::from(found) - expected).abs() <= 3e-7 * expected, "at {x}");
            }
        }

        #[test]
        fn softmax_is_a_distribution_in_the_order_of_its_input(values in prop::collection::vec(-90f32..90.0, 1..70)) {
            for instructions in Instructions::available() {
                let mut found = values.clone();
                softmax(instructions, &mut found);
                prop_assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let total: f64 = values.iter().map(|value| f64::from(value - highest).exp()).sum();
                for (value, found) in values.iter().zip(&found) {
                    prop_assert!((f64::from(*found) - f64::from(value - highest).exp() / total).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn a_normed_row_has_mean_zero_and_variance_one(values in prop::collection::vec(-3f32..3.0, 20..80)) {
            let n = values.len();
            prop_assume!(values.iter().any(|value| (value - values[0]).abs() > 0.1));
            let norm = LayerNorm { gain: vec![1.0; n], shift: vec![0.0; n], epsilon: 1e-12 };
            for instructions in Instructions::available() {
                let mut row = values.clone();
                layer_norm(instructions, &mut row, &norm);
                prop_assert!(row.iter().sum::<f32>().abs() < 1e-3 * n as f32);
                prop_assert!((dot(instructions, &row, &row) / n as f32 - 1.0).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn rows_added_together_are_those_added_one_by_one() {
        let numbers = |n: usize| (0..n).map(|i| (i * 7919 % 211) as f32 / 70.0 - 1.5).collect::<Vec<f32>>();
        for (n, d) in [(0, 5), (1, 1), (3, 17), (4, 40), (11, 33)] {
            let (factors, rows) = (numbers(n), numbers(n * d));
            for instructions in Instructions::available() {
                let (mut together, mut one_by_one) = (numbers(d), numbers(d));
                add_all_scaled(instructions, &mut together, &factors, &rows);
                for (factor, row) in factors.iter().zip(rows.chunks_exact(d)) {
                    add_scaled(instructions, &mut one_by_one, *factor, row);
                }
                assert_eq!(together, one_by_one, "{instructions:?}");
            }
        }
    }

    #[test]
    fn the_far_ends_of_gelu_are_zero_and_the_identity() {
        for instructions in Instructions::available() {
            let mut values = [-40.0, -14.0, 0.0, 14.0, 40.0];
            gelu(instructions, &mut values);
            let expected = [0.0, 0.0, 0.0, 14.0, 40.0f32];
            assert!(values.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < f32::MIN_POSITIVE));
        }
    }
}
