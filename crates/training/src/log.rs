//! `training.jsonl`: one line a step and one a validation, and the curves drawn from it.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::curves;
use crate::error::TrainingError;
use crate::listener::{StepReport, Timing};
use crate::validation::Validation;

/// The name of the log in a training folder.
pub const LOG: &str = "training.jsonl";
/// The name of the curves in a training folder.
pub const CURVES: &str = "curves.svg";

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLine {
    /// An optimizer step.
    Step {
        /// What it came to: the same in every run with the same inputs, settings and seed.
        report: StepReport,
        /// How fast it went: differs from run to run.
        timing: Timing,
    },
    /// A validation.
    Validation(Validation),
}

impl LogLine {
    /// The step it belongs to.
    pub fn step(&self) -> usize {
        match self {
            Self::Step { report, .. } => report.step,
            Self::Validation(validation) => validation.step,
        }
    }
}

/// The log of a training, written line by line.
pub struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    lines: Vec<LogLine>,
}

impl Log {
    /// Opens the log of a training folder and drops the lines behind `step`: a resumed run writes them again.
    pub fn open(folder: &Path, step: usize) -> Result<Self, TrainingError> {
        let path = folder.join(LOG);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(TrainingError::file(&path, source)),
        };
        // A line that cannot be read was being written when the process was killed.
        let lines: Vec<LogLine> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let lines: Vec<LogLine> = lines.into_iter().filter(|line| line.step() <= step && step > 0).collect();
        // Aside, then renamed: a kill in between loses no line of the past.
        let aside = path.with_extension("partial");
        let opened = File::create(&aside).map_err(|source| TrainingError::file(&aside, source))?;
        let mut log = Self { path: aside, file: BufWriter::new(opened), lines: Vec::new() };
        for line in lines {
            log.write(line)?;
        }
        fs::rename(&log.path, &path).map_err(|source| TrainingError::file(&path, source))?;
        Ok(Self { path, ..log })
    }

    /// Appends a line.
    pub fn write(&mut self, line: LogLine) -> Result<(), TrainingError> {
        let text = serde_json::to_string(&line).expect("log lines are plain numbers and names");
        let written = writeln!(self.file, "{text}").and_then(|()| self.file.flush());
        written.map_err(|source| TrainingError::file(&self.path, source))?;
        self.lines.push(line);
        Ok(())
    }

    /// All lines.
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// Draws the curves beside the log.
    pub fn draw(&self) -> Result<(), TrainingError> {
        let path = self.path.with_file_name(CURVES);
        fs::write(&path, curves::draw(&self.lines)).map_err(|source| TrainingError::file(&path, source))
    }
}
