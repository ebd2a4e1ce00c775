//! What `/score` and `/predict` share: pairs of query and document, as lists of one query each, scored in their order.

use std::sync::Arc;

use crate::app::App;
use crate::asked::Asked;
use crate::compute::Wishes;
use crate::compute::task::{List, Scores};
use crate::config::Limits;
use crate::problem::Problem;
use crate::ranking::Until;
use crate::request::Told;
use crate::truncation::Truncation;

/// Checks what is required of all pairs; `field` is how the dialect calls their documents.
pub(super) fn check(lists: &[Arc<List>], limits: &Limits, field: &'static str) -> Result<(), Problem> {
    let (given, max) = (n_pairs(lists), limits.max_documents);
    if given > max {
        return Err(Problem::TooMany { given, max });
    }
    lists.iter().try_for_each(|list| Asked::of_list(Arc::clone(list)).check(limits, field))
}

/// The scores of pairs, and what is to be said about them.
pub(super) async fn score(
    app: &App,
    mut lists: Vec<Arc<List>>,
    truncation: Truncation,
    told: &Told,
    deadline: Until,
) -> Result<(Scores, Vec<String>), Problem> {
    let compute = &app.service()?.compute;
    told.scores(n_pairs(&lists));
    let wishes = Wishes { truncation, ..Wishes::default() };
    let admitted = compute.admit(&lists, wishes).map_err(Problem::Full)?;
    let (admitted, cut) = deadline.of(truncation.cut_aside(lists.clone(), admitted)).await??;
    for (list, cut) in lists.iter_mut().zip(cut) {
        if let Some(cut) = cut {
            *list = Arc::new(cut);
        }
    }
    let scores = deadline.of(admitted.score(&lists)).await??;
    app.metrics.scored(scores.timing);

    let config = compute.student().engine().config();
    let mut warnings = Vec::new();
    if scores.query_truncated {
        let (which, most) = (if lists.len() == 1 { "the" } else { "a" }, config.max_query_length);
        warnings.push(format!("{which} query is longer than {most} tokens: only its beginning was read"));
    }
    let n_cut = scores.scored.iter().filter(|one| one.truncated).count();
    if n_cut > 0 {
        let (are, most) = (if n_cut == 1 { "pair is" } else { "pairs are" }, config.max_length);
        warnings.push(format!("{n_cut} {are} longer than {most} tokens: only the beginning was scored"));
    }
    Ok((scores, warnings))
}

fn n_pairs(lists: &[Arc<List>]) -> usize {
    lists.iter().map(|list| list.documents.len()).sum()
}
