//! Why a training cannot start or go on.

use std::io;
use std::path::{Path, PathBuf};

use r2r_model::config::ConfigError;
use r2r_model::folder::FolderError;
use r2r_model::tokenizer::TokenizerError;
use r2r_model::weights::WeightsError;

/// Why a training cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// A setting that cannot work.
    #[error("training.{key} = {found}: {needed}")]
    Config {
        /// The setting.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would work.
        needed: String,
    },
    /// The device is not there.
    #[error("training.device = {0:?}: this build knows \"cpu\"{known}; build with --features cuda or wgpu for a GPU", known = KNOWN_GPUS)]
    Device(String),
    /// There is nothing to learn from.
    #[error(
        "no example has two passages with different targets: nothing to learn an order from ({examples} examples were given)"
    )]
    NoExamples {
        /// How many examples there were.
        examples: usize,
    },
    /// An example contradicts itself.
    #[error("example {number} (query {query}): {problem}")]
    Example {
        /// Its place in the given order, from 0.
        number: usize,
        /// Its query's id.
        query: String,
        /// What is wrong.
        problem: String,
    },
    /// The base folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The base is a trained student, whose similarity term has a base of its own.
    #[error("{0} is a student with similarity.* tensors; train from its base encoder instead")]
    BaseIsStudent(PathBuf),
    /// Such a student could be trained but never be opened.
    #[error("this student cannot be made: {0}")]
    Student(#[from] ConfigError),
    /// The base's weights are not whole.
    #[error("the base {base}: {source}")]
    Weights {
        /// The base folder.
        base: PathBuf,
        /// What is wrong.
        source: WeightsError,
    },
    /// A text cannot be tokenized.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A file of the run cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A checkpoint could not be written; what was there before is untouched.
    #[error("checkpoint {path} could not be written ({source}); free some space and go on with --resume from {kept}")]
    Checkpoint {
        /// The folder that could not be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// The newest whole checkpoint.
        kept: String,
    },
    /// A checkpoint is not of this run.
    #[error("checkpoint {path}: {problem}; remove {path} or train into another folder")]
    Foreign {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// The folder holds a run already.
    #[error("{0} holds a training run already; continue it with --resume or choose another folder")]
    Exists(PathBuf),
    /// The loss is not a number.
    #[error("the loss is {loss} at step {step}; lower training.learning_rate or training.head_learning_rate")]
    Diverged {
        /// The optimizer step.
        step: usize,
        /// The loss.
        loss: f64,
    },
}

const KNOWN_GPUS: &str = match (cfg!(feature = "cuda"), cfg!(feature = "wgpu")) {
    (true, true) => ", \"cuda\" and \"wgpu\"",
    (true, false) => " and \"cuda\"",
    (false, true) => " and \"wgpu\"",
    (false, false) => "",
};

impl TrainingError {
    /// An error of the file system.
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}
