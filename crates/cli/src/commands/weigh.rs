//! `r2r weigh`: how much the base's similarity counts in a student.

use anyhow::Result;

use crate::args::Weigh;

/// Chooses the weight on the recipe's `[[validation]]` collections, writes it into the student, and prints the choice.
#[cfg(feature = "training")]
pub(crate) fn run(options: &Weigh) -> Result<()> {
    use std::fmt::Write;

    use reason_to_rank::recipe::Recipe;
    use reason_to_rank::stages::weigh::weigh_whole_folder;

    let recipe = Recipe::read(&options.recipe.recipe, &options.recipe.settings)?;
    let mut progress = crate::progress::Bars::stoppable();
    reason_to_rank::reproduce::examples(&recipe, &super::teacher::world(progress.stop_flag()), &mut progress)?;
    let Some(weighed) = weigh_whole_folder(&recipe, &options.student, &mut progress)? else {
        anyhow::bail!("nothing to weigh: the recipe needs [[validation]] collections, and the student a similarity");
    };
    let mut page = format!("weight  nDCG@10, by {} held-out queries\n", weighed.queries);
    for (weight, ndcg) in &weighed.ndcg {
        let mark = if weight.total_cmp(&weighed.weight).is_eq() { "  taken" } else { "" };
        let _ = writeln!(page, "{weight:>6}  {ndcg:.4}{mark}");
    }
    crate::commands::print(&page)
}

/// Says how to get a binary that can.
#[cfg(not(feature = "training"))]
pub(crate) fn run(_options: &Weigh) -> Result<()> {
    crate::commands::train::built_without()
}
