//! `r2r reproduce`: every stage of a recipe, from files to a report.

use anyhow::Result;

use crate::args::RecipeArguments;

/// Runs what is not fresh and prints the table of the test collections.
#[cfg(feature = "training")]
pub(crate) fn run(options: &RecipeArguments) -> Result<()> {
    use reason_to_rank::recipe::Recipe;
    use reason_to_rank::reproduce::reproduce;

    let recipe = Recipe::read(&options.recipe, &options.settings)?;
    let mut progress = crate::progress::Bars::stoppable();
    let table = reproduce(&recipe, &super::teacher::world(progress.stop_flag()), &mut progress)?;
    super::print(&table)
}

/// Says how to get a binary that can.
#[cfg(not(feature = "training"))]
pub(crate) fn run(_options: &RecipeArguments) -> Result<()> {
    super::train::built_without()
}
