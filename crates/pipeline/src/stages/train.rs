//! Examples -> student.

use std::path::Path;

use r2r_model::config::ReasonsConfig;
use r2r_model::folder::{FolderError, StudentFolder};
use r2r_training::TrainingConfig;
use r2r_training::error::TrainingError;
use r2r_training::listener::{Event, Listener, Signal};
use r2r_training::train::{End, TrainingInputs, train as train_student};

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};
use crate::recipe::Recipe;
use crate::stages::base::base_folder;
use crate::stages::distill::{DEV, TRAIN, read_examples};
use crate::stages::early::fit_early;
use crate::stages::precision::{has_order, measure_precision};
use crate::stages::weigh::weigh;

/// Trains the student of a recipe from its examples unless it is fresh. An interrupted training goes on from its last
/// checkpoint where `resume` is asked for; without it, checkpoints in the way are an error.
pub fn train(recipe: &Recipe, resume: bool, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    let config = recipe.training_config().map_err(PipelineError::Input)?;
    let weights = recipe.weight_format().map_err(PipelineError::Input)?;
    let examples = recipe.artifact("distill");
    let mut inputs = vec![Input::artifact(&examples)?];
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        inputs.push(Input::file(&recipe.student.base.join(name))?);
    }
    // How often a checkpoint is written changes no weight, so that it is not part of what the student is made of.
    let counted = TrainingConfig { checkpoint_every: 1, ..config.clone() };
    for section in &recipe.validation {
        let parts = [Part::Corpus, Part::Queries, Part::Qrels(&section.split)];
        inputs.extend(Input::collection(&recipe.data_path(&section.path), &parts)?);
    }
    let settings = serde_json::json!({
        "name": recipe.name,
        "student": recipe.student,
        "training": counted,
        "validation": recipe.validation,
    });
    let provenance = Provenance::of("train", &settings, recipe.seed, inputs)?;
    let key = provenance.key.clone();
    let Artifact::Stale(mut building) = Artifact::open(&recipe.artifact("student"), provenance)? else { return Ok(()) };

    // Checkpoints lie beside the artifact, under its key: another configuration never goes on from them.
    let work = recipe.artifact("training").join(&key[..12]);
    let base = base_folder(&recipe.student.base, &recipe.artifact("base"))?;
    let encoder =
        StudentFolder::open(&base).and_then(|folder| folder.encoder_config()).map_err(PipelineError::input)?;
    let (train, dev) = (read_examples(&examples.join(TRAIN))?, read_examples(&examples.join(DEV))?);
    let inputs = TrainingInputs {
        base: &base,
        name: &recipe.name,
        train: &train,
        dev: &dev,
        reasons: recipe.student.reasons.then(|| ReasonsConfig::beside(encoder.hidden_size)),
        weights,
        student_max_length: recipe.student.max_length,
        seed: recipe.seed,
        provenance: serde_json::to_value(&building.provenance).map_err(PipelineError::failed)?,
    };
    std::fs::create_dir_all(&work).map_err(|error| PipelineError::io(&work, error))?;
    progress.begin("train", Some(config.all_steps() as u64));
    let mut listener = Forward { progress, steps: config.all_steps() };
    let report = train_student(&inputs, &config, &work, resume, &mut listener).map_err(training_error)?;
    let student = match (report.end, &report.student) {
        (End::Stopped, _) | (_, None) => return Err(PipelineError::Stopped),
        (End::Done | End::Patience, Some(student)) => student,
    };
    for folder in [student.as_path(), work.as_path()] {
        copy_files(folder, building.path())?;
    }
    if let Some(weighed) = weigh(recipe, building.path(), progress)? {
        building.provenance.count("similarity", serde_json::to_value(weighed).map_err(PipelineError::failed)?);
    }
    if dev.iter().any(has_order) {
        let losses = measure_precision(building.path(), &dev, None, progress)?;
        building.provenance.count("precision", serde_json::to_value(losses).map_err(PipelineError::failed)?);
    }
    // Last, in the number format and with the weight that the student will have.
    if let Some(choice) = fit_early(recipe, building.path(), None, progress)? {
        building.provenance.count("early", serde_json::to_value(choice.chosen).map_err(PipelineError::failed)?);
    }
    building.provenance.count("steps", report.steps);
    building.provenance.count("best", serde_json::to_value(report.best).map_err(PipelineError::failed)?);
    building.provenance.count("last", serde_json::to_value(&report.last).map_err(PipelineError::failed)?);
    building.finish()?;
    progress.end(&format!("{} steps", report.steps));
    Ok(())
}

/// Whose failure it is: files of the run that cannot be written or read are ours, the rest is in what was asked for.
fn training_error(error: TrainingError) -> PipelineError {
    match error {
        TrainingError::File { .. }
        | TrainingError::Checkpoint { .. }
        | TrainingError::Folder(FolderError::File { .. }) => PipelineError::failed(error),
        TrainingError::Config { .. }
        | TrainingError::Device(_)
        | TrainingError::NoExamples { .. }
        | TrainingError::Example { .. }
        | TrainingError::Folder(_)
        | TrainingError::BaseIsStudent(_)
        | TrainingError::Student(_)
        | TrainingError::Weights { .. }
        | TrainingError::Tokenizer(_)
        | TrainingError::Foreign { .. }
        | TrainingError::Exists(_)
        | TrainingError::Diverged { .. } => PipelineError::input(error),
    }
}

/// The files of a folder, not its folders.
fn copy_files(from: &Path, to: &Path) -> Result<(), PipelineError> {
    let failed = |error| PipelineError::io(from, error);
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap_or_default())).map_err(failed)?;
        }
    }
    Ok(())
}

/// Training's events as the pipeline's progress.
struct Forward<'a> {
    progress: &'a mut dyn Progress,
    steps: usize,
}

impl Listener for Forward<'_> {
    fn hear(&mut self, event: Event<'_>) -> Signal {
        match event {
            Event::Started { step, lists, parameters, .. } => {
                self.progress.say(&format!("{lists} lists, {parameters} trained numbers, from step {step}"));
            }
            Event::Step { report, timing } => {
                self.progress.at(report.step as u64);
                let part =
                    |name: &str, loss: Option<f64>| loss.map_or(String::new(), |loss| format!(" {name} {loss:.3}"));
                if report.step % 20 == 0 || report.step == self.steps || timing.seconds < 30.0 {
                    self.progress.say(&format!(
                        "step {} loss {:.3}{}{}{}{}, {:.0} tokens/s, {:.0} min left",
                        report.step,
                        report.loss,
                        part("pair", report.pairwise),
                        part("list", report.listwise),
                        part("gen", report.generation),
                        part("ev", report.evidence),
                        timing.tokens_per_second,
                        timing.seconds_left / 60.0
                    ));
                }
            }
            Event::Validated { validation, is_best } => {
                let best = if is_best { " (best)" } else { "" };
                self.progress.say(&format!("{validation}{best}"));
            }
            Event::Checkpoint(_) | Event::Exported(_) => {}
        }
        if self.progress.stop_requested() { Signal::Stop } else { Signal::Continue }
    }
}

#[cfg(test)]
mod tests {
    use r2r_types::stage::StageError;

    use super::*;

    #[test]
    fn a_full_disk_is_no_mistake_of_the_user() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let checkpoint = TrainingError::Checkpoint { path: "c".into(), source: full(), kept: "none".into() };
        assert!(matches!(training_error(checkpoint), PipelineError::Stage(StageError::Failed(_))));
        assert!(matches!(training_error(TrainingError::NoExamples { examples: 3 }), PipelineError::Input(_)));
    }
}
