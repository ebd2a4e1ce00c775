//! Why a prompt file cannot be used.

use thiserror::Error;

/// Why a prompt file cannot be used: always the user's to mend.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PromptError {
    /// The file is no TOML, or lacks a field, or has one that is not known.
    #[error("{origin}: not a prompt file: {problem}")]
    Toml {
        /// The file's name.
        origin: String,
        /// What the TOML reader says.
        problem: String,
    },
    /// The file is of another format.
    #[error("{origin}: format = {format} is not known; this program reads format = 1")]
    Format {
        /// The file's name.
        origin: String,
        /// The format it states.
        format: u32,
    },
    /// A field has a value that cannot be used.
    #[error("{origin}: {field}: {problem}")]
    Field {
        /// The file's name.
        origin: String,
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
    /// No prompt of that name comes with the program.
    #[error("there is no prompt {name:?}; known are {known}; a file of your own is named by its path")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
}
