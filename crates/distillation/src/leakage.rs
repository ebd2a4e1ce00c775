//! Test queries have no place in training data.

use std::collections::HashSet;

use r2r_types::example::DistillationExample;
use serde::Serialize;

use crate::query_text::{normalized, sorted_words};

/// Examples that were removed because their query is a test query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeakageCounts {
    /// The same query but for white space, case and punctuation.
    pub equal: usize,
    /// The same words in another order.
    pub near_equal: usize,
}

/// Removes examples whose query equals one of `test_queries`, or has the same words in another order. Order is kept.
pub fn without_leaks<'a>(
    examples: Vec<DistillationExample>,
    test_queries: impl IntoIterator<Item = &'a str>,
) -> (Vec<DistillationExample>, LeakageCounts) {
    let (mut equal, mut near_equal) = (HashSet::new(), HashSet::new());
    for query in test_queries {
        equal.insert(normalized(query));
        near_equal.insert(sorted_words(query));
    }
    let mut counts = LeakageCounts::default();
    let kept = examples.into_iter().filter(|example| {
        if equal.contains(&normalized(&example.query.text)) {
            counts.equal += 1;
            false
        } else if near_equal.contains(&sorted_words(&example.query.text)) {
            counts.near_equal += 1;
            false
        } else {
            true
        }
    });
    let kept = kept.collect();
    (kept, counts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use r2r_types::document::Query;

    use super::*;

    fn examples(texts: &[String]) -> Vec<DistillationExample> {
        let query = |text: &String| Query { id: "q".into(), text: text.clone() };
        texts
            .iter()
            .map(|text| DistillationExample { query: query(text), teacher: "t".into(), passages: Vec::new() })
            .collect()
    }

    #[test]
    fn equal_and_near_equal_queries_are_removed_and_counted() {
        let texts = ["What is basalt?", "basalt is WHAT", "what is granite"].map(str::to_owned);
        let (kept, counts) = without_leaks(examples(&texts), ["what is basalt"]);
        assert_eq!(kept, examples(&texts[2..]));
        assert_eq!(counts, LeakageCounts { equal: 1, near_equal: 1 });
    }

    proptest! {
        #[test]
        fn no_test_query_is_left(texts in prop::collection::vec("[ab ]{0,4}", 0..20), tests in prop::collection::vec("[abAB?]{0,4}", 0..6)) {
            let (kept, counts) = without_leaks(examples(&texts), tests.iter().map(String::as_str));
            prop_assert_eq!(kept.len() + counts.equal + counts.near_equal, texts.len());
            for example in kept {
                prop_assert!(tests.iter().all(|test| sorted_words(test) != sorted_words(&example.query.text)));
            }
        }
    }
}
