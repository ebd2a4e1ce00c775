//! Inputs of 8-bit products that are much larger than the others, split into parts that are not (outlier channel
//! splitting, Zhao et al., 2019): one scale then fits a whole row.
//!
//! An input in m parts stands m times in a row, beside the same weight each time. Its integer q is split without a rest:
//! the floors of (q + i) / m for i below m add up to q.

#![expect(clippy::inline_always, reason = "a loop gets the instructions of the function it is inlined into")]

use std::collections::BTreeMap;

use crate::kernels::instructions::Instructions;
use crate::kernels::operand::{Part, rounded};
use crate::kernels::rows::for_each_instruction_set;

/// Which of a product's k inputs are split. First parts stay in the input's place, the others follow behind all inputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitInputs {
    /// 1 over the number of an input's parts, `[k]`.
    shares: Vec<f32>,
    /// How many parts stand behind the inputs.
    n_behind: usize,
    /// The input of each part: of those behind, then of the first ones.
    inputs: Vec<usize>,
    /// i + 1/2 for part i; the half keeps what is divided away from whole numbers, so that rounding cannot matter.
    offsets: Vec<f32>,
    /// 1 over the number of parts, for each part.
    inverses: Vec<f32>,
}

/// How many parts inputs have that have more than one.
pub(crate) type Parts = BTreeMap<usize, usize>;

impl SplitInputs {
    /// Splits some of `k` inputs.
    pub(crate) fn new(k: usize, parts: &Parts) -> Self {
        let mut split = Self { shares: vec![1.0; k], ..Self::default() };
        let behind = parts.iter().flat_map(|(input, parts)| (1..*parts).map(move |part| (*input, part)));
        let first = parts.keys().map(|input| (*input, 0));
        for (input, part) in behind.chain(first) {
            let inverse = 1.0 / parts[&input] as f32;
            split.shares[input] = inverse;
            split.n_behind += usize::from(part > 0);
            split.inputs.push(input);
            split.offsets.push(part as f32 + 0.5);
            split.inverses.push(inverse);
        }
        split
    }

    /// 1 over the number of each input's parts, `[k]`.
    pub(crate) fn shares(&self) -> &[f32] {
        &self.shares
    }

    /// How many parts stand behind the inputs.
    pub(crate) fn n_behind(&self) -> usize {
        self.n_behind
    }

    /// Copies the weights of split inputs behind a row of weights; `weights` has room for them.
    pub(crate) fn repeat_weights(&self, weights: &mut [f32]) {
        let k = self.shares.len();
        for (place, input) in self.inputs[..self.n_behind].iter().enumerate() {
            weights[k + place] = weights[*input];
        }
    }

    /// Puts the parts of a row's split inputs, each plus `zero`, into the row's integers.
    pub(crate) fn write_parts<T: Part>(
        &self,
        instructions: Instructions,
        row: &[f32],
        scale: f32,
        zero: i32,
        integers: &mut [T],
        buffer: &mut Vec<f32>,
    ) {
        if self.inputs.is_empty() {
            return;
        }
        buffer.clear();
        buffer.extend(self.inputs.iter().map(|input| row[*input]));
        divide(instructions, buffer, scale, &self.offsets, &self.inverses);
        let (behind, first) = buffer.split_at(self.n_behind);
        for (integer, part) in integers[self.shares.len()..].iter_mut().zip(behind) {
            *integer = T::of(*part as i32 + zero);
        }
        for (input, part) in self.inputs[self.n_behind..].iter().zip(first) {
            integers[*input] = T::of(*part as i32 + zero);
        }
    }
}

for_each_instruction_set! {
    /// The whole number of each part of values divided by a scale.
    fn divide(values: &mut [f32], scale: f32, offsets: &[f32], inverses: &[f32]) = plain_divide
}

#[inline(always)]
fn plain_divide<const FUSED: bool>(values: &mut [f32], scale: f32, offsets: &[f32], inverses: &[f32]) {
    let inverse = 1.0 / scale;
    for ((value, offset), parts) in values.iter_mut().zip(offsets).zip(inverses) {
        *value = ((rounded(*value, inverse) + offset) * parts).floor();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole_and_differ_by_at_most_one(q in -2000i32..2000, n in 2usize..12) {
            let split = SplitInputs::new(3, &Parts::from([(1, n)]));
            for instructions in Instructions::available() {
                let mut halves = vec![0u16; 3 + split.n_behind()];
                let row = [0.0, q as f32 * 0.25, 0.0];
                split.write_parts(instructions, &row, 0.25, 0, &mut halves, &mut Vec::new());
                let parts: Vec<i32> =
                    [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13][..n].iter().map(|i| i32::from(halves[*i].cast_signed())).collect();
                prop_assert_eq!(parts.iter().sum::<i32>(), q);
                prop_assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1);
            }
        }
    }
}
