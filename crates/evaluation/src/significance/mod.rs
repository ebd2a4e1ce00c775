//! Whether one run is better than another, or was lucky with its topics.

mod bootstrap;
mod holm;
mod randomization;
mod t_test;

use r2r_types::QueryId;
use serde::Serialize;

use crate::evaluate::Evaluation;
use crate::measures::Measure;

pub use bootstrap::{CONFIDENCE, Interval, bootstrap_interval};
pub use holm::holm;
pub use randomization::randomization_p_value;
pub use t_test::{TTest, t_test};

/// How many random draws are made, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignificanceOptions {
    /// Draws of the randomization test; 10,000 by default, whose smallest p-value is 0.0001.
    pub permutations: u32,
    /// Draws of the bootstrap; 10,000 by default.
    pub resamples: u32,
    /// The seed of both; 13 by default.
    pub seed: u64,
}

impl Default for SignificanceOptions {
    fn default() -> Self {
        Self { permutations: 10_000, resamples: 10_000, seed: 13 }
    }
}

/// A run against a baseline, by one measure, on the topics that both scored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The measure.
    pub measure: Measure,
    /// Mean of the run less mean of the baseline.
    pub difference: f64,
    /// Two-sided p-value of the paired randomization test.
    pub p_value: f64,
    /// The same after Holm's correction for the number of runs compared by this measure.
    pub corrected_p_value: f64,
    /// 95 % bootstrap interval of the difference.
    pub interval: Interval,
    /// The paired t-test; `None` where it is not defined.
    pub t_test: Option<TTest>,
    /// Mean difference in standard deviations of the differences (Cohen's d for paired values);
    /// `None` where they do not spread.
    pub effect_size: Option<f64>,
    /// Topics that both runs scored.
    pub topics: usize,
    /// Topics where the run is better.
    pub better: usize,
    /// Topics where the run is worse.
    pub worse: usize,
}

/// A topic by which two runs can be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair<'a> {
    /// The topic.
    pub query: &'a QueryId,
    /// The baseline's value.
    pub baseline: f64,
    /// The run's value.
    pub run: f64,
}

impl Pair<'_> {
    /// The run's value less the baseline's.
    pub fn difference(&self) -> f64 {
        self.run - self.baseline
    }
}

/// The values of the topics that both runs scored, ordered by topic; none where one of the two was
/// not measured so.
pub fn pairs<'a>(baseline: &'a Evaluation, run: &Evaluation, measure: Measure) -> Vec<Pair<'a>> {
    let pair = |query: &'a QueryId| {
        Some(Pair { query, baseline: baseline.value(query, measure)?, run: run.value(query, measure)? })
    };
    baseline.per_query.keys().filter_map(pair).collect()
}

/// Compares runs with a baseline: for each run one comparison for each measure of the baseline.
///
/// All draws start from the same seed, so that adding a run or a measure changes no other p-value;
/// only Holm's correction, over the runs, measure by measure, sees how many runs there are.
pub fn compare(baseline: &Evaluation, runs: &[&Evaluation], options: &SignificanceOptions) -> Vec<Vec<Comparison>> {
    let compare_run = |run: &&Evaluation| -> Vec<Comparison> {
        baseline.measures.iter().map(|&measure| compare_by(measure, baseline, run, options)).collect()
    };
    let mut comparisons: Vec<Vec<Comparison>> = runs.iter().map(compare_run).collect();
    for i in 0..baseline.measures.len() {
        let p_values: Vec<f64> = comparisons.iter().map(|of_run| of_run[i].p_value).collect();
        for (of_run, corrected) in comparisons.iter_mut().zip(holm(&p_values)) {
            of_run[i].corrected_p_value = corrected;
        }
    }
    comparisons
}

/// One run by one measure, not yet corrected.
fn compare_by(measure: Measure, baseline: &Evaluation, run: &Evaluation, options: &SignificanceOptions) -> Comparison {
    let differences: Vec<f64> = pairs(baseline, run, measure).iter().map(Pair::difference).collect();
    let p_value = randomization_p_value(&differences, options.permutations, options.seed);
    let spread = mean_and_deviation(&differences).filter(|(mean, deviation)| *deviation > mean.abs() * 1e-12);
    Comparison {
        measure,
        difference: differences.iter().sum::<f64>() / differences.len().max(1) as f64,
        p_value,
        corrected_p_value: p_value,
        interval: bootstrap_interval(&differences, options.resamples, options.seed),
        t_test: t_test(&differences),
        effect_size: spread.map(|(mean, deviation)| mean / deviation),
        topics: differences.len(),
        better: differences.iter().filter(|difference| **difference > 0.0).count(),
        worse: differences.iter().filter(|difference| **difference < 0.0).count(),
    }
}

/// Mean and sample standard deviation; `None` for fewer than two values.
fn mean_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / (n - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::TopicCounts;

    fn evaluation(values: &[(&str, f64)]) -> Evaluation {
        let n = values.len() as f64;
        Evaluation {
            run: String::new(),
            measures: vec!["AP".parse().unwrap()],
            means: vec![values.iter().map(|(_, value)| value).sum::<f64>() / n],
            per_query: values.iter().map(|&(query, value)| (query.into(), vec![value])).collect(),
            topics: TopicCounts::default(),
            documents_removed: 0,
        }
    }

    #[test]
    fn runs_are_compared_on_the_topics_that_both_scored() {
        let baseline = evaluation(&[("q1", 0.5), ("q2", 0.5), ("q3", 0.0)]);
        let run = evaluation(&[("q2", 0.75), ("q3", 0.0), ("q4", 1.0)]);
        let found = compare(&baseline, &[&run], &SignificanceOptions::default())[0][0];
        assert_eq!((found.topics, found.better, found.worse), (2, 1, 0));
        assert!((found.difference - 0.125).abs() < 1e-12);
        assert!((found.p_value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_run_does_not_differ_from_itself() {
        let run = evaluation(&[("q1", 0.5), ("q2", 0.25)]);
        let found = compare(&run, &[&run], &SignificanceOptions::default())[0][0];
        assert!((found.p_value - 1.0).abs() < 1e-12 && (found.corrected_p_value - 1.0).abs() < 1e-12);
        assert_eq!((found.interval, found.t_test, found.effect_size), (Interval { low: 0.0, high: 0.0 }, None, None));
    }

    #[test]
    fn more_runs_change_nothing_but_the_correction() {
        let topics: Vec<String> = (0..20).map(|i| format!("q{i:02}")).collect();
        let values = |shift: f64| -> Vec<(&str, f64)> {
            topics
                .iter()
                .enumerate()
                .map(|(i, q)| (q.as_str(), 0.3 + shift * f64::from(i as u32 % 7) - shift))
                .collect()
        };
        let (baseline, better, other) =
            (evaluation(&values(0.0)), evaluation(&values(0.02)), evaluation(&values(0.01)));
        let options = SignificanceOptions::default();
        let alone = compare(&baseline, &[&better], &options)[0][0];
        let together = compare(&baseline, &[&better, &other], &options)[0][0];
        assert_eq!(Comparison { corrected_p_value: alone.p_value, ..together }, alone);
        assert!((together.corrected_p_value - 2.0 * alone.p_value).abs() < 1e-12);
    }
}
