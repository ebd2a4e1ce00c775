//! nDCG, nDCG@k: how close the order comes to the ideal one, near the top above all.

use crate::measures::parameters::{Cutoff, Gain};
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "nDCG";

/// Normalized discounted cumulative gain (Järvelin and Kekäläinen, 2002), in 0..=1.
///
/// DCG = sum over ranks i = 1..=k of gain / log2(i + 1), divided by the DCG of all judged documents
/// in ideal order. Documents without a judgment keep their rank. 0 where no grade is above 0.
pub(super) fn value(topic: &Topic, gain: Gain, cutoff: Option<Cutoff>) -> f64 {
    let n_ideal = cutoff.map_or(topic.judged.len(), |k| k.get().min(topic.judged.len()));
    let ideal = discounted(topic.judged[..n_ideal].iter().map(|&grade| gain.of(Some(grade))));
    if ideal == 0.0 {
        return 0.0;
    }
    discounted(topic.top(cutoff).iter().map(|&grade| gain.of(grade))) / ideal
}

/// Sum of gain / log2(rank + 1), accumulated in rank order.
fn discounted(gains: impl Iterator<Item = f64>) -> f64 {
    let mut sum = 0.0;
    for (i, gain) in gains.enumerate() {
        if gain > 0.0 {
            sum += gain / ((i + 2) as f64).log2();
        }
    }
    sum
}
