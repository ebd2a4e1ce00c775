//! A judgment's order as places of its passages, checked before it is written in a form that stands on it.

use std::collections::HashMap;

use crate::formats::error::FormatError;
use crate::id::DocId;
use crate::judgment::TeacherJudgment;

/// Places of the passages as shown, from 0, best first: a permutation.
pub(crate) fn places_best_first(judgment: &TeacherJudgment) -> Result<Vec<usize>, FormatError> {
    let place_of: HashMap<&DocId, usize> =
        judgment.passages.iter().enumerate().map(|(place, passage)| (&passage.id, place)).collect();
    let n = judgment.passages.len();
    let mut is_placed = vec![false; n];
    let mut places = Vec::with_capacity(n);
    for doc in &judgment.ranking {
        if let Some(&place) = place_of.get(doc).filter(|&&place| !is_placed[place]) {
            is_placed[place] = true;
            places.push(place);
        }
    }
    if places.len() == n && judgment.ranking.len() == n {
        return Ok(places);
    }
    Err(FormatError::Unwritable {
        what: format!("the judgment of query {}", judgment.query.id),
        problem: format!("its ranking of {} is no permutation of its {n} passages", judgment.ranking.len()),
        advice: "write judgments that a reader or a teacher of ours has made",
    })
}
