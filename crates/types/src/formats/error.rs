//! How reading and writing a file fails: every message names the place, what is wrong, and what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a file cannot be read or written.
#[derive(Debug, Error)]
pub enum FormatError {
    /// The file cannot be opened.
    #[error("cannot open {file}: {source}; check the path and its permissions")]
    Open {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Reading failed half-way: a corrupt archive or a failing disk.
    #[error("cannot read {file} after line {line}: {source}; copy or download it again")]
    Read {
        /// The file.
        file: String,
        /// Lines that were read in full.
        line: usize,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// The compressed file ends early.
    #[error("{file} ends early, after line {line}: the compressed file is truncated; copy or download it again")]
    Truncated {
        /// The file.
        file: String,
        /// Lines that were read in full.
        line: usize,
    },
    /// A line is not what the format asks for.
    #[error("{file}:{line}: {problem}; {advice}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, starting at 1.
        line: usize,
        /// What is wrong, with the value at hand.
        problem: String,
        /// What to do about it.
        advice: String,
    },
    /// Something that must be there once is there twice.
    #[error("{file}:{line}: {what} is there already, at line {first_line}; remove one of the two")]
    Duplicate {
        /// The file.
        file: String,
        /// The line of the second occurrence.
        line: usize,
        /// The line of the first occurrence.
        first_line: usize,
        /// What occurs twice.
        what: String,
    },
    /// A folder lacks a file.
    #[error("{} holds no {wanted}; {advice}", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The names that would have done.
        wanted: String,
        /// What such a folder should hold.
        advice: &'static str,
    },
    /// The file holds nothing.
    #[error("{file} is empty; expected {expected}")]
    Empty {
        /// The file.
        file: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// The file is of another format.
    #[error("{file} is not {expected}: {problem}; name another file or convert this one")]
    Foreign {
        /// The file.
        file: String,
        /// The format that was asked for.
        expected: &'static str,
        /// What gives it away.
        problem: String,
    },
    /// Writing failed. The error of an [`Output`](crate::formats::output::Output) names its file.
    #[error("cannot write: {0}; check the folder, its permissions and the free space")]
    Write(#[from] io::Error),
    /// A value has no place in the format.
    #[error("cannot write {what}: {problem}; {advice}")]
    Unwritable {
        /// The value.
        what: String,
        /// Why the format cannot hold it.
        problem: String,
        /// What to do about it.
        advice: &'static str,
    },
}
