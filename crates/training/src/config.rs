//! Everything that steers a training, with its defaults.

use serde::{Deserialize, Serialize};

use crate::error::TrainingError;
use crate::layers::{Adaptation, LowRank};
use crate::loss::LossConfig;

/// Everything that steers a training but the seed, which every stage is given from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Optimizer steps.
    pub steps: usize,
    /// Optimizer steps after these, in which reasons and evidence alone go on learning, from lists that have reasons,
    /// with encoder and rank head as they were at the best validation. They cost a third of the others, and a reason
    /// decoder needs more of them than a rank head.
    pub reason_steps: usize,
    /// Lists of one forward and backward pass.
    pub batch: usize,
    /// Passes of one optimizer step: `batch * accumulation` lists count together.
    pub accumulation: usize,
    /// Largest learning rate of the encoder: of its low-rank terms, or of all of it under `adaptation = "full"`.
    pub learning_rate: f64,
    /// Largest learning rate of rank head, evidence head and reason decoder.
    pub head_learning_rate: f64,
    /// Largest learning rate of the similarity's weight.
    pub similarity_learning_rate: f64,
    /// Share of the lists from which the base's similarity is withheld. Without it the head learns nothing that the
    /// similarity knows already, and little else; with it the head becomes a second, independent opinion.
    pub similarity_dropout: f64,
    /// Steps over which the learning rates rise from zero; they fall linearly to zero afterwards. So in either phase.
    pub warmup: usize,
    /// Largest norm of all gradients together; larger ones are scaled down.
    pub grad_clip: f64,
    /// Decoupled weight decay of matrices; vectors have none.
    pub weight_decay: f64,
    /// How much each loss counts.
    pub loss: LossConfig,
    /// Which tensors of the encoder are trained.
    pub adaptation: Adaptation,
    /// Passages of one list in one pass; of a longer list its best and a sample of the others.
    pub passages_per_list: usize,
    /// Reasons of one list in one pass, a sample where there are more.
    pub reasons_per_list: usize,
    /// Most pieces of a pair.
    pub max_length: usize,
    /// Optimizer steps between validations.
    pub validate_every: usize,
    /// Held-out lists of a validation; more of them are left out.
    pub validation_lists: usize,
    /// Validations without improvement after which a phase ends; 0 for never.
    pub patience: usize,
    /// Optimizer steps between checkpoints.
    pub checkpoint_every: usize,
    /// `cpu`, or `cuda` or `wgpu` where the build has them.
    pub device: String,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            steps: 1000,
            reason_steps: 0,
            batch: 4,
            accumulation: 2,
            learning_rate: 5e-4,
            head_learning_rate: 5e-4,
            similarity_learning_rate: 0.01,
            similarity_dropout: 0.5,
            warmup: 50,
            grad_clip: 1.0,
            weight_decay: 0.01,
            loss: LossConfig::default(),
            adaptation: Adaptation::default(),
            passages_per_list: 8,
            reasons_per_list: 4,
            max_length: 192,
            validate_every: 100,
            validation_lists: 128,
            patience: 0,
            checkpoint_every: 100,
            device: "cpu".to_owned(),
        }
    }
}

impl TrainingConfig {
    /// Refuses settings that cannot work, by name.
    pub fn check(&self) -> Result<(), TrainingError> {
        let counts = [
            ("steps", self.steps),
            ("batch", self.batch),
            ("accumulation", self.accumulation),
            ("reasons_per_list", self.reasons_per_list),
            ("validate_every", self.validate_every),
            ("validation_lists", self.validation_lists),
            ("checkpoint_every", self.checkpoint_every),
        ];
        for (key, count) in counts {
            if count == 0 {
                return Err(config_error(key, &0, "it must be at least 1"));
            }
        }
        if self.passages_per_list < 2 {
            return Err(config_error("passages_per_list", &self.passages_per_list, "an order needs at least 2"));
        }
        if self.max_length < 16 {
            return Err(config_error("max_length", &self.max_length, "a pair needs at least 16 pieces"));
        }
        let rates = [
            ("learning_rate", self.learning_rate),
            ("head_learning_rate", self.head_learning_rate),
            ("similarity_learning_rate", self.similarity_learning_rate),
            ("weight_decay", self.weight_decay),
            ("loss.pairwise", self.loss.pairwise),
            ("loss.listwise", self.loss.listwise),
            ("loss.generation", self.loss.generation),
            ("loss.evidence", self.loss.evidence),
        ];
        for (key, rate) in rates {
            if !rate.is_finite() || rate < 0.0 {
                return Err(config_error(key, &rate, "it must be a number from 0 on"));
            }
        }
        if !(0.0..=1.0).contains(&self.similarity_dropout) {
            return Err(config_error("similarity_dropout", &self.similarity_dropout, "it must be between 0 and 1"));
        }
        if !is_positive(self.grad_clip) {
            return Err(config_error("grad_clip", &self.grad_clip, "it must be above 0"));
        }
        if !is_positive(f64::from(self.loss.temperature)) {
            return Err(config_error("loss.temperature", &self.loss.temperature, "it must be above 0"));
        }
        if let Adaptation::LowRank(LowRank { rank, alpha }) = self.adaptation
            && (rank == 0 || !is_positive(f64::from(alpha)))
        {
            return Err(config_error("adaptation", &format!("rank {rank}, alpha {alpha}"), "both must be above 0"));
        }
        Ok(())
    }

    /// Steps of both phases.
    pub fn all_steps(&self) -> usize {
        self.steps + self.reason_steps
    }

    /// The factor of all learning rates at `step` (from 0) of a phase of `steps`: a linear rise over `warmup` steps,
    /// then a linear fall.
    pub fn schedule(&self, step: usize, steps: usize) -> f64 {
        if step < self.warmup {
            (step + 1) as f64 / self.warmup as f64
        } else {
            let left = steps.saturating_sub(step) as f64;
            left / steps.saturating_sub(self.warmup).max(1) as f64
        }
    }
}

fn is_positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

fn config_error(key: &'static str, found: &impl ToString, needed: &str) -> TrainingError {
    TrainingError::Config { key, found: found.to_string(), needed: needed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_then_falls_to_zero() {
        let config = TrainingConfig { steps: 10, warmup: 2, ..TrainingConfig::default() };
        let factors: Vec<f64> = (0..=10).map(|step| config.schedule(step, config.steps)).collect();
        assert_eq!(factors, [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0]);
    }

    #[test]
    fn unknown_and_impossible_settings_are_named() {
        let unknown = serde_json::from_str::<TrainingConfig>(r#"{"stepz": 1}"#).unwrap_err().to_string();
        assert!(unknown.contains("stepz"), "{unknown}");
        let config = TrainingConfig { batch: 0, ..TrainingConfig::default() };
        assert_eq!(config.check().unwrap_err().to_string(), "training.batch = 0: it must be at least 1");
    }

    #[test]
    fn adaptation_is_a_word_or_a_rank() {
        let full: TrainingConfig = serde_json::from_str(r#"{"adaptation": "full"}"#).unwrap();
        assert_eq!(full.adaptation, Adaptation::Full);
        let low: TrainingConfig = serde_json::from_str(r#"{"adaptation": {"rank": 8}}"#).unwrap();
        assert_eq!(low.adaptation, Adaptation::LowRank(LowRank { rank: 8, alpha: 32.0 }));
    }
}
