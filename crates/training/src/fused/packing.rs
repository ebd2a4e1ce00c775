//! Sequences laid end to end without padding.

use std::ops::Range;
use std::sync::Arc;

/// Where each sequence of a packed `[rows, features]` tensor begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// `count() + 1` rising row numbers, the first of them 0.
    starts: Arc<[usize]>,
}

impl Packing {
    /// Packs sequences of the given lengths (rows) in order.
    pub fn of(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for length in lengths {
            end += length;
            starts.push(end);
        }
        Self { starts: starts.into() }
    }

    /// How many sequences there are.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many rows all sequences have together.
    pub fn rows(&self) -> usize {
        self.starts[self.count()]
    }

    /// The rows of one sequence.
    pub fn range(&self, sequence: usize) -> Range<usize> {
        self.starts[sequence]..self.starts[sequence + 1]
    }

    /// The rows of every sequence, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.starts.windows(2).map(|pair| pair[0]..pair[1])
    }

    /// The number of rows of the longest sequence.
    pub fn longest(&self) -> usize {
        self.ranges().map(|range| range.len()).max().unwrap_or(0)
    }

    /// Cuts a row-major buffer of `width` values a row into one slice a sequence.
    pub(crate) fn split_mut<'a>(&self, mut values: &'a mut [f32], width: usize) -> Vec<&'a mut [f32]> {
        let mut parts = Vec::with_capacity(self.count());
        for range in self.ranges() {
            let (part, rest) = values.split_at_mut(range.len() * width);
            parts.push(part);
            values = rest;
        }
        parts
    }
}
