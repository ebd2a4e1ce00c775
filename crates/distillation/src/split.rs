//! Examples for learning and examples for looking on, never of one query.

use r2r_types::example::DistillationExample;

use crate::query_text::normalized;
use crate::seeded::seeded_fraction;

/// Examples to learn from, and examples to validate with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    /// Examples to learn from.
    pub train: Vec<DistillationExample>,
    /// Examples to validate with; no query of theirs occurs in `train`.
    pub dev: Vec<DistillationExample>,
}

/// Splits by the **text** of the query, normalized: one question under two ids, or from two teachers, stays on one
/// side. `dev_fraction` (0 to 1) is a probability for each query, so the share of examples comes near it only.
///
/// A query's side depends on its text and the seed, not on the other examples: more data later moves no query.
pub fn split(examples: Vec<DistillationExample>, dev_fraction: f64, seed: u64) -> Split {
    let mut split = Split::default();
    for example in examples {
        let draw = seeded_fraction(seed, &normalized(&example.query.text));
        if draw < dev_fraction { split.dev.push(example) } else { split.train.push(example) }
    }
    split
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use r2r_types::document::Query;

    use super::*;

    fn example(id: usize, text: &str) -> DistillationExample {
        DistillationExample {
            query: Query { id: format!("q{id}").into(), text: text.into() },
            teacher: "t".into(),
            passages: Vec::new(),
        }
    }

    #[test]
    fn the_share_comes_near_the_fraction() {
        let examples: Vec<_> = (0..4000).map(|i| example(i, &format!("query number {i}"))).collect();
        let n_dev = split(examples, 0.1, 13).dev.len();
        assert!((330..470).contains(&n_dev), "{n_dev}");
    }

    proptest! {
        #[test]
        fn no_query_lands_on_both_sides(
            texts in prop::collection::vec("[ab?A ]{0,4}", 0..40), fraction in 0.0..1.0f64, seed: u64,
        ) {
            let examples: Vec<_> = texts.iter().enumerate().map(|(i, text)| example(i, text)).collect();
            let split = split(examples, fraction, seed);
            prop_assert_eq!(split.train.len() + split.dev.len(), texts.len());
            let queries = |side: &[DistillationExample]| -> HashSet<String> {
                side.iter().map(|example| normalized(&example.query.text)).collect()
            };
            prop_assert!(queries(&split.train).is_disjoint(&queries(&split.dev)));
        }

        #[test]
        fn the_ends_take_all_or_nothing(texts in prop::collection::vec("[a-z]{1,4}", 0..20), seed: u64) {
            let examples: Vec<_> = texts.iter().enumerate().map(|(i, text)| example(i, text)).collect();
            prop_assert!(split(examples.clone(), 0.0, seed).dev.is_empty());
            prop_assert!(split(examples, 1.0, seed).train.is_empty());
        }
    }
}
