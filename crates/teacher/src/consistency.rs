//! Whether an order and grades tell the same story.
//!
//! A teacher that puts passage A above B in a list and grades B higher has not made up its mind: such lists teach
//! noise, and leaving them out helps (self-consistency filters).

use serde::{Deserialize, Serialize};

/// Pairs of passages with different grades, and how many of them the order has the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairAgreement {
    /// Pairs with different grades.
    pub pairs: usize,
    /// Those in which the passage with the higher grade stands higher.
    pub agreeing: usize,
}

impl PairAgreement {
    /// Counts the pairs; `grades` are in the order of the list, best first. Passages without a grade are in no pair.
    pub fn of(grades: &[Option<i32>]) -> Self {
        let mut counts = Self::default();
        for (at, upper) in grades.iter().enumerate() {
            let Some(upper) = upper else { continue };
            for lower in grades[at + 1..].iter().flatten() {
                counts.pairs += usize::from(upper != lower);
                counts.agreeing += usize::from(upper > lower);
            }
        }
        counts
    }

    /// The share of pairs that agree, from 0 to 1; `None` where there is no pair.
    pub fn share(&self) -> Option<f64> {
        (self.pairs > 0).then(|| self.agreeing as f64 / self.pairs as f64)
    }
}

/// The agreement of an order with the grades that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consistency {
    /// With the grades that passages got by themselves.
    pub pointwise: PairAgreement,
    /// With the grades that were given together with the order.
    pub listwise: PairAgreement,
}

impl Consistency {
    /// Whether at least the share `least` of pairs agrees: of the pointwise grades where there are any pairs of them,
    /// else of the listwise ones. Where there is no pair nothing speaks against the order.
    pub fn reaches(&self, least: f64) -> bool {
        let share = self.pointwise.share().or(self.listwise.share());
        share.is_none_or(|share| share >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_with_equal_or_missing_grades_do_not_count() {
        let counts = PairAgreement::of(&[Some(3), None, Some(1), Some(3), Some(1)]);
        assert_eq!(counts, PairAgreement { pairs: 4, agreeing: 3 });
        assert_eq!(counts.share(), Some(0.75));
        assert_eq!(PairAgreement::of(&[Some(2), Some(2), None]).share(), None);
    }

    #[test]
    fn pointwise_grades_come_first_and_silence_is_no_contradiction() {
        let listwise = PairAgreement { pairs: 4, agreeing: 4 };
        let pointwise = PairAgreement { pairs: 2, agreeing: 1 };
        assert!(!Consistency { pointwise, listwise }.reaches(0.6));
        assert!(Consistency { pointwise, listwise }.reaches(0.5));
        assert!(Consistency { pointwise: PairAgreement::default(), listwise }.reaches(1.0));
        assert!(Consistency::default().reaches(1.0));
    }
}
