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
    /// Softmax that is still to be divided by what is returned.
    fn exponentials(values: &mut [f32]) -> f32 = plain_exponentials
}
for_each_instruction_set! {
    /// `row *= factor`.
    fn scale(row: &mut [f32], factor: f32) = plain_scale
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
pub(crate) fn across(lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
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
fn plain_scale<const FUSED: bool>(row: &mut [f32], factor: f32) {
    for value in row {
        *value *= factor;
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
    let factor = 1.0 / plain_exponentials::<FUSED>(values);
    for value in values {
        *value *= factor;
    }
}

#[inline(always)]
fn plain_exponentials<const FUSED: bool>(values: &mut [f32]) -> f32 {
    let greater = |left: f32, right: f32| if left > right { left } else { right };
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    let mut highest = [f32::NEG_INFINITY; LANES];
    for chunk in chunks.iter() {
        for lane in 0..LANES {
            highest[lane] = greater(chunk[lane], highest[lane]);
        }
    }
    let highest = rest.iter().fold(across(highest, greater), |highest, value| greater(*value, highest));
    let exponential = |value: f32| exp2::<FUSED>((value - highest) * std::f32::consts::LOG2_E);
    let mut sums = [0f32; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            chunk[lane] = exponential(chunk[lane]);
            sums[lane] += chunk[lane];
        }
    }
    let mut sum = across(sums, |left, right| left + right);
    for value in rest {
        *value = exponential(*value);
        sum += *value;
    }
    sum
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
    // The logarithm to base 2 of Φ(-s), highest power first. Found by minimizing the largest error of s Φ(-s) on 0..14
    // (`scripts/polynomials.py`): 8e-8. Its value at 0 is exact.
    const LOG_TAIL: [f32; 7] =
        [2.992_385e-5, -7.398_718e-4, 7.977_456e-3, -5.323_818e-2, -4.589_157e-1, -1.151_147_1, -1.0];
    let size = x.abs();
    // Nothing of what is beyond shows.
    let bounded = if size < 14.0 { size } else { 14.0 };
    let log_tail = LOG_TAIL[1..].iter().fold(LOG_TAIL[0], |sum, a| multiply_add::<FUSED>(sum, bounded, *a));
    let positive = if x > 0.0 { x } else { 0.0 };
    positive - size * exp2::<FUSED>(log_tail)
}

/// 2^x with a relative error below 2e-7, 0 below -126.5; x is at most 127.
#[inline(always)]
fn exp2<const FUSED: bool>(x: f32) -> f32 {
    // Adding 1.5 · 2^23 leaves the nearest whole number in the last bits.
    const TO_WHOLE: f32 = 12_582_912.0;
    // 2^r on |r| <= 1/2, highest power first, by minimizing the largest relative error (same script): 7.5e-8.
    const SERIES: [f32; 6] = [1.327_646e-3, 9.675_542e-3, 5.550_713_5e-2, 2.402_212e-1, 6.931_469_4e-1, 1.000_000_1];
    let clamped = if x < -127.0 { -127.0 } else { x };
    let shifted = clamped + TO_WHOLE;
    let r = clamped - (shifted - TO_WHOLE);
    let series = SERIES[1..].iter().fold(SERIES[0], |sum, a| multiply_add::<FUSED>(sum, r, *a));
    // The bits of 2^-127 are those of 0.
    series * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
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
        fn powers_of_two_are_within_a_few_units_of_the_last_place(x in -126f32..20.0) {
            let expected = f64::from(x).exp2();
            for found in [exp2::<true>(x), exp2::<false>(x)] {
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
            assert!(values.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-30));
            assert_eq!(exp2::<true>(f32::NEG_INFINITY).to_bits(), 0);
        }
    }
}
