//! Every stage of a recipe in order, skipping what is fresh.

use std::path::PathBuf;

use r2r_types::formats::jsonl::JsonLines;
use r2r_types::judgment::TeacherJudgment;

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Provenance};
use crate::recipe::Recipe;
use crate::stages::card::write_card;
use crate::stages::distill::{DistillFiles, read_examples, test_queries_files, write_examples};
use crate::stages::evaluate::evaluate;
use crate::stages::human::human;
use crate::stages::judge::judge;
use crate::stages::train::train;
use crate::stages::{human, judge};

/// Runs the whole recipe; returns the table of its test collections.
pub fn reproduce(recipe: &Recipe, progress: &mut dyn Progress) -> Result<String, PipelineError> {
    examples(recipe, progress)?;
    train(recipe, true, progress)?;
    let table = evaluate(recipe, progress)?;
    write_card(recipe, &recipe.artifact("student"), &table)?;
    Ok(table)
}

/// Runs the stages up to the examples.
pub fn examples(recipe: &Recipe, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    judge(recipe, progress)?;
    human(recipe, progress)?;
    let leakage: Vec<PathBuf> = recipe.distillation.leakage.iter().map(|path| recipe.data_path(path)).collect();
    let mut inputs = vec![Input::artifact(&recipe.artifact("judge"))?, Input::artifact(&recipe.artifact("human"))?];
    for folder in &leakage {
        inputs.extend(test_queries_files(folder)?);
    }
    let provenance = Provenance::of("distill", &recipe.distillation, recipe.seed, inputs)?;
    let Artifact::Stale(building) = Artifact::open(&recipe.artifact("distill"), provenance)? else { return Ok(()) };
    let judgments: Vec<TeacherJudgment> = JsonLines::open(&recipe.artifact("judge").join(judge::FILE))?
        .map(|line| Ok(line?.1))
        .collect::<Result<_, PipelineError>>()?;
    let others = read_examples(&recipe.artifact("human").join(human::FILE))?;
    let files = DistillFiles {
        judgments: &[],
        leakage: &leakage,
        dev_fraction: recipe.distillation.dev_fraction,
        targets: &recipe.distillation.targets,
        seed: recipe.seed,
    };
    write_examples(building, &files, &judgments, others, progress)
}
