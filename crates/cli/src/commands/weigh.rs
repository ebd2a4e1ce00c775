//! `r2r weigh`: how much the base's similarity and the query's words count in a student.

use anyhow::Result;

use crate::args::Weigh;

/// Chooses the weights on the recipe's `[[validation]]` collections, writes them into the student, and prints the choice.
#[cfg(feature = "training")]
pub(crate) fn run(options: &Weigh) -> Result<()> {
    use std::fmt::Write;

    use reason_to_rank::recipe::Recipe;
    use reason_to_rank::stages::weigh::{LEXICAL, SIMILARITY, SignalWeights, weigh_whole_folder};

    let recipe = Recipe::read(&options.recipe.recipe, &options.recipe.settings)?;
    let mut progress = crate::progress::Bars::stoppable();
    reason_to_rank::reproduce::examples(&recipe, &super::teacher::world(progress.stop_flag()), &mut progress)?;
    let Some(weighed) = weigh_whole_folder(&recipe, &options.student, &mut progress)? else {
        anyhow::bail!("nothing to weigh: the recipe needs [[validation]] collections, and the student a similarity");
    };
    let mut page = format!(
        "nDCG@10 by the weights of the similarity (down) and of the query's words (across), by {} held-out queries\n\n      ",
        weighed.queries
    );
    for weight in LEXICAL {
        let _ = write!(page, "  {weight:>6}");
    }
    for (weight, row) in SIMILARITY.iter().zip(&weighed.ndcg) {
        let _ = write!(page, "\n{weight:>6}");
        for ndcg in row {
            let _ = write!(page, "  {ndcg:.4}");
        }
    }
    let SignalWeights { similarity, lexical } = weighed.weights;
    let _ = writeln!(page, "\n\ntaken: {similarity} for the similarity, {lexical} for the query's words");
    crate::commands::print(&page)
}

/// Says how to get a binary that can.
#[cfg(not(feature = "training"))]
pub(crate) fn run(_options: &Weigh) -> Result<()> {
    crate::commands::train::built_without()
}
