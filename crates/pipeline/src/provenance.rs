//! Where an artifact comes from: what went in, how it was made, what came out.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use r2r_types::formats::beir::{corpus_file, qrels_file, queries_file};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::PipelineError;

/// The name of the file in each artifact's folder.
pub const FILE: &str = "provenance.json";

/// What made an artifact. Equal keys mean that a stage would make the same artifact again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The stage.
    pub stage: String,
    /// The hash of stage, version, configuration, seed and inputs.
    pub key: String,
    /// The version of this program.
    pub version: String,
    /// The resolved configuration.
    pub config: serde_json::Value,
    /// The seed of its random choices.
    pub seed: u64,
    /// What it read.
    pub inputs: Vec<Input>,
    /// Where it was made.
    pub machine: Machine,
    /// What came out, counted.
    #[serde(default)]
    pub counts: BTreeMap<String, serde_json::Value>,
}

/// A file or an artifact that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The file, or the artifact's folder.
    pub path: PathBuf,
    /// The SHA-256 of the file; for an artifact its key.
    pub sha256: String,
}

/// What a stage reads of a BEIR folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The documents.
    Corpus,
    /// The queries.
    Queries,
    /// The judgments of a split.
    Qrels(&'a str),
}

/// The kind of machine that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The operating system.
    pub os: String,
    /// The processor architecture.
    pub arch: String,
    /// The processors it may use.
    pub threads: usize,
}

impl Provenance {
    /// The provenance of a stage that is about to run.
    pub fn of(stage: &str, config: &impl Serialize, seed: u64, inputs: Vec<Input>) -> Result<Self, PipelineError> {
        let config = serde_json::to_value(config).map_err(PipelineError::failed)?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let hashes: Vec<&str> = inputs.iter().map(|input| input.sha256.as_str()).collect();
        let whole = serde_json::json!([stage, version, config, seed, hashes]).to_string();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            stage: stage.to_owned(),
            key: hex(&Sha256::digest(whole.as_bytes())),
            version,
            config,
            seed,
            inputs,
            machine: Machine { os: std::env::consts::OS.into(), arch: std::env::consts::ARCH.into(), threads },
            counts: BTreeMap::new(),
        })
    }

    /// The provenance of the artifact in a folder; `None` where there is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, PipelineError> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(PipelineError::io(&path, error)),
        };
        let read = serde_json::from_str(&text).map_err(|error| {
            PipelineError::Input(format!(
                "{}: {error}; it was not written by this program, or was damaged",
                path.display()
            ))
        })?;
        Ok(Some(read))
    }

    /// Writes the provenance into the artifact's folder.
    pub fn write(&self, folder: &Path) -> Result<(), PipelineError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(PipelineError::failed)?;
        std::fs::write(&path, text + "\n").map_err(|error| PipelineError::io(&path, error))
    }

    /// Adds a count of what came out.
    pub fn count(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.counts.insert(name.to_owned(), value.into());
    }
}

impl Input {
    /// A file, hashed.
    pub fn file(path: &Path) -> Result<Self, PipelineError> {
        let failed = |error| PipelineError::io(path, error);
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let mut hasher = Sha256::new();
        let mut block = vec![0; 1 << 16];
        loop {
            let n = file.read(&mut block).map_err(failed)?;
            if n == 0 {
                break;
            }
            hasher.update(&block[..n]);
        }
        Ok(Self { path: path.to_owned(), sha256: hex(&hasher.finalize()) })
    }

    /// What was read from a stream, hashed.
    pub fn bytes(path: &Path, bytes: &[u8]) -> Self {
        Self { path: path.to_owned(), sha256: hex(&Sha256::digest(bytes)) }
    }

    /// The files of a BEIR folder that hold these parts.
    pub fn collection(folder: &Path, parts: &[Part<'_>]) -> Result<Vec<Self>, PipelineError> {
        let file = |part: &Part<'_>| {
            let path = match part {
                Part::Corpus => corpus_file(folder),
                Part::Queries => queries_file(folder),
                Part::Qrels(split) => qrels_file(folder, split),
            };
            Self::file(&path?)
        };
        parts.iter().map(file).collect()
    }

    /// An artifact of an earlier stage.
    pub fn artifact(path: &Path) -> Result<Self, PipelineError> {
        let provenance = Provenance::read(path)?.ok_or_else(|| {
            PipelineError::Input(format!("{}: no artifact is here (no {FILE}); run its stage first", path.display()))
        })?;
        Ok(Self { path: path.to_owned(), sha256: provenance.key })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string never fails");
        text
    })
}
