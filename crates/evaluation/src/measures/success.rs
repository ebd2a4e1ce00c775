//! Success@k: whether a relevant document stands among the first k.

use crate::measures::parameters::{Cutoff, Level};
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "Success";

/// 1 where a relevant document stands among the first k, else 0; also known as hit rate.
pub(super) fn value(topic: &Topic, level: Level, cutoff: Cutoff) -> f64 {
    let found = topic.top(Some(cutoff)).iter().any(|&grade| level.reached_by(grade));
    f64::from(u8::from(found))
}
