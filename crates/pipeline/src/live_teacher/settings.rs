//! Who teaches and how, as a recipe and the command line say it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use r2r_teacher::asking::AskerConfig;
use r2r_teacher::batches::BatchConfig;
use r2r_teacher::clients::endpoint::Provider;
use r2r_teacher::cost::prices::{PriceTable, Route};
use r2r_teacher::{Effort, JudgeOptions, Prompt, WindowPlan};
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;

/// A large model to be asked. Whatever is not said leaves the choice to the provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherModel {
    /// Who serves it: openai, anthropic, gemini, or compatible.
    pub provider: String,
    /// Its name there.
    pub model: String,
    /// The address of a server of one's own.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Anthropic's API version; the newer ones take no temperature.
    #[serde(default)]
    pub anthropic_version: Option<String>,
    /// What is asked: the name of a prompt, or a TOML file.
    #[serde(default = "default_prompt")]
    pub prompt: String,
    /// Candidates in a window that slides from the end of the list to its front.
    #[serde(default = "default_window")]
    pub window: usize,
    /// How far it moves; half of the window where it is not said.
    #[serde(default)]
    pub stride: Option<usize>,
    /// How often it goes over the whole list.
    #[serde(default = "default_passes")]
    pub passes: usize,
    /// Groups of so many candidates in a tournament in place of a sliding window.
    #[serde(default)]
    pub tournament: Option<usize>,
    /// How many of the best the tournament is to find.
    #[serde(default)]
    pub best: Option<usize>,
    /// How often each window is asked about.
    #[serde(default = "default_samples")]
    pub samples: usize,
    /// Whether each sample shows the passages in an order of its own.
    #[serde(default = "default_shuffle")]
    pub shuffle: bool,
    /// How many of the first candidates are graded by themselves too.
    #[serde(default)]
    pub grades: usize,
    /// How much it may think: none, minimal, low, medium, high or max.
    #[serde(default)]
    pub effort: Option<String>,
    /// The sampling temperature.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// The most tokens of an answer, thoughts included.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: u32,
    /// The share of answers that cannot be used past which the asking stops, from 0 to 1.
    #[serde(default = "default_max_malformed")]
    pub max_malformed: f64,
    /// What may be spent, earlier runs on the same journal included, in US dollars; needs `prices`.
    #[serde(default)]
    pub budget_usd: Option<f64>,
    /// A file of prices.
    #[serde(default)]
    pub prices: Option<PathBuf>,
    /// Whether to ask in batches.
    #[serde(default)]
    pub batch: bool,
    /// The most requests in a batch; the provider's own limit where that is lower.
    #[serde(default)]
    pub batch_size: Option<NonZeroUsize>,
    /// Whether the questions of batches that the provider no longer has are asked, and paid, again.
    #[serde(default)]
    pub ask_lost_again: bool,
    /// The most requests at once.
    #[serde(default = "default_concurrency")]
    pub concurrency: NonZeroUsize,
    /// The most requests a minute.
    #[serde(default)]
    pub requests_per_minute: Option<u64>,
    /// The most tokens a minute, input and longest output together.
    #[serde(default)]
    pub tokens_per_minute: Option<u64>,
    /// The longest that one request may take, in seconds.
    #[serde(default = "default_timeout_s")]
    pub timeout_s: u64,
}

/// The names of [`TeacherModel::effort`].
pub const EFFORTS: [&str; 6] = ["none", "minimal", "low", "medium", "high", "max"];

fn default_prompt() -> String {
    "dual-v1".to_owned()
}
fn default_window() -> usize {
    20
}
fn default_passes() -> usize {
    1
}
fn default_samples() -> usize {
    1
}
fn default_shuffle() -> bool {
    true
}
fn default_max_tokens() -> u32 {
    16_000
}
fn default_max_malformed() -> f64 {
    0.05
}
fn default_concurrency() -> NonZeroUsize {
    const { NonZeroUsize::new(16).expect("16 is not 0") }
}

fn default_timeout_s() -> u64 {
    600
}

impl TeacherModel {
    /// Checks what needs no file and no network.
    ///
    /// # Errors
    /// The first setting that cannot work, and what to do.
    pub fn check(&self) -> Result<(), String> {
        self.provider.parse::<Provider>().map_err(|error| error.to_string())?;
        if !(0.0..=1.0).contains(&self.max_malformed) {
            return Err(format!("max_malformed = {} is not a share from 0 to 1", self.max_malformed));
        }
        if self.budget_usd.is_some_and(|limit| !(limit.is_finite() && limit >= 0.0)) {
            return Err("budget_usd must be a number from 0 up".to_owned());
        }
        if self.tournament.is_some() != self.best.is_some() {
            return Err("tournament and best go together: groups of how many, for the best how many".to_owned());
        }
        if self.timeout_s == 0 {
            return Err("timeout_s = 0 leaves no time for an answer; use 60 or more".to_owned());
        }
        self.judge_options()?.check().map_err(|error| error.to_string())
    }

    /// How a query is judged.
    pub(crate) fn judge_options(&self) -> Result<JudgeOptions, String> {
        let windows = if let (Some(size), Some(top)) = (self.tournament, self.best) {
            WindowPlan::Tournament { size, top }
        } else {
            let stride = self.stride.unwrap_or((self.window / 2).max(1));
            WindowPlan::Sliding { size: self.window, stride, passes: self.passes }
        };
        let effort = self.effort.as_deref().map(effort).transpose()?;
        Ok(JudgeOptions {
            model: self.model.clone(),
            windows,
            samples: self.samples,
            shuffle: self.shuffle,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            effort,
            grade_depth: self.grades,
            ..JudgeOptions::default()
        })
    }

    /// How fast and at what cost it is asked; `seed` is that of the jitter.
    pub(crate) fn asker_config(&self, provider: Provider, seed: u64) -> Result<AskerConfig, PipelineError> {
        let mut config = AskerConfig::default();
        if let Some(path) = &self.prices {
            let text = std::fs::read_to_string(path).map_err(|error| PipelineError::io(path, error))?;
            let prices = PriceTable::read(&text);
            config.prices = prices.map_err(|error| PipelineError::Input(format!("{}: {error}", path.display())))?;
        }
        if self.budget_usd.is_some() && config.prices.price(provider, &self.model).is_none() {
            return Err(PipelineError::Input(format!(
                "a budget needs the price of {} {}: give a file that has it with --prices FILE (teacher.prices in a \
                 recipe; its form is in r2r judge --help; 0 for a server of your own), or leave out --budget-usd",
                provider.name(),
                self.model
            )));
        }
        config.budget_usd = self.budget_usd;
        config.transport.timeout = Duration::from_secs(self.timeout_s);
        config.pace.concurrency = self.concurrency.get();
        config.pace.requests_per_minute = self.requests_per_minute;
        config.pace.tokens_per_minute = self.tokens_per_minute;
        config.pace.seed = seed;
        Ok(config)
    }

    /// How batches are made.
    pub(crate) fn batches(&self) -> BatchConfig {
        let default = BatchConfig::default();
        let items = self.batch_size.map_or(default.items, NonZeroUsize::get);
        BatchConfig { items, ask_lost_again: self.ask_lost_again, ..default }
    }

    /// By itself or in batches.
    pub(crate) fn route(&self) -> Route {
        if self.batch { Route::Batch } else { Route::Live }
    }
}

/// A prompt by its name, or from a file.
pub fn prompt(name: &str) -> Result<Prompt, PipelineError> {
    let path = Path::new(name);
    if path.is_file() {
        let text = std::fs::read_to_string(path).map_err(|error| PipelineError::io(path, error))?;
        return Prompt::of_toml(name, &text).map_err(PipelineError::input);
    }
    let built_in = Prompt::built_in(name);
    built_in.map_err(|error| PipelineError::Input(format!("{error}; {name} is no file either")))
}

fn effort(name: &str) -> Result<Effort, String> {
    match name {
        "none" => Ok(Effort::None),
        "minimal" => Ok(Effort::Minimal),
        "low" => Ok(Effort::Low),
        "medium" => Ok(Effort::Medium),
        "high" => Ok(Effort::High),
        "max" => Ok(Effort::Max),
        other => Err(format!("effort = {other:?} is not known: {}", EFFORTS.join(", "))),
    }
}
