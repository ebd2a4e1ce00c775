//! The state of a running training, from its inputs to its student folder.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use r2r_model::config::{ReasonsConfig, StudentConfig};
use r2r_model::folder::{StudentContents, StudentFolder};
use r2r_model::reasons::ReasonVocabulary;
use r2r_model::{Limits, Tokenizer};
use r2r_types::example::DistillationExample;
use serde_json::json;

use crate::batch::{Encoding, ReasonWords};
use crate::calibration::{fit_calibration, fit_grades};
use crate::checkpoint::{Checkpoint, State};
use crate::compute::Place;
use crate::config::TrainingConfig;
use crate::error::TrainingError;
use crate::export;
use crate::layers::Adaptation;
use crate::lists::{TrainingLists, check_examples};
use crate::log::Log;
use crate::optimizer::Optimizer;
use crate::parameters::{NamedTensors, numbers, tensor_like, trained, with_values};
use crate::similarities::Similarities;
use crate::student::{Student, StudentShape};
use crate::train::{TrainingInputs, remove_old, validation_lists};
use crate::validation::ListLogits;
use crate::vocabulary::reason_vocabulary;

/// The folder of the exported student inside a training folder.
pub(crate) const STUDENT: &str = "student";
/// The folder of the checkpoints inside a training folder.
pub(crate) const CHECKPOINTS: &str = "checkpoints";

/// A training between two steps.
pub(crate) struct Run<'a> {
    /// Where it runs.
    pub(crate) place: Place,
    /// The student.
    pub(crate) student: Student,
    /// The optimizer with its moments.
    pub(crate) optimizer: Optimizer,
    /// The order of the lists.
    pub(crate) lists: TrainingLists<'a>,
    /// Those of them that have reasons.
    pub(crate) reason_lists: TrainingLists<'a>,
    /// Similarities of the training's passages.
    pub(crate) similarities: Similarities,
    /// Similarities of the held-out passages.
    pub(crate) dev_similarities: Similarities,
    /// The trained tensors at the best validation.
    pub(crate) best: NamedTensors,
    /// The logits of the held-out lists at the best validation.
    pub(crate) best_logits: ListLogits,
    /// Counters.
    pub(crate) state: State,
    /// The log.
    pub(crate) log: Log,
    /// Where checkpoints go.
    pub(crate) checkpoints: PathBuf,
    base: StudentFolder,
    config: StudentConfig,
    tokenizer: Tokenizer,
    limits: Limits,
    vocabulary: Option<ReasonVocabulary>,
}

impl<'a> Run<'a> {
    /// Reads the base, checks examples and settings, and goes back to the newest checkpoint where asked to.
    pub(crate) fn prepare(
        inputs: &TrainingInputs<'a>,
        config: &TrainingConfig,
        output: &Path,
        resume: bool,
    ) -> Result<Self, TrainingError> {
        config.check()?;
        let place = Place::named(&config.device).ok_or_else(|| TrainingError::Device(config.device.clone()))?;
        check_examples(inputs.dev)?;
        let lists = TrainingLists::of(inputs.train, config, inputs.seed)?;
        let checkpoints = output.join(CHECKPOINTS);
        fs::create_dir_all(&checkpoints).map_err(|source| TrainingError::file(&checkpoints, source))?;
        let saved = Checkpoint::newest(&checkpoints)?;
        if saved.is_some() && !resume {
            return Err(TrainingError::Exists(output.to_owned()));
        }

        let base = StudentFolder::open(inputs.base)?;
        let encoder = base.encoder_config()?;
        let tokenizer = base.tokenizer(&encoder)?;
        let mut weights = base.weights()?;
        if weights.has_prefix("similarity.") {
            return Err(TrainingError::BaseIsStudent(inputs.base.to_owned()));
        }
        let vocabulary = inputs.reasons.and_then(|_| reason_vocabulary(inputs.train));
        let reasons = inputs.reasons.zip(vocabulary.as_ref());
        let reasons = reasons.map(|(shape, words)| ReasonsConfig { vocabulary: words.len(), ..shape });
        let with_similarity = config.adaptation != Adaptation::Full && !weights.has_prefix("classifier.");
        let shape = StudentShape {
            encoder: &encoder,
            adaptation: config.adaptation,
            with_similarity,
            reasons,
            seed: inputs.seed,
        };
        let weights_error = |source| TrainingError::Weights { base: inputs.base.to_owned(), source };
        let student = Student::load(&mut weights, &shape, &place).map_err(weights_error)?;

        let mut student_config = StudentConfig::new(inputs.name, encoder);
        student_config.max_length = inputs.student_max_length.min(student_config.encoder.max_position_embeddings);
        student_config.reasons = reasons;
        student_config.weights = inputs.weights;
        student_config.check()?;
        let limits = Limits {
            max_length: config.max_length.min(student_config.max_length),
            max_query_length: student_config.max_query_length,
        };
        let state = State::new(config, inputs.seed, digest(&[inputs.train, inputs.dev]));
        let mut run = Self {
            place,
            optimizer: Optimizer::new(config.weight_decay),
            similarities: Similarities::unknown(inputs.train),
            dev_similarities: Similarities::unknown(inputs.dev),
            best: NamedTensors::new(),
            best_logits: ListLogits::new(),
            log: Log::open(output, saved.as_ref().map_or(0, |(_, saved)| saved.state.step))?,
            reason_lists: lists.with_reasons(),
            lists,
            student,
            state,
            checkpoints,
            base,
            config: student_config,
            tokenizer,
            limits,
            vocabulary,
        };
        if let Some((path, saved)) = saved {
            run.restore(&path, saved, validation_lists(inputs.dev, config))?;
        }
        Ok(run)
    }

    /// Goes back to a checkpoint.
    fn restore(&mut self, path: &Path, saved: Checkpoint, dev: &[DistillationExample]) -> Result<(), TrainingError> {
        saved.check(path, &self.state)?;
        let now = trained(&self.student);
        let foreign = |problem: String| TrainingError::Foreign { path: path.to_owned(), problem };
        for (name, tensor) in &now {
            let [expected] = tensor.dims();
            let found = saved.values.get(name).map_or(0, Vec::len);
            if found != expected {
                return Err(foreign(format!("tensor {name} has {found} numbers, the student {expected}")));
            }
        }
        let to_tensors = |values: crate::checkpoint::Numbers| -> NamedTensors {
            let known =
                values.into_iter().filter_map(|(name, values)| Some((tensor_like(values, now.get(&name)?), name)));
            known.map(|(tensor, name)| (name, tensor)).collect()
        };
        let [of_train, of_dev] = saved.similarities;
        if !self.similarities.restore(of_train) || !self.dev_similarities.restore(of_dev) {
            return Err(foreign("its similarities are of other examples".to_owned()));
        }
        self.optimizer.restore(saved.moments, &now);
        self.best = to_tensors(saved.best);
        let mut logits = saved.best_logits.as_slice();
        for example in dev.iter().filter(|_| !saved.best_logits.is_empty()) {
            let Some((of_list, rest)) = logits.split_at_checked(example.passages.len()) else {
                return Err(foreign("its logits are of other held-out lists".to_owned()));
            };
            self.best_logits.push(of_list.to_vec());
            logits = rest;
        }
        self.student = with_values(self.student.clone(), to_tensors(saved.values));
        self.state = saved.state;
        Ok(())
    }

    /// What turns texts into numbers.
    pub(crate) fn encoding(&self) -> Encoding<'_> {
        let max_words = self.config.reasons.map_or(0, |reasons| reasons.max_words);
        Encoding {
            tokenizer: &self.tokenizer,
            limits: self.limits,
            reasons: self.vocabulary.as_ref().map(|vocabulary| ReasonWords { vocabulary, max_words }),
        }
    }

    /// How many numbers are trained.
    pub(crate) fn n_trained(&self) -> usize {
        trained(&self.student).values().map(|tensor| tensor.shape().num_elements()).sum()
    }

    /// What the similarity counts now.
    pub(crate) fn similarity_weight(&self) -> Option<f32> {
        self.student.head.similarity_weight.as_ref().map(|weight| numbers(weight.val().inner())[0])
    }

    /// Writes the student with the best weights, calibrated on the held-out lists.
    pub(crate) fn export(
        &mut self,
        inputs: &TrainingInputs<'_>,
        training: &TrainingConfig,
        output: &Path,
    ) -> Result<PathBuf, TrainingError> {
        if !self.best.is_empty() {
            self.student = with_values(self.student.clone(), self.best.clone());
        }
        let student = self.student.valid();
        let dev = validation_lists(inputs.dev, training);
        let fitted = self.state.best.as_ref().and_then(|best| best.similarity_weight);
        self.config.similarity_weight = fitted.or(self.similarity_weight()).unwrap_or(0.0);
        self.config.calibration = fit_calibration(dev, &self.best_logits).unwrap_or(self.config.calibration);
        self.config.grades = fit_grades(dev, &self.best_logits).unwrap_or(self.config.grades);
        let tokenizer_path = self.base.tokenizer_path();
        let tokenizer = fs::read(&tokenizer_path).map_err(|source| TrainingError::file(&tokenizer_path, source))?;
        let folder = output.join(STUDENT);
        remove_old(&folder)?;
        let contents = StudentContents {
            config: &self.config,
            weights: &export::weights(&student),
            tokenizer: &tokenizer,
            reason_words: self.vocabulary.as_ref(),
            readme: &self.readme(inputs, training),
            provenance: &json!({
                "inputs": inputs.provenance,
                "training": training,
                "seed": inputs.seed,
                "steps": self.state.step,
                "best": self.state.best,
            }),
        };
        StudentFolder::write(&folder, &contents)?;
        Ok(folder)
    }

    /// A first model card; the pipeline adds figures and licences.
    fn readme(&self, inputs: &TrainingInputs<'_>, training: &TrainingConfig) -> String {
        let best = self.state.best.as_ref().map_or_else(
            || "It was not validated.".to_owned(),
            |best| format!("Held-out nDCG@10 over {} lists: {:.4} (step {}).", best.lists, best.ndcg, best.step),
        );
        format!(
            "# {}\n\nA student of Reason-to-Rank, trained for {} steps of {} lists from {} lists. {best}\n",
            inputs.name,
            self.state.step,
            training.batch * training.accumulation,
            inputs.train.len(),
        )
    }
}

/// A digest of examples (FNV-1a over their JSON), to notice that a resumed run was given others.
fn digest(sets: &[&[DistillationExample]]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for example in sets.iter().flat_map(|set| set.iter()) {
        let text = serde_json::to_vec(example).expect("examples are plain data");
        for byte in text {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    let counts: Vec<String> = sets.iter().map(|set| set.len().to_string()).collect();
    format!("{}-{hash:016x}", counts.join("+"))
}
