//! What a recipe needs is there: looked at before anything runs, since a training takes hours.

use std::path::Path;

use r2r_model::config::StudentConfig;
use r2r_model::folder::StudentFolder;
use r2r_types::formats::beir::{corpus_file, qrels_file, queries_file};
use r2r_types::formats::error::FormatError;

use crate::error::PipelineError;
use crate::live_teacher::World;
use crate::live_teacher::settings::prompt;
use crate::recipe::Recipe;

/// Looks for every file of the recipe, the key of its teacher, and whether its student can have the limits that are asked for.
///
/// # Errors
/// The first file that is not there, or setting that cannot work, with what to do about it.
pub fn check_files(recipe: &Recipe, world: &World) -> Result<(), PipelineError> {
    if let Some(model) = &recipe.teacher.model {
        world.endpoint(model)?;
        prompt(&model.prompt)?;
    }
    let collections = recipe.collection.iter().map(|section| (&section.path, &section.split));
    let human = recipe.human.iter().map(|section| (&section.path, &section.split));
    let held_out = recipe.validation.iter().map(|section| (&section.path, &section.split));
    let tests = recipe.evaluation.iter().map(|section| (&section.path, &section.split));
    for (path, split) in collections.chain(human).chain(held_out).chain(tests) {
        check_collection(&recipe.data_path(path), split)?;
    }
    for path in &recipe.distillation.leakage {
        queries_file(&recipe.data_path(path))?;
    }
    let runs = recipe.evaluation.iter().filter_map(|section| section.run.as_ref());
    for path in recipe.teacher.records.iter().chain(&recipe.teacher.graded).chain(&recipe.teacher.recorded).chain(runs)
    {
        let path = recipe.data_path(path);
        std::fs::metadata(&path).map_err(|error| PipelineError::io(&path, error))?;
    }
    check_student(recipe)
}

fn check_collection(folder: &Path, split: &str) -> Result<(), FormatError> {
    corpus_file(folder)?;
    queries_file(folder)?;
    qrels_file(folder, split).map(drop)
}

/// The student as training will write it, but for its reasons.
fn check_student(recipe: &Recipe) -> Result<(), PipelineError> {
    let base = &recipe.student.base;
    if !base.is_dir() {
        return Err(PipelineError::Input(format!(
            "student.base = {}: no such folder; scripts/base_weights.sh brings all-MiniLM-L6-v2 into \
             base/all-MiniLM-L6-v2, and any Hugging Face folder of a BERT encoder will do",
            base.display()
        )));
    }
    let folder = StudentFolder::open(base).map_err(PipelineError::input)?;
    let encoder = folder.encoder_config().map_err(PipelineError::input)?;
    let mut student = StudentConfig::new(&recipe.name, encoder);
    student.max_length = recipe.student.max_length.min(student.encoder.max_position_embeddings);
    student.check().map_err(|error| PipelineError::Input(format!("student.max_length: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Never;

    impl r2r_teacher::clock::Clock for Never {
        fn now_ms(&self) -> u64 {
            0
        }
    }

    /// The small recipe with settings, checked from the project's root.
    fn check(settings: &[&str]) -> Result<(), String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        settings.push(format!("data={}", root.join("fixtures").display()));
        if !settings.iter().any(|setting| setting.starts_with("student.base")) {
            settings.push(format!("student.base={}", root.join("models/r2r-mini").display()));
        }
        let recipe = Recipe::read(&root.join("recipes/tiny.toml"), &settings).unwrap();
        let world = World { variable: |_| None, clock: std::sync::Arc::new(Never), cancel: std::sync::Arc::default() };
        check_files(&recipe, &world).map_err(|error| error.to_string())
    }

    #[test]
    fn what_would_fail_after_the_training_fails_before_it() {
        check(&[]).unwrap();
        let problem = |setting: &str| check(&[setting]).unwrap_err();
        assert!(problem("evaluation=[{name=\"t\",path=\"nowhere\"}]").contains("nowhere"));
        assert!(problem("evaluation=[{name=\"t\",path=\"tiny\",split=\"dev\"}]").contains("qrels/dev.tsv"));
        assert!(problem("evaluation=[{name=\"t\",path=\"tiny\",run=\"no.trec\"}]").contains("no.trec"));
        let asked = check(&["teacher.provider=openai", "teacher.model=m"]).unwrap_err();
        assert!(asked.contains("set OPENAI_API_KEY"), "{asked}");
        assert!(problem("student.max_length=20").contains("max_length"));
        assert!(problem("student.base=nowhere").contains("scripts/base_weights.sh"));
    }
}
