//! `r2r train`: the student of a recipe learns.

use anyhow::Result;

use crate::args::Train;

/// Runs every stage up to the student, and the student itself.
#[cfg(feature = "training")]
pub(crate) fn run(options: &Train) -> Result<()> {
    use reason_to_rank::recipe::Recipe;
    use reason_to_rank::stages::train::train;

    let recipe = Recipe::read(&options.recipe.recipe, &options.recipe.settings)?;
    let mut progress = crate::progress::Bars::stoppable();
    reason_to_rank::reproduce::examples(&recipe, &super::teacher::world(progress.stop_flag()), &mut progress)?;
    train(&recipe, options.resume, &mut progress)?;
    anstream::eprintln!("the student is in {}", recipe.artifact("student").display());
    Ok(())
}

/// Says how to get a binary that can.
#[cfg(not(feature = "training"))]
pub(crate) fn run(_options: &Train) -> Result<()> {
    built_without()
}

/// The answer of a binary without the tensor stack.
#[cfg(not(feature = "training"))]
pub(crate) fn built_without() -> Result<()> {
    anyhow::bail!(
        "this r2r was built without training; build it again with `cargo build --release -p r2r --features training`"
    )
}
