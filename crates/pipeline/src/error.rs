//! How the pipeline fails.

use std::path::{Path, PathBuf};

use thiserror::Error;

use r2r_types::formats::FormatError;
use r2r_types::stage::StageError;

/// Why a stage of the pipeline did not finish.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The recipe is wrong.
    #[error("{file}: {problem}")]
    Recipe {
        /// The recipe file.
        file: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A file is not in its format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A stage failed.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// What was asked for cannot be done with these inputs.
    #[error("{0}")]
    Input(String),
    /// The user stopped it; what was done is kept.
    #[error(
        "stopped as asked; the same command goes on behind the last stage or checkpoint that was finished, if there was one"
    )]
    Stopped,
}

impl PipelineError {
    /// An error of the file system at a path.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// An error of the user's input.
    pub fn input(error: impl std::fmt::Display) -> Self {
        Self::Input(error.to_string())
    }

    /// A failure that is not the user's.
    pub fn failed(error: impl Into<r2r_types::stage::BoxError>) -> Self {
        Self::Stage(StageError::Failed(error.into()))
    }
}
