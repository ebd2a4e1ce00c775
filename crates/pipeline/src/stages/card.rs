//! The model card of a student: what it learned from, how it does, and the commands that say so.

use std::fmt::Write;
use std::path::Path;

use r2r_model::folder::StudentFolder;

use crate::error::PipelineError;
use crate::provenance::Provenance;
use crate::recipe::Recipe;
use crate::stages::precision_card::put_precision;

/// Writes `README.md` into the student's folder, with the table of the test collections.
pub fn write_card(recipe: &Recipe, student: &Path, table: &str) -> Result<(), PipelineError> {
    let provenance = Provenance::read(student)?
        .ok_or_else(|| PipelineError::Input(format!("{}: no student is here yet", student.display())))?;
    let path = student.join("README.md");
    std::fs::write(&path, card(recipe, &provenance, table)).map_err(|error| PipelineError::io(&path, error))?;
    let config = StudentFolder::open(student).and_then(|folder| folder.config()).map_err(PipelineError::input)?;
    config.precision.map_or(Ok(()), |losses| put_precision(student, &losses))
}

fn card(recipe: &Recipe, provenance: &Provenance, table: &str) -> String {
    let mut card = String::new();
    let about =
        if recipe.student.reasons { "a reranker that writes reasons and points at evidence" } else { "a reranker" };
    let _ = writeln!(card, "# {}\n\nA student of Reason-to-Rank: {about}, for the CPU.\n", recipe.name);
    let _ = writeln!(card, "```sh\nr2r rerank --student DIR --query TEXT --documents FILE --reasons 3\n```\n");
    let _ = writeln!(card, "## Data and license\n\n{}\n", recipe.student.data_and_license.trim());
    let _ = writeln!(
        card,
        "## Figures\n\nBy `r2r reproduce` of the recipe `{}`, seed {}, on {} {} with {} threads. Test collections were read \
         once, after training; everything was chosen on held-out training queries.\n\n```\n{}\n```\n",
        recipe.name,
        recipe.seed,
        provenance.machine.os,
        provenance.machine.arch,
        provenance.machine.threads,
        table.trim_end()
    );
    let _ = writeln!(
        card,
        "`first-stage` is the run that was reranked, `base-bi-encoder` the untrained base by its cosine similarity, \
         `rank-head-alone` the student without that similarity (what `r2r export` writes), `random` and `oracle` the \
         controls.\n"
    );
    let _ = writeln!(card, "## Training\n");
    for (name, value) in &provenance.counts {
        let _ = writeln!(card, "* {name}: `{value}`");
    }
    let _ = writeln!(card, "\nThe resolved settings are in `provenance.json`, the losses in `training.jsonl`.");
    card
}
