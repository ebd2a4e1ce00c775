//! Inputs of products: rows of 32-bit floats, turned into the words that a kernel multiplies.

#![expect(clippy::inline_always, reason = "a loop gets the instructions of the function it is inlined into")]

use crate::kernels::instructions::Instructions;
use crate::kernels::kernel::Layout;
use crate::kernels::rows::{LANES, across, for_each_instruction_set};
use crate::kernels::split_inputs::SplitInputs;

/// Rows inside a larger row-major buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowsOf<'a> {
    /// The buffer, from the first value of the first row.
    pub(crate) values: &'a [f32],
    /// Distance between the beginnings of two rows.
    pub(crate) stride: usize,
    /// How many rows.
    pub(crate) n: usize,
}

/// Steps between the least and the largest 8-bit input of a row: of 256 a few are left to rounding.
const STEPS: f32 = 252.0;

/// How the 8-bit integers of a row stand for its values: value = (integer - zero) · scale. Rows of GELU's have hardly
/// anything below zero; with their own zero point they do not waste half of the integers on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct InputScale {
    pub(crate) scale: f32,
    pub(crate) zero: i32,
}

/// The words of an input in a kernel's layout, in memory that is reused.
#[derive(Debug, Default)]
pub(crate) struct Operand {
    words: Vec<u32>,
    scales: Vec<InputScale>,
    /// Parts of a row's split inputs.
    parts: Vec<f32>,
}

/// Words that a kernel can run on, row after row.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// From the first word of the first row.
    pub(crate) values: &'a [u32],
    /// Words between the beginnings of two rows.
    pub(crate) stride: usize,
    /// One for each row of 8-bit integers, else empty.
    pub(crate) scales: &'a [InputScale],
}

impl<'a> RowsOf<'a> {
    /// Rows that lie close together.
    pub(crate) fn dense(values: &'a [f32], width: usize) -> Self {
        Self { values, stride: width, n: values.len() / width }
    }

    /// `k` values of row `r`.
    pub(crate) fn row(self, r: usize, k: usize) -> &'a [f32] {
        &self.values[r * self.stride..r * self.stride + k]
    }
}

impl Words<'_> {
    /// The same rows from word `at` on.
    pub(crate) fn from(self, at: usize) -> Self {
        Self { values: &self.values[at..], ..self }
    }
}

impl Operand {
    /// Turns the first `k` values of each row into words. 32-bit floats stay where they are; 8-bit integers are split
    /// where `split` says so.
    pub(crate) fn words<'a>(
        &'a mut self,
        instructions: Instructions,
        layout: Layout,
        x: RowsOf<'a>,
        k: usize,
        split: &SplitInputs,
    ) -> Words<'a> {
        if layout == Layout::Single {
            return Words { values: bits_of(x.values), stride: x.stride, scales: &[] };
        }
        let stride = (k + split.n_behind()).div_ceil(layout.group());
        if self.words.len() < x.n * stride {
            self.words.resize(x.n * stride, 0);
        }
        self.scales.clear();
        for (r, words) in self.words.chunks_exact_mut(stride).take(x.n).enumerate() {
            let row = x.row(r, k);
            if layout == Layout::Bf16Pair {
                to_bf16(instructions, row, words);
                continue;
            }
            let (least, largest) = range(instructions, row, split.shares());
            let input = InputScale::of(least, largest);
            self.scales.push(input);
            if layout == Layout::ByteQuad {
                to_bytes(instructions, row, input.scale, input.zero as u8, words);
                split.write_parts::<u8>(instructions, row, input.scale, input.zero, parts_of(words), &mut self.parts);
            } else {
                // Wide enough for negative values.
                to_i16(instructions, row, input.scale, words);
                split.write_parts::<u16>(instructions, row, input.scale, 0, parts_of(words), &mut self.parts);
            }
        }
        Words { values: &self.words, stride, scales: &self.scales }
    }
}

impl InputScale {
    /// For values in a range that has 0 in it.
    fn of(least: f32, largest: f32) -> Self {
        let scale = (largest - least) / STEPS;
        // What is not a number stays not a number, and shows in the result.
        let scale = if scale == 0.0 { 1.0 } else { scale };
        // One more, for parts that are rounded down.
        Self { scale, zero: (-least / scale).round_ties_even() as i32 + 1 }
    }
}

/// The scale q of 8-bit integers for values up to a size: value = q · scale with q in -127..=127.
pub(crate) fn quantization_scale(largest: f32) -> f32 {
    // What is not a number stays not a number, and shows in the result.
    if largest == 0.0 { 1.0 } else { largest / 127.0 }
}

/// 1.5 · 2^23: a sum with it has the nearest whole number in its last bits.
const ROUNDING: f32 = 12_582_912.0;

/// The nearest whole number of a value divided by its scale, in the last bits; `inverse` is 1 / scale.
#[inline(always)]
fn quantized(value: f32, inverse: f32) -> u32 {
    (value * inverse + ROUNDING).to_bits()
}

/// The same whole number as a float.
#[inline(always)]
pub(crate) fn rounded(value: f32, inverse: f32) -> f32 {
    value * inverse + ROUNDING - ROUNDING
}

/// The bits of 32-bit floats.
fn bits_of(values: &[f32]) -> &[u32] {
    // SAFETY: both types have the same size and alignment, and every pattern of bits is a u32.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}

/// Words as the bytes and halves that they are made of.
pub(crate) fn parts_of<T: Part>(words: &mut [u32]) -> &mut [T] {
    let n = words.len() * (size_of::<u32>() / size_of::<T>());
    // SAFETY: `Part` is only implemented for integers that divide a u32, and any pattern of bits is a value of them.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), n) }
}

/// An unsigned integer that divides a word.
pub(crate) trait Part: Copy {
    /// The last bits of a number.
    fn of(value: i32) -> Self;
}
impl Part for u8 {
    fn of(value: i32) -> Self {
        value as Self
    }
}
impl Part for u16 {
    fn of(value: i32) -> Self {
        value as Self
    }
}

for_each_instruction_set! {
    /// The nearest bfloat16 of each value, in pairs.
    fn to_bf16(row: &[f32], words: &mut [u32]) = plain_to_bf16
}
for_each_instruction_set! {
    /// Pairs of the nearest bfloat16 of two rows.
    fn interleave(first: &[f32], second: &[f32], words: &mut [u32]) = plain_interleave
}
for_each_instruction_set! {
    /// 8-bit integers in quads; `zero` is what 0 becomes.
    fn to_bytes(row: &[f32], scale: f32, zero: u8, words: &mut [u32]) = plain_to_bytes
}
for_each_instruction_set! {
    /// The least and the largest of values times their shares, and of 0; neither is a number where a value is none.
    fn range(row: &[f32], shares: &[f32]) -> (f32, f32) = plain_range
}
for_each_instruction_set! {
    /// The sum of signed bytes.
    fn sum_of_bytes(words: &[u32]) -> i32 = plain_sum_of_bytes
}
for_each_instruction_set! {
    /// Integers as i16, in pairs.
    fn to_i16(row: &[f32], scale: f32, words: &mut [u32]) = plain_to_i16
}

#[inline(always)]
fn plain_interleave<const FUSED: bool>(first: &[f32], second: &[f32], words: &mut [u32]) {
    for ((word, first), second) in words.iter_mut().zip(first).zip(second) {
        *word = u32::from(bf16(*first)) | u32::from(bf16(*second)) << 16;
    }
}

#[inline(always)]
fn plain_to_bf16<const FUSED: bool>(row: &[f32], words: &mut [u32]) {
    let halves = parts_of::<u16>(words);
    for (half, value) in halves.iter_mut().zip(row) {
        *half = bf16(*value);
    }
    halves[row.len()..].fill(0);
}

/// The nearest bfloat16, ties to even; what is not a number stays so, but for a few patterns that no arithmetic makes.
#[inline(always)]
pub(crate) fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

#[inline(always)]
fn plain_to_bytes<const FUSED: bool>(row: &[f32], scale: f32, zero: u8, words: &mut [u32]) {
    let inverse = 1.0 / scale;
    let bytes = parts_of::<u8>(words);
    for (byte, value) in bytes.iter_mut().zip(row) {
        *byte = (quantized(*value, inverse) as u8).wrapping_add(zero);
    }
    bytes[row.len()..].fill(0);
}

#[inline(always)]
fn plain_range<const FUSED: bool>(row: &[f32], shares: &[f32]) -> (f32, f32) {
    let (values, values_rest) = row.as_chunks::<LANES>();
    let (shares, shares_rest) = shares.as_chunks::<LANES>();
    // Comparisons pass over what is not a number; 0 times it is none.
    let (mut least, mut largest, mut spoiled) = ([0f32; LANES], [0f32; LANES], [0f32; LANES]);
    let mut take = |lane: usize, value: f32, share: f32| {
        let part = value * share;
        least[lane] = if part < least[lane] { part } else { least[lane] };
        largest[lane] = if part > largest[lane] { part } else { largest[lane] };
        spoiled[lane] += part * 0.0;
    };
    for (values, shares) in values.iter().zip(shares) {
        for lane in 0..LANES {
            take(lane, values[lane], shares[lane]);
        }
    }
    for (lane, (value, share)) in values_rest.iter().zip(shares_rest).enumerate() {
        take(lane, *value, *share);
    }
    let spoiled = across(spoiled, |left, right| left + right);
    let least = across(least, |left, right| if right < left { right } else { left });
    let largest = across(largest, |left, right| if right > left { right } else { left });
    (least + spoiled, largest + spoiled)
}

#[inline(always)]
fn plain_sum_of_bytes<const FUSED: bool>(words: &[u32]) -> i32 {
    words.iter().map(|word| word.to_ne_bytes().iter().map(|byte| i32::from(byte.cast_signed())).sum::<i32>()).sum()
}

#[inline(always)]
fn plain_to_i16<const FUSED: bool>(row: &[f32], scale: f32, words: &mut [u32]) {
    let inverse = 1.0 / scale;
    let halves = parts_of::<u16>(words);
    for (half, value) in halves.iter_mut().zip(row) {
        *half = quantized(*value, inverse) as u16;
    }
    halves[row.len()..].fill(0);
}
