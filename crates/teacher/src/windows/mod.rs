//! How a long list is put in order by a teacher that sees few passages at once.
//!
//! A [`WindowPlan`] starts a [`Course`] over `n` candidates, best first as the first stage has them. The course says
//! which windows can be asked about now; each answer is placed, and opens others. At any moment it has an order of all
//! candidates.
//!
//! Calls for the first ten of `n` candidates in windows of 20, for a teacher that never contradicts itself. The first
//! stage has every candidate within so many places of its true one; means of 50 lists, which
//! `cargo test -p r2r-teacher --test windows a_tournament -- --nocapture` prints:
//!
//! | plan | first stage | n = 100 | n = 200 | n = 1000 | one after the other |
//! |---|---|---|---|---|---|
//! | sliding, stride 10, 1 pass | any | 9 | 19 | 99 | all of them |
//! | tournament | within 10 places | 6.1 | 11.1 | 53.1 | 2 rounds |
//! | tournament | within 30 places | 6.9 | 11.9 | 53.9 | 3 rounds |
//! | tournament | within 100 places | 8.4 | 13.5 | 55.6 | 4 to 5 rounds |
//! | tournament | random | 9.2 | 17.2 | 81.4 | 4 to 7 rounds |
//!
//! ```
//! use r2r_teacher::windows::WindowPlan;
//!
//! // The truth is that higher numbers are better; the first stage has it the wrong way round.
//! let mut course = WindowPlan::Sliding { size: 4, stride: 2, passes: 1 }.start(8)?;
//! while let Some(window) = course.ready().pop() {
//!     let mut order = window.items.clone();
//!     order.sort_by(|a, b| b.cmp(a));
//!     course.place(window.id, order);
//! }
//! assert_eq!(course.order()[..2], [7, 6]);
//! # Ok::<(), r2r_teacher::windows::PlanError>(())
//! ```

mod sliding;
mod tournament;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::windows::sliding::Sliding;
use crate::windows::tournament::Tournament;

/// How a list is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WindowPlan {
    /// All candidates in one window: one call.
    Single,
    /// A window that slides from the end to the front, so that a good document at the end can still climb to the
    /// top (Sun et al., 2023, `RankGPT`): `passes * (1 + ceil((n - size) / stride))` calls, one after the other.
    /// One pass finds the best `size - stride` documents.
    Sliding {
        /// Candidates in a window, at least 2.
        size: usize,
        /// How far it moves, from 1 to `size`; below `size` windows overlap and documents climb.
        stride: usize,
        /// How often it goes over the whole list, at least 1.
        passes: usize,
    },
    /// For deep lists, when only the best documents matter (after Parry et al., 2024, "top-down partitioning"): the
    /// first window is put in order, and its `top`th document is the pivot against which all others play in groups.
    /// Only those that beat it go on to the next round. A teacher that does not contradict itself loses none of the
    /// best `top`. `1 + ceil((n - size) / (size - 1))` calls where the first stage had them all in the first window,
    /// mostly few more; the groups of a round can be asked at the same time.
    Tournament {
        /// Candidates in a window, at least 2.
        size: usize,
        /// How many of the best are wanted, from 1 to `size - 1`.
        top: usize,
    },
}

/// Why a plan cannot be carried out.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// A window of fewer than two candidates.
    #[error("a window of {0} candidates puts nothing in order; use 2 or more, such as 20")]
    Size(usize),
    /// A stride that is no step, or skips candidates.
    #[error("stride {stride} does not fit a window of {size}; use 1 to {size}, such as half of the window")]
    Stride {
        /// The stride.
        stride: usize,
        /// The size of the window.
        size: usize,
    },
    /// No pass.
    #[error("0 passes ask nothing; use 1 or more")]
    Passes,
    /// A tournament for none, or for as many as a window holds.
    #[error("a tournament for the best {top} cannot be held in windows of {size}; use a top of 1 to {}", size - 1)]
    Top {
        /// The number of documents wanted.
        top: usize,
        /// The size of the window.
        size: usize,
    },
}

/// Candidates to be put in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its number in the course, counted from 0 as windows become ready.
    pub id: usize,
    /// The candidates, by their place in the first stage's list, in the order that the course has them now.
    pub items: Vec<usize>,
}

/// A plan being carried out.
#[derive(Clone, Debug)]
pub struct Course(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Sliding(Sliding),
    Tournament(Tournament),
}

impl WindowPlan {
    /// Checks the plan.
    pub fn checked(self) -> Result<Self, PlanError> {
        match self {
            Self::Single => {}
            Self::Sliding { size, .. } | Self::Tournament { size, .. } if size < 2 => {
                return Err(PlanError::Size(size));
            }
            Self::Sliding { size, stride, passes } => {
                if stride == 0 || stride > size {
                    return Err(PlanError::Stride { stride, size });
                }
                if passes == 0 {
                    return Err(PlanError::Passes);
                }
            }
            Self::Tournament { size, top } => {
                if top == 0 || top >= size {
                    return Err(PlanError::Top { top, size });
                }
            }
        }
        Ok(self)
    }

    /// Starts over `n` candidates.
    pub fn start(self, n: usize) -> Result<Course, PlanError> {
        Ok(Course(match self.checked()? {
            Self::Single => Kind::Sliding(Sliding::new(n, n, n, 1)),
            Self::Sliding { size, stride, passes } => Kind::Sliding(Sliding::new(n, size, stride, passes)),
            Self::Tournament { size, top } => Kind::Tournament(Tournament::new(n, size, top)),
        }))
    }

    /// The fewest windows over `n` candidates; exact but for tournaments, whose number depends on the answers.
    pub fn fewest_windows(self, n: usize) -> usize {
        match self {
            Self::Single => usize::from(n > 0),
            _ if n == 0 => 0,
            Self::Sliding { size, stride, passes } => passes * (1 + n.saturating_sub(size).div_ceil(stride.max(1))),
            Self::Tournament { size, .. } => 1 + n.saturating_sub(size).div_ceil(size.saturating_sub(1).max(1)),
        }
    }
}

impl Course {
    /// The windows that can be asked about now and were not returned before.
    pub fn ready(&mut self) -> Vec<Window> {
        match &mut self.0 {
            Kind::Sliding(sliding) => sliding.ready(),
            Kind::Tournament(tournament) => tournament.ready(),
        }
    }

    /// Places the answer about a window: its items, best first.
    ///
    /// # Panics
    /// Where the window is not under way, or `order` is no permutation of its items.
    pub fn place(&mut self, window: usize, order: Vec<usize>) {
        match &mut self.0 {
            Kind::Sliding(sliding) => sliding.place(window, order),
            Kind::Tournament(tournament) => tournament.place(window, order),
        }
    }

    /// Whether nothing is left to ask, and nothing under way.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            Kind::Sliding(sliding) => sliding.is_done(),
            Kind::Tournament(tournament) => tournament.is_done(),
        }
    }

    /// All candidates, best first as far as is known.
    pub fn order(&self) -> Vec<usize> {
        match &self.0 {
            Kind::Sliding(sliding) => sliding.order(),
            Kind::Tournament(tournament) => tournament.order(),
        }
    }
}

/// Whether both hold the same things, each once.
fn is_permutation(order: &[usize], items: &[usize]) -> bool {
    let sorted = |list: &[usize]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    sorted(order) == sorted(items)
}
