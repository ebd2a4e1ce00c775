//! The two phases of a training: everything together, then the reasons alone.

use crate::config::TrainingConfig;
use crate::lists::NumberedSample;
use crate::parameters::with_values;
use crate::run::Run;
use crate::validation::Validation;

/// What is learned at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Order, reasons and evidence.
    Together,
    /// Reasons and evidence; encoder and rank head stay as they are.
    Reasons {
        /// The step at which it began.
        since: usize,
    },
}

impl Phase {
    /// The steps done in this phase at `step`, and how many it has.
    pub(crate) fn progress(self, step: usize, config: &TrainingConfig) -> (usize, usize) {
        match self {
            Self::Together => (step, config.steps),
            Self::Reasons { since } => (step - since, config.reason_steps),
        }
    }

    /// Whether a validation is better than the best so far: by order, or by reasons where the order is fixed.
    pub(crate) fn is_better(self, validation: &Validation, best: &Validation) -> bool {
        match self {
            Self::Together => validation.ndcg > best.ndcg,
            Self::Reasons { .. } => {
                validation.generation.zip(best.generation).is_some_and(|(nats, fewest)| nats < fewest)
            }
        }
    }
}

impl<'a> Run<'a> {
    /// What the next step learns; `None` where the phase is over.
    pub(crate) fn phase(&self, config: &TrainingConfig) -> Option<Phase> {
        let phase = self.state.reasons_since.map_or(Phase::Together, |since| Phase::Reasons { since });
        let (done, steps) = phase.progress(self.state.step, config);
        (done < steps && !self.is_out_of_patience(config)).then_some(phase)
    }

    /// Whether this phase has not improved for as long as patience allows.
    pub(crate) fn is_out_of_patience(&self, config: &TrainingConfig) -> bool {
        config.patience > 0 && self.state.without_improvement >= config.patience
    }

    /// Begins the second phase, from the best weights of the first, where there is one and it has something to learn.
    pub(crate) fn begin_reasons(&mut self, config: &TrainingConfig) {
        if config.reason_steps == 0 || self.student.reasons.is_none() || self.reason_lists.is_empty() {
            return;
        }
        if !self.best.is_empty() {
            self.student = with_values(self.student.clone(), self.best.clone());
        }
        self.state.reasons_since = Some(self.state.step);
        self.state.without_improvement = 0;
    }

    /// What the next step learns from.
    pub(crate) fn samples(&self, phase: Phase, count: usize) -> Vec<NumberedSample<'a>> {
        let lists = match phase {
            Phase::Together => &self.lists,
            Phase::Reasons { .. } => &self.reason_lists,
        };
        let step = match phase {
            Phase::Together => self.state.step,
            Phase::Reasons { since } => self.state.step - since,
        };
        lists.samples(step * count, count)
    }
}
