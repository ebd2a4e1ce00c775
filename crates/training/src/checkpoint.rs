//! Checkpoints: everything that a training needs to go on as if it had never stopped, written whole or not at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::config::TrainingConfig;
use crate::error::TrainingError;
use crate::optimizer::Moments;
use crate::validation::Validation;

/// Checkpoints that are kept; each holds the best weights so far as well.
const KEPT: usize = 2;
/// Begins the name of every checkpoint folder.
const PREFIX: &str = "step-";
/// The numbers.
const TENSORS: &str = "state.safetensors";
/// Everything else.
const STATE: &str = "state.json";

/// Tensors by name, as numbers.
pub type Numbers = BTreeMap<String, Vec<f32>>;

/// What a training needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Counters and settings.
    pub state: State,
    /// Trained tensors.
    pub values: Numbers,
    /// The optimizer's moments.
    pub moments: BTreeMap<String, Moments>,
    /// Trained tensors at the best validation; empty before the first one.
    pub best: Numbers,
    /// The logits of the held-out passages at the best validation, list after list.
    pub best_logits: Vec<f32>,
    /// Similarities of training and held-out passages, NaN where not known yet.
    pub similarities: [Vec<f32>; 2],
}

/// Counters and settings of a checkpoint. Random numbers depend on seed and position alone, so they have no state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Optimizer steps done.
    pub step: usize,
    /// The step at which the phase of reasons alone began; `None` before it.
    pub reasons_since: Option<usize>,
    /// The best validation.
    pub best: Option<Validation>,
    /// Validations of this phase since the best one.
    pub without_improvement: usize,
    /// The settings.
    pub config: TrainingConfig,
    /// The seed.
    pub seed: u64,
    /// A digest of the examples.
    pub examples: String,
    /// Steps that each tensor's moments have taken.
    times: BTreeMap<String, usize>,
}

impl State {
    /// The state of a run that has not begun.
    pub fn new(config: &TrainingConfig, seed: u64, examples: String) -> Self {
        Self {
            step: 0,
            reasons_since: None,
            best: None,
            without_improvement: 0,
            config: config.clone(),
            seed,
            examples,
            times: BTreeMap::new(),
        }
    }
}

impl Checkpoint {
    /// Writes `FOLDER/step-N` by way of `FOLDER/step-N.partial`, then removes all but the last two.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, TrainingError> {
        let path = folder.join(format!("{PREFIX}{:08}", self.state.step));
        self.write_whole(&path).map_err(|source| TrainingError::Checkpoint {
            path: path.clone(),
            source,
            kept: newest(folder).map_or_else(|| "the start".to_owned(), |kept| kept.display().to_string()),
        })?;
        for old in all(folder).iter().rev().skip(KEPT) {
            fs::remove_dir_all(old).map_err(|source| TrainingError::file(old, source))?;
        }
        Ok(path)
    }

    fn write_whole(&self, path: &Path) -> io::Result<()> {
        let partial = path.with_extension("partial");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(&partial)?;
        let mut state = self.state.clone();
        state.times = self.moments.iter().map(|(name, moments)| (name.clone(), moments.time)).collect();
        let mut tensors: Vec<(String, &[f32])> = Vec::new();
        tensors.extend(self.values.iter().map(|(name, values)| (format!("value/{name}"), values.as_slice())));
        tensors.extend(self.best.iter().map(|(name, values)| (format!("best/{name}"), values.as_slice())));
        for (name, moments) in &self.moments {
            tensors.push((format!("first/{name}"), &moments.first));
            tensors.push((format!("second/{name}"), &moments.second));
        }
        tensors.push(("logits/best".to_owned(), &self.best_logits));
        for (name, values) in ["train", "dev"].iter().zip(&self.similarities) {
            tensors.push((format!("similarity/{name}"), values));
        }
        write_synced(&partial.join(TENSORS), &to_safetensors(&tensors)?)?;
        write_synced(&partial.join(STATE), format!("{:#}\n", serde_json::to_value(&state)?).as_bytes())?;
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        fs::rename(&partial, path)
    }

    /// The newest checkpoint of a folder; `None` where there is none.
    pub fn newest(folder: &Path) -> Result<Option<(PathBuf, Self)>, TrainingError> {
        let Some(path) = newest(folder) else { return Ok(None) };
        let checkpoint = Self::read(&path)?;
        Ok(Some((path, checkpoint)))
    }

    fn read(path: &Path) -> Result<Self, TrainingError> {
        let foreign = |problem: String| TrainingError::Foreign { path: path.to_owned(), problem };
        let (state_path, tensors_path) = (path.join(STATE), path.join(TENSORS));
        let text = fs::read_to_string(&state_path).map_err(|source| TrainingError::file(&state_path, source))?;
        let state: State = serde_json::from_str(&text).map_err(|error| foreign(format!("{STATE}: {error}")))?;
        let bytes = fs::read(&tensors_path).map_err(|source| TrainingError::file(&tensors_path, source))?;
        let mut tensors =
            from_safetensors(&bytes).map_err(|error| foreign(format!("{TENSORS} is not whole ({error})")))?;
        let mut part = |prefix: &str| -> Numbers {
            let of_part = tensors.extract_if(.., |name, _| name.starts_with(prefix));
            of_part.map(|(name, values)| (name[prefix.len()..].to_owned(), values)).collect()
        };
        let (values, best, first) = (part("value/"), part("best/"), part("first/"));
        let (mut second, mut similarity) = (part("second/"), part("similarity/"));
        let best_logits = part("logits/").remove("best").unwrap_or_default();
        let moments = first.into_iter().map(|(name, first)| {
            let second = second.remove(&name).unwrap_or_default();
            let time = state.times.get(&name).copied().unwrap_or_default();
            (name, Moments { time, first, second })
        });
        let moments = moments.collect();
        let similarities = ["train", "dev"].map(|name| similarity.remove(name).unwrap_or_default());
        Ok(Self { state, values, moments, best, best_logits, similarities })
    }

    /// Refuses to go on with other settings, another seed or other examples.
    pub fn check(&self, path: &Path, expected: &State) -> Result<(), TrainingError> {
        let foreign = |problem: String| TrainingError::Foreign { path: path.to_owned(), problem };
        // How often one looks does not change what is learned.
        let comparable = |config: &TrainingConfig| TrainingConfig { checkpoint_every: 0, ..config.clone() };
        if comparable(&self.state.config) != comparable(&expected.config) {
            return Err(foreign("it was made with other training settings".to_owned()));
        }
        if self.state.seed != expected.seed {
            return Err(foreign(format!("it was made with seed {}, not {}", self.state.seed, expected.seed)));
        }
        if self.state.examples != expected.examples {
            return Err(foreign("it was made from other examples".to_owned()));
        }
        Ok(())
    }
}

/// Whole checkpoints, oldest first.
fn all(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_whole = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_prefix(PREFIX)).is_some_and(|number| number.parse::<usize>().is_ok())
    };
    let mut found: Vec<PathBuf> = entries.filter(is_whole).collect();
    found.sort();
    found
}

fn newest(folder: &Path) -> Option<PathBuf> {
    all(folder).pop()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn to_safetensors(tensors: &[(String, &[f32])]) -> io::Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((name, values), bytes) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, vec![values.len()], bytes).map_err(io::Error::other)?;
        views.push((name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(io::Error::other)
}

fn from_safetensors(bytes: &[u8]) -> Result<Numbers, safetensors::SafeTensorError> {
    let file = SafeTensors::deserialize(bytes)?;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let (chunks, _) = view.data().as_chunks::<4>();
        (name, chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
    });
    Ok(tensors.collect())
}
