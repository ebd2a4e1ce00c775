//! `r2r judge`: recorded answers of a teacher become judgments.

use anyhow::Result;

use crate::args::RecipeArguments;

/// Runs the stages of a recipe up to its judgments.
#[cfg(feature = "training")]
pub(crate) fn run(options: &RecipeArguments) -> Result<()> {
    use reason_to_rank::recipe::Recipe;
    use reason_to_rank::stages::judge::judge;

    let recipe = Recipe::read(&options.recipe, &options.settings)?;
    judge(&recipe, &mut crate::progress::Bars::new())?;
    anstream::eprintln!("judgments are in {}", recipe.artifact("judge").display());
    Ok(())
}

/// Says how to get a binary that can.
#[cfg(not(feature = "training"))]
pub(crate) fn run(_options: &RecipeArguments) -> Result<()> {
    super::train::built_without()
}
