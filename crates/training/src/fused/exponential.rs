//! `exp` and the normal distribution in a form that compilers turn into vector instructions.
#![expect(clippy::inline_always, reason = "the bodies must be compiled with the vector width of their caller")]

/// 1.5 * 2^23: adding it rounds a small float to an integer that stands in the low bits.
const ROUNDING: f32 = 12_582_912.0;

/// `exp(x)` with a relative error below 3e-7; arguments are clamped to +-87.
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    let x = x.clamp(-87.0, 87.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDING;
    let power = rounded - ROUNDING;
    // ln 2 in two parts (Cody & Waite): the first has few bits, so its product with `power` is exact.
    let rest = x - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let mut series = 1.987_569_1e-4;
    series = series * rest + 1.398_199_9e-3;
    series = series * rest + 8.333_452e-3;
    series = series * rest + 4.166_579_6e-2;
    series = series * rest + 0.166_666_66;
    series = series * rest + 0.5;
    let fraction = series * rest * rest + rest + 1.0;
    let exponent = rounded.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127);
    fraction * f32::from_bits(exponent << 23)
}

/// The standard normal's distribution and density at `x`.
///
/// The error function is formula 7.1.26 of Abramowitz and Stegun (absolute error 1.5e-7); its exponential is the
/// density's, so that both cost one.
#[inline(always)]
pub(super) fn normal(x: f32) -> (f32, f32) {
    let bell = exponential(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let mut series = 1.061_405_4_f32;
    series = series * t - 1.453_152;
    series = series * t + 1.421_413_7;
    series = series * t - 0.284_496_74;
    series = series * t + 0.254_829_6;
    let upper_tail = 0.5 * series * t * bell;
    let distribution = if x < 0.0 { upper_tail } else { 1.0 - upper_tail };
    (distribution, bell * 0.398_942_3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_agrees_with_the_standard_library() {
        for step in -8000..8000 {
            let x = step as f32 * 0.01;
            let expected = x.exp();
            assert!((exponential(x) - expected).abs() <= 3e-7 * expected, "exp({x})");
        }
    }

    #[test]
    fn normal_distribution_is_the_integral_of_its_density() {
        let mut integral = 0.5_f64;
        for step in 0..6000 {
            let x = step as f32 * 0.001;
            let (distribution, _) = normal(x);
            assert!((f64::from(distribution) - integral).abs() < 1e-6, "at {x}: {distribution} against {integral}");
            assert!((normal(-x).0 - (1.0 - distribution)).abs() < 1e-6);
            integral += 0.001 * f64::from(normal(x + 0.0005).1);
        }
    }
}
