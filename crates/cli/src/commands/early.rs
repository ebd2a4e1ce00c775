//! `r2r early`: when a student may stop a document.

use std::fmt::Write;

use anyhow::Result;
use reason_to_rank::recipe::Recipe;
use reason_to_rank::stages::early::fit_early_whole_folder;

use crate::args::Early;
use crate::commands::{print, print_json};
use crate::progress::Bars;

/// Fits exits on the recipe's `[[validation]]` collections, writes them into the student, and prints what was tried.
pub(crate) fn run(options: &Early) -> Result<()> {
    let recipe = Recipe::read(&options.recipe.recipe, &options.recipe.settings)?;
    let mut progress = Bars::stoppable();
    reason_to_rank::reproduce::examples(&recipe, &super::teacher::world(progress.stop_flag()), &mut progress)?;
    let Some(choice) = fit_early_whole_folder(&recipe, &options.student, options.threads, &mut progress)? else {
        anyhow::bail!("the student got no exits, for the reason above");
    };
    if options.json {
        return print_json(&choice);
    }
    let mut page = format!(
        "first exit  margin  nDCG@10   error  own order  finished  work, by {} held-out queries\n",
        choice.chosen.measured.lists
    );
    for tried in &choice.tried {
        let is_chosen =
            tried.first_exit == choice.chosen.first_exit && tried.margin.total_cmp(&choice.chosen.margin).is_eq();
        let _ = writeln!(
            page,
            "{:>10}  {:>6.2}  {:+.4}  {:.4}  {:>+9.4}  {:>8.3}  {:.3}{}",
            tried.first_exit,
            tried.margin,
            tried.ndcg_at_10_difference,
            tried.standard_error,
            tried.order_difference,
            tried.finished,
            tried.work,
            if is_chosen { "  taken" } else { "" }
        );
    }
    let deviations: Vec<String> = choice.deviations.iter().map(|deviation| format!("{deviation:.2}")).collect();
    let _ = writeln!(page, "logits deviate from what is foreseen behind 1, 2, ... layers by {}", deviations.join(", "));
    print(&page)
}
