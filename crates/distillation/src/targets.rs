//! Target scores of a list: what the student's scores are drawn towards.

use serde::{Deserialize, Serialize};

/// Where the targets of a list come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Targets {
    /// The teacher's order.
    #[default]
    Order,
    /// The teacher's grades where it graded every passage and no grade contradicts its order; else its order.
    Grades,
}

/// Targets of `n` passages, best first: `n - 1 - rank`, the number of passages that stand below.
///
/// Not normalized to 1 .. 0: so neighbours are one apart whatever the length of the list. The softmax of a listwise
/// loss gives the same odds `e : 1` between neighbours in a list of five and in one of twenty, and its temperature
/// means the same for both. A pairwise loss reads the signs of differences only.
pub fn order_targets(n: usize) -> Vec<f32> {
    (0..n).rev().map(|below| below as f32).collect()
}

/// Targets of passages, best first, by the grades that the teacher gave them.
///
/// `None` where a grade is missing or higher than one before it: such grades and the order cannot both be taught.
/// Equal grades give equal targets: no preference.
pub fn grade_targets(grades: &[Option<i32>]) -> Option<Vec<f32>> {
    let targets: Vec<f32> = grades.iter().map(|grade| grade.map(|grade| grade as f32)).collect::<Option<_>>()?;
    targets.is_sorted_by(|before, after| before >= after).then_some(targets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_are_one_apart() {
        assert_eq!(order_targets(4), [3.0, 2.0, 1.0, 0.0]);
        assert!(order_targets(0).is_empty());
    }

    #[test]
    fn grades_count_only_where_they_agree_with_the_order() {
        assert_eq!(grade_targets(&[Some(3), Some(1), Some(1)]), Some(vec![3.0, 1.0, 1.0]));
        assert_eq!(grade_targets(&[Some(1), Some(3)]), None);
        assert_eq!(grade_targets(&[Some(1), None]), None);
    }

    proptest! {
        #[test]
        fn targets_never_rise_along_the_ranking(grades in prop::collection::vec(prop::option::of(0..5), 0..12)) {
            prop_assert!(order_targets(grades.len()).is_sorted_by(|before, after| before > after));
            if let Some(targets) = grade_targets(&grades) {
                prop_assert!(targets.is_sorted_by(|before, after| before >= after));
            }
        }
    }
}
