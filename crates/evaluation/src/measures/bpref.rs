//! Bpref: how seldom a document judged not relevant stands above a relevant one.

use crate::measures::parameters::Level;
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "Bpref";

/// Binary preference (Buckley and Voorhees, 2004), in 0..=1: asks judged documents only, so that
/// missing judgments do little harm.
///
/// With R documents judged relevant and N judged not relevant: the sum over retrieved relevant
/// documents of 1 - min(n, R) / min(N, R), where n of the N stand above it, divided by R.
/// Documents that nobody judged, or graded below 0, are passed over. 0 where none is relevant.
pub(super) fn value(topic: &Topic, level: Level) -> f64 {
    let n_relevant = topic.n_relevant(level);
    if n_relevant == 0 {
        return 0.0;
    }
    let n_preferred = topic.n_not_relevant(level).min(n_relevant);
    let mut above = 0_usize;
    let mut sum = 0.0;
    for &grade in &topic.ranked {
        if level.reached_by(grade) {
            sum += 1.0;
            if above > 0 {
                sum -= above.min(n_relevant) as f64 / n_preferred as f64;
            }
        } else if grade.is_some_and(|grade| grade >= 0) {
            above += 1;
        }
    }
    sum / n_relevant as f64
}
