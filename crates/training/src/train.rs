//! The training loop.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use r2r_model::config::{ReasonsConfig, WeightFormat};
use r2r_types::example::DistillationExample;
use serde::Serialize;

use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::config::TrainingConfig;
use crate::error::TrainingError;
use crate::listener::{Event, Listener, Signal, StepReport, Timing};
use crate::lists::NumberedSample;
use crate::log::LogLine;
use crate::optimizer::{LearningRates, accumulate, clip};
use crate::parameters::{NamedTensors, gradients, numbers, trained, with_values};
use crate::phase::Phase;
use crate::run::Run;
use crate::student::Losses;
use crate::validation::{HeldOut, Validation, validate};

/// What a student is trained from.
#[derive(Clone, Debug)]
pub struct TrainingInputs<'a> {
    /// The folder of the base encoder.
    pub base: &'a Path,
    /// The student's name, as reports show it.
    pub name: &'a str,
    /// The lists to learn from.
    pub train: &'a [DistillationExample],
    /// The held-out lists.
    pub dev: &'a [DistillationExample],
    /// Shape of the reason decoder, its vocabulary's size left to the reasons; absent for a student that only ranks.
    pub reasons: Option<ReasonsConfig>,
    /// How the student's weights are stored.
    pub weights: WeightFormat,
    /// Most pieces of a pair when the student is used; training may read less.
    pub student_max_length: usize,
    /// Decides about initial weights, order and samples.
    pub seed: u64,
    /// Goes into the student's `provenance.json`.
    pub provenance: serde_json::Value,
}

/// What a training came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingReport {
    /// Optimizer steps done.
    pub steps: usize,
    /// Why it ended.
    pub end: End,
    /// The validation whose weights the student has; absent without held-out lists.
    pub best: Option<Validation>,
    /// The last step.
    pub last: Option<StepReport>,
    /// The student folder; absent where the training was stopped before its end.
    pub student: Option<PathBuf>,
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// All steps are done.
    Done,
    /// No improvement for as many validations as patience allows.
    Patience,
    /// The listener said so; `resume` continues.
    Stopped,
}

/// Trains a student into `output`: `student/`, `checkpoints/`, `training.jsonl` and `curves.svg`.
///
/// With `resume`, goes on from the newest checkpoint of `output` and ends in the same weights, bit by bit, as a run that
/// was never interrupted on the same machine; without a checkpoint it starts anew.
pub fn train(
    inputs: &TrainingInputs<'_>,
    config: &TrainingConfig,
    output: &Path,
    resume: bool,
    listener: &mut dyn Listener,
) -> Result<TrainingReport, TrainingError> {
    let mut run = Run::prepare(inputs, config, output, resume)?;
    let started = Instant::now();
    let first_step = run.state.step;
    listener.hear(Event::Started {
        step: first_step,
        steps: config.all_steps(),
        lists: run.lists.len(),
        parameters: run.n_trained(),
    });
    let mut last = None;
    let mut stopped = false;
    let compute = run.place.compute;

    while let Some(phase) = run.phase(config).filter(|_| !stopped) {
        let step_started = Instant::now();
        let lists = config.batch * config.accumulation;
        let samples = run.samples(phase, lists);
        if phase == Phase::Together {
            run.compute_similarities(&samples)?;
        }

        let mut sum = NamedTensors::new();
        let mut means = LossMeans::default();
        for samples in samples.chunks(config.batch) {
            let mut batch = encode(&run, samples)?;
            let losses = match phase {
                Phase::Together => {
                    run.similarities.fill(samples, &mut batch);
                    run.student.losses(&batch, &config.loss, compute)
                }
                Phase::Reasons { .. } => run.student.reason_losses(&batch, &config.loss, compute),
            };
            means.add(&losses, config, batch.tokens());
            // Every pass counts the same, whatever it could be learned from.
            let Some(loss) = losses.total(&config.loss) else { continue };
            let mut backward = loss.div_scalar(config.accumulation as f64).backward();
            accumulate(&mut sum, gradients(&run.student, &mut backward));
        }
        let loss = means.total(config);
        if !loss.is_finite() {
            return Err(TrainingError::Diverged { step: run.state.step + 1, loss });
        }

        let gradient_norm = clip(&mut sum, config.grad_clip);
        let (phase_step, phase_steps) = phase.progress(run.state.step, config);
        let schedule = config.schedule(phase_step, phase_steps);
        let values = run.optimizer.step(trained(&run.student), sum, LearningRates::at(config, schedule));
        run.student = with_values(run.student, values);
        run.state.step += 1;

        let report = StepReport {
            step: run.state.step,
            loss,
            pairwise: means.mean(0),
            listwise: means.mean(1),
            generation: means.mean(2),
            evidence: means.mean(3),
            gradient_norm,
            schedule,
            similarity_weight: run.similarity_weight(),
            lists,
            tokens: means.tokens,
        };
        let seconds = started.elapsed().as_secs_f64();
        let steps_left = (config.all_steps() - run.state.step) as f64;
        let timing = Timing {
            seconds,
            tokens_per_second: means.tokens as f64 / step_started.elapsed().as_secs_f64(),
            seconds_left: seconds / (run.state.step - first_step) as f64 * steps_left,
        };
        run.log.write(LogLine::Step { report: report.clone(), timing })?;
        let signal = listener.hear(Event::Step { report: &report, timing });
        last = Some(report);

        let is_last = phase_step + 1 == phase_steps;
        if is_last || run.state.step.is_multiple_of(config.validate_every) {
            validate_and_keep_best(&mut run, phase, inputs, listener)?;
        }
        if phase == Phase::Together && run.phase(config).is_none() {
            run.begin_reasons(config);
        }
        let is_over = run.phase(config).is_none();
        stopped = signal == Signal::Stop && !is_over;
        if is_over || stopped || run.state.step.is_multiple_of(config.checkpoint_every) {
            let path = run.checkpoint().write(&run.checkpoints)?;
            run.log.draw()?;
            listener.hear(Event::Checkpoint(&path));
        }
    }

    let (end, student) = if stopped {
        (End::Stopped, None)
    } else {
        let folder = run.export(inputs, config, output)?;
        listener.hear(Event::Exported(&folder));
        (if run.is_out_of_patience(config) { End::Patience } else { End::Done }, Some(folder))
    };
    Ok(TrainingReport { steps: run.state.step, end, best: run.state.best.clone(), last, student })
}

fn encode(run: &Run<'_>, samples: &[NumberedSample<'_>]) -> Result<Batch, TrainingError> {
    let samples: Vec<_> = samples.iter().map(|numbered| numbered.sample.clone()).collect();
    Ok(Batch::of(&samples, run.encoding())?)
}

/// Validates, logs, and keeps the trained tensors where they are the best so far.
fn validate_and_keep_best(
    run: &mut Run<'_>,
    phase: Phase,
    inputs: &TrainingInputs<'_>,
    listener: &mut dyn Listener,
) -> Result<(), TrainingError> {
    let dev = validation_lists(inputs.dev, &run.state.config);
    if dev.is_empty() {
        return Ok(());
    }
    let looked_at = run.student.valid();
    let mut similarities = std::mem::take(&mut run.dev_similarities);
    let temperature = run.state.config.loss.temperature;
    let held_out = HeldOut { lists: dev, similarities: &mut similarities, temperature };
    let found = validate(&looked_at, held_out, run.encoding(), run.state.step, run.place.compute);
    run.dev_similarities = similarities;
    let (validation, logits) = found?;
    let is_best = run.state.best.as_ref().is_none_or(|best| phase.is_better(&validation, best));
    if is_best {
        run.state.best = Some(validation.clone());
        run.state.without_improvement = 0;
        run.best = trained(&run.student);
        run.best_logits = logits;
    } else {
        run.state.without_improvement += 1;
    }
    listener.hear(Event::Validated { validation: &validation, is_best });
    run.log.write(LogLine::Validation(validation))
}

/// The held-out lists that are looked at.
pub(crate) fn validation_lists<'a>(
    dev: &'a [DistillationExample],
    config: &TrainingConfig,
) -> &'a [DistillationExample] {
    &dev[..dev.len().min(config.validation_lists)]
}

/// Means of the losses over the passes of a step.
#[derive(Default)]
struct LossMeans {
    sums: BTreeMap<usize, (f64, f64)>,
    total: f64,
    tokens: usize,
}

impl LossMeans {
    fn add(&mut self, losses: &Losses, config: &TrainingConfig, tokens: usize) {
        let weighted = [
            (&losses.pairwise, config.loss.pairwise),
            (&losses.listwise, config.loss.listwise),
            (&losses.generation, config.loss.generation),
            (&losses.evidence, config.loss.evidence),
        ];
        for (number, (loss, weight)) in weighted.into_iter().enumerate() {
            let Some(loss) = loss else { continue };
            let value = f64::from(numbers(loss.clone().detach())[0]);
            let (sum, count) = self.sums.entry(number).or_default();
            *sum += value;
            *count += 1.0;
            self.total += weight * value;
        }
        self.tokens += tokens;
    }

    fn mean(&self, number: usize) -> Option<f64> {
        self.sums.get(&number).map(|(sum, count)| sum / count)
    }

    /// What the gradient of the step is of.
    fn total(&self, config: &TrainingConfig) -> f64 {
        self.total / config.accumulation as f64
    }
}

impl Run<'_> {
    /// Computes the similarities that the samples need.
    fn compute_similarities(&mut self, samples: &[NumberedSample<'_>]) -> Result<(), TrainingError> {
        if self.student.head.similarity_weight.is_none() {
            return Ok(());
        }
        let base = self.student.valid();
        let mut similarities = std::mem::take(&mut self.similarities);
        let computed = similarities.compute(samples, &base, self.encoding(), self.place.compute);
        self.similarities = similarities;
        Ok(computed?)
    }

    /// Everything that a resumed run needs.
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            state: self.state.clone(),
            values: crate::parameters::to_numbers(&trained(&self.student)),
            moments: self.optimizer.moments(),
            best: crate::parameters::to_numbers(&self.best),
            best_logits: self.best_logits.concat(),
            similarities: [self.similarities.values().to_vec(), self.dev_similarities.values().to_vec()],
        }
    }
}

/// Removes a folder that an earlier run of the same training exported.
pub(crate) fn remove_old(folder: &Path) -> Result<(), TrainingError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|source| TrainingError::file(folder, source))?;
    }
    Ok(())
}
