//! The best `depth` of a stream of scored documents.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A document by its place in the collection, with its score. The greater one ranks higher:
/// by score, and of equal scores the earlier place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scored {
    pub(crate) place: u32,
    pub(crate) score: f32,
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}

/// Keeps the best `depth` documents offered, in a heap whose top is the worst of them.
pub(crate) struct Top {
    depth: usize,
    heap: BinaryHeap<Reverse<Scored>>,
}

impl Top {
    /// Keeps `depth` documents of a collection of `documents`.
    pub(crate) fn new(depth: usize, documents: usize) -> Self {
        let depth = depth.min(documents);
        Self { depth, heap: BinaryHeap::with_capacity(depth) }
    }

    pub(crate) fn offer(&mut self, offered: Scored) {
        if self.heap.len() < self.depth {
            self.heap.push(Reverse(offered));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && offered > worst.0
        {
            *worst = Reverse(offered);
        }
    }

    /// What was kept, best first.
    pub(crate) fn into_best_first(self) -> Vec<Scored> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(scored)| scored).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_full_sort(scores in prop::collection::vec(0u8..20, 0..200), depth in 0usize..50) {
            let mut all: Vec<Scored> =
                (0..).zip(&scores).map(|(place, &score)| Scored { place, score: f32::from(score) }).collect();
            let mut top = Top::new(depth, all.len());
            for &scored in &all {
                top.offer(scored);
            }
            all.sort_by(|a, b| b.cmp(a));
            all.truncate(depth);
            prop_assert_eq!(top.into_best_first(), all);
        }
    }
}
