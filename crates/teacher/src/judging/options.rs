//! How a teacher is asked.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chat::Effort;
use crate::prompt::PromptKind;
use crate::windows::{PlanError, WindowPlan};

/// How a teacher is asked. Nothing that the provider may refuse is sent unless it is set here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JudgeOptions {
    /// The provider's name of the model; also the teacher's name in judgments.
    pub model: String,
    /// How a list is cut into windows.
    pub windows: WindowPlan,
    /// How often each window is asked about; the answers become one by consensus. More samples label better, at
    /// that many times the price.
    pub samples: usize,
    /// Whether each sample shows the passages in an order of its own, so that no passage gains by its place.
    pub shuffle: bool,
    /// Whether an answer that cannot be used is followed by one request to repair it.
    pub ask_again: bool,
    /// The most tokens of an answer, thoughts included.
    pub max_tokens: u32,
    /// The sampling temperature; `None` sends none, which some models insist on.
    pub temperature: Option<f32>,
    /// How much the model may think; `None` leaves that to the provider.
    pub effort: Option<Effort>,
    /// Whether each request has a sampling seed of its own; not every provider takes one.
    pub send_seed: bool,
    /// How many of the first candidates are graded by themselves, where there is a prompt for it.
    pub grade_depth: usize,
    /// The least share of pairs in which order and grades must agree for a judgment to count as consistent.
    pub min_consistency: f64,
}

impl Default for JudgeOptions {
    fn default() -> Self {
        Self {
            model: String::new(),
            windows: WindowPlan::Sliding { size: 20, stride: 10, passes: 1 },
            samples: 1,
            shuffle: true,
            ask_again: true,
            // Twenty passages take some 3,000 tokens; the rest is room for thoughts.
            max_tokens: 16_000,
            temperature: None,
            effort: None,
            send_seed: false,
            grade_depth: 20,
            min_consistency: 0.6,
        }
    }
}

/// Why a query cannot be judged so: always the caller's to mend.
#[derive(Debug, Error, PartialEq)]
pub enum JudgingError {
    /// No model is named.
    #[error("no model is named; set one, as the provider calls it")]
    NoModel,
    /// No sample is asked for.
    #[error("0 samples ask nothing; use 1 or more")]
    Samples,
    /// No token is allowed.
    #[error("max_tokens = 0 leaves no room for an answer; use 1000 or more")]
    MaxTokens,
    /// The windows do not work.
    #[error(transparent)]
    Windows(#[from] PlanError),
    /// The temperature is no temperature.
    #[error("temperature = {0} is not a number from 0 up")]
    Temperature(f32),
    /// The threshold is no share.
    #[error("min_consistency = {0} is not a share from 0 to 1")]
    MinConsistency(f64),
    /// A prompt for one thing is used for the other.
    #[error("the prompt {name:?} is of kind {found:?}, but {needed:?} is needed here; choose another one")]
    Kind {
        /// The prompt's name.
        name: String,
        /// What it is.
        found: PromptKind,
        /// What is needed.
        needed: PromptKind,
    },
    /// Nothing with this key was asked, or it has its answer already.
    #[error("no request with the key {0} is waiting for an answer")]
    UnknownKey(String),
}

impl JudgeOptions {
    /// Checks what does not depend on a query.
    pub fn check(&self) -> Result<(), JudgingError> {
        self.windows.checked()?;
        if self.model.is_empty() {
            return Err(JudgingError::NoModel);
        }
        if self.samples == 0 {
            return Err(JudgingError::Samples);
        }
        if self.max_tokens == 0 {
            return Err(JudgingError::MaxTokens);
        }
        if let Some(temperature) =
            self.temperature.filter(|temperature| !(temperature.is_finite() && *temperature >= 0.0))
        {
            return Err(JudgingError::Temperature(temperature));
        }
        if !(0.0..=1.0).contains(&self.min_consistency) {
            return Err(JudgingError::MinConsistency(self.min_consistency));
        }
        Ok(())
    }
}
