//! Inputs of products: rows of 32-bit floats, turned into the words that a kernel multiplies.

#![expect(clippy::inline_always, reason = "a loop gets the instructions of the function it is inlined into")]

use crate::kernels::instructions::Instructions;
use crate::kernels::kernel::Layout;
use crate::kernels::rows::{for_each_instruction_set, largest_size};

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

/// The zero point of 8-bit inputs, so that they are unsigned as VNNI wants them.
const INPUT_ZERO: u8 = 0x80;

/// The words of an input in a kernel's layout, in memory that is reused.
#[derive(Debug, Default)]
pub(crate) struct Operand {
    words: Vec<u32>,
    scales: Vec<f32>,
}

/// Words that a kernel can run on, row after row.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// From the first word of the first row.
    pub(crate) values: &'a [u32],
    /// Words between the beginnings of two rows.
    pub(crate) stride: usize,
    /// A scale for each row of 8-bit integers, else empty.
    pub(crate) scales: &'a [f32],
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
    /// Turns the first `k` values of each row into words. Floats stay where they are.
    pub(crate) fn words<'a>(
        &'a mut self,
        instructions: Instructions,
        layout: Layout,
        x: RowsOf<'a>,
        k: usize,
    ) -> Words<'a> {
        let stride = k.div_ceil(layout.group());
        if layout == Layout::Single {
            return Words { values: bits_of(x.values), stride: x.stride, scales: &[] };
        }
        if self.words.len() < x.n * stride {
            self.words.resize(x.n * stride, 0);
        }
        self.scales.clear();
        for (r, words) in self.words.chunks_exact_mut(stride).take(x.n).enumerate() {
            let row = x.row(r, k);
            match layout {
                Layout::Single => unreachable!("returned above"),
                Layout::Bf16Pair => to_bf16(instructions, row, words),
                Layout::I16Pair => {
                    let scale = quantization_scale(largest_size(instructions, row));
                    to_i16(instructions, row, scale, words);
                    self.scales.push(scale);
                }
                Layout::ByteQuad => {
                    let scale = quantization_scale(largest_size(instructions, row));
                    to_bytes(instructions, row, scale, INPUT_ZERO, words);
                    self.scales.push(scale);
                }
            }
        }
        Words { values: &self.words, stride, scales: &self.scales }
    }
}

/// The scale q of 8-bit integers for values up to a size: value = q · scale with q in -127..=127.
pub(crate) fn quantization_scale(largest: f32) -> f32 {
    // What is not a number stays not a number, and shows in the result.
    if largest == 0.0 { 1.0 } else { largest / 127.0 }
}

/// The nearest 8-bit integer of a value divided by its scale; `inverse` is 1 / scale.
#[inline(always)]
pub(crate) fn quantized(value: f32, inverse: f32) -> u8 {
    // Adding 1.5 · 2^23 leaves the nearest whole number in the last bits.
    (value * inverse + 12_582_912.0).to_bits() as u8
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
pub(crate) trait Part: Copy {}
impl Part for u8 {}
impl Part for u16 {}

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
    /// The sum of signed bytes.
    fn sum_of_bytes(words: &[u32]) -> i32 = plain_sum_of_bytes
}
for_each_instruction_set! {
    /// 8-bit integers as i16, in pairs.
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
        *byte = quantized(*value, inverse) ^ zero;
    }
    bytes[row.len()..].fill(0);
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
        *half = i16::from(quantized(*value, inverse).cast_signed()).cast_unsigned();
    }
    halves[row.len()..].fill(0);
}
