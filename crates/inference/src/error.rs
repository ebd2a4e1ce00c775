//! What can go wrong between a student folder and its answers.

use r2r_model::folder::FolderError;
use r2r_model::tokenizer::TokenizerError;
use r2r_model::weights::WeightsError;

/// Why a student cannot be opened or cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// A file of the folder is absent or at fault.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A tensor is absent or has the wrong shape.
    #[error("{folder}/model.safetensors: {source}")]
    Weights {
        /// The folder.
        folder: String,
        /// Which tensor, and what is wrong with it.
        source: WeightsError,
    },
    /// A text could not be tokenized.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The weights give no number.
    #[error(
        "student {student} gives document {index} of the list the logit {logit}; its weights are damaged, train or download it again"
    )]
    NotFinite {
        /// The student's name.
        student: String,
        /// The document's place in the given list, from 0.
        index: usize,
        /// The logit.
        logit: f32,
    },
    /// The system gives no threads.
    #[error("{asked} threads cannot be started ({error}); ask for fewer")]
    Threads {
        /// How many were asked for.
        asked: std::num::NonZeroUsize,
        /// What the system says.
        error: String,
    },
    /// The student was not fitted to stop documents early.
    #[error("student {student} does not know when to stop a document; fit it with r2r early, or finish all")]
    NoExitHead {
        /// The student's name.
        student: String,
    },
    /// No bar can be so far below the best documents.
    #[error("documents are stopped a finite number of standard deviations below the best, 0 or more, not {margin}")]
    Margin {
        /// What was asked for.
        margin: f32,
    },
    /// The student only ranks.
    #[error("student {student} writes no reasons; train one with reasons, or ask for scores alone")]
    NoReasons {
        /// The student's name.
        student: String,
    },
}
