//! Paired t-test: how far the mean difference is from 0, in standard errors.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::significance::mean_and_deviation;

/// The outcome of a paired t-test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TTest {
    /// Mean difference, in standard errors.
    pub t: f64,
    /// Topics less one.
    pub degrees_of_freedom: usize,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// The paired, two-sided t-test (Student, 1908) on differences of two systems, one for each topic.
///
/// `None` where it is not defined: fewer than two topics, or the same difference for all of them.
pub fn t_test(differences: &[f64]) -> Option<TTest> {
    let (mean, deviation) = mean_and_deviation(differences)?;
    if deviation <= mean.abs() * 1e-12 {
        return None;
    }
    let degrees_of_freedom = differences.len() - 1;
    let t = mean / (deviation / (differences.len() as f64).sqrt());
    let distribution = StudentsT::new(0.0, 1.0, degrees_of_freedom as f64).expect("there is a degree of freedom");
    let p_value = (2.0 * distribution.cdf(-t.abs())).min(1.0);
    Some(TTest { t, degrees_of_freedom, p_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.ttest_rel(after, before)` of scipy 1.17.
    #[test]
    fn it_agrees_with_scipy() {
        let before = [0.3, 0.1, 0.5, 0.25, 0.7, 0.0, 0.45, 0.6];
        let after = [0.5, 0.2, 0.4, 0.5, 0.9, 0.1, 0.5, 0.55];
        let differences: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let found = t_test(&differences).unwrap();
        assert!((found.t - 2.142_857_142_857_144).abs() < 1e-9, "{}", found.t);
        assert!((found.p_value - 0.069_341_145_295_968).abs() < 1e-9, "{}", found.p_value);
        assert_eq!(found.degrees_of_freedom, 7);
    }

    #[test]
    fn it_is_not_defined_without_spread() {
        assert_eq!(t_test(&[]), None);
        assert_eq!(t_test(&[0.2]), None);
        assert_eq!(t_test(&[0.0, 0.0, 0.0]), None);
        assert_eq!(t_test(&[0.1, 0.1, 0.1]), None);
    }
}
