//! Every stage of a recipe in order, skipping what is fresh.

use std::path::PathBuf;

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::live_teacher::World;
use crate::preflight::check_files;
use crate::progress::Progress;
use crate::provenance::{Input, Provenance};
use crate::recipe::Recipe;
#[cfg(feature = "training")]
use crate::stages::card::write_card;
use crate::stages::distill::{read_examples, test_queries_files, write_examples};
#[cfg(feature = "training")]
use crate::stages::evaluate::evaluate;
use crate::stages::graded::graded;
use crate::stages::human::{self, human};
use crate::stages::judge::judge;
use crate::stages::judgments::{Judgments, TestSets};
#[cfg(feature = "training")]
use crate::stages::train::train;

/// Runs the whole recipe; returns the table of its test collections.
#[cfg(feature = "training")]
pub fn reproduce(recipe: &Recipe, world: &World, progress: &mut dyn Progress) -> Result<String, PipelineError> {
    examples(recipe, world, progress)?;
    train(recipe, true, progress)?;
    let table = evaluate(recipe, progress)?;
    write_card(recipe, &recipe.artifact("student"), &table)?;
    Ok(table)
}

/// Runs the stages up to the examples.
pub fn examples(recipe: &Recipe, world: &World, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    check_files(recipe, world)?;
    judge(recipe, world, progress)?;
    human(recipe, progress)?;
    let leakage = recipe.test_folders();
    let mut inputs = vec![Input::artifact(&recipe.artifact("judge"))?, Input::artifact(&recipe.artifact("human"))?];
    let graded_lists: Vec<PathBuf> = recipe.teacher.graded.iter().map(|path| recipe.data_path(path)).collect();
    for path in &graded_lists {
        inputs.push(Input::file(path)?);
    }
    for folder in &leakage {
        inputs.extend(test_queries_files(folder)?);
    }
    let provenance = Provenance::of("distill", &recipe.distillation, recipe.seed, inputs)?;
    let Artifact::Stale(building) = Artifact::open(&recipe.artifact("distill"), provenance)? else { return Ok(()) };
    let judgments = Judgments::read(&[recipe.artifact("judge")], TestSets::Refuse, progress)?;
    let mut others = read_examples(&recipe.artifact("human").join(human::FILE))?;
    for path in &graded_lists {
        others.extend(graded(path, progress)?);
    }
    write_examples(building, &recipe.distill_settings(&leakage), &judgments, others, progress)
}
