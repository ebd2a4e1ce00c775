//! Who is computed next: tasks take turns of a few documents, so that no small request waits behind a large one.

use std::collections::VecDeque;

/// Work that is done in steps, mostly one for each document.
pub(crate) trait Steps {
    /// Whether anyone still waits for it.
    fn is_wanted(&self) -> bool;

    /// Tokens of the step that lies this many steps ahead; `None` behind the last one.
    fn tokens_ahead(&self, steps: usize) -> Option<usize>;

    /// Whether its steps can be computed in one batch with those of other tasks.
    fn shares_batches(&self) -> bool;
}

/// A task with the number of its next steps that are to be done now.
#[derive(Debug)]
pub(crate) struct Turn<T> {
    /// The task.
    pub(crate) task: T,
    /// How many steps, at least one unless the task has none left.
    pub(crate) steps: usize,
}

/// Tasks in the order in which their turns come.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    ring: VecDeque<T>,
}

impl<T: Steps> Turns<T> {
    /// No tasks.
    pub(crate) fn new() -> Self {
        Self { ring: VecDeque::new() }
    }

    /// Puts a task, new or with steps left, behind all others.
    pub(crate) fn push(&mut self, task: T) {
        self.ring.push_back(task);
    }

    /// Takes the tasks of the next batch out, at most `max_tokens` of them together, and drops those that nobody waits
    /// for any more. Each gets a turn of `turn_tokens` (one step at least); what is left of the batch then goes round
    /// among those that are in it.
    pub(crate) fn next_batch(&mut self, max_tokens: usize, turn_tokens: usize) -> Vec<Turn<T>> {
        self.ring.retain(Steps::is_wanted);
        let mut batch: Vec<Turn<T>> = Vec::new();
        let mut room = max_tokens.max(1);
        while room > 0 {
            let Some(task) = self.ring.pop_front() else { break };
            if !task.shares_batches() {
                if batch.is_empty() {
                    let steps = usize::from(task.tokens_ahead(0).is_some());
                    return vec![Turn { task, steps }];
                }
                // Its turn is the next one.
                self.ring.push_front(task);
                break;
            }
            let mut turn = Turn { task, steps: 0 };
            room = room.saturating_sub(turn.grow(turn_tokens.min(room), AtLeast::One));
            batch.push(turn);
        }
        let mut grew = true;
        while room > 0 && grew {
            grew = false;
            for turn in &mut batch {
                let tokens = turn.grow(turn_tokens.min(room), AtLeast::None);
                room -= tokens;
                grew |= tokens > 0;
            }
        }
        batch
    }
}

/// How many steps a turn grows by, however few tokens it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AtLeast {
    None,
    One,
}

impl<T: Steps> Turn<T> {
    /// Adds steps of at most `max_tokens` together, and says of how many tokens they are.
    fn grow(&mut self, max_tokens: usize, at_least: AtLeast) -> usize {
        let mut added = 0;
        let mut must = at_least == AtLeast::One;
        while let Some(tokens) = self.task.tokens_ahead(self.steps) {
            if !must && added + tokens > max_tokens {
                break;
            }
            must = false;
            added += tokens;
            self.steps += 1;
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A task with the tokens of each of its steps.
    #[derive(Clone, Debug)]
    struct Steady {
        name: usize,
        steps: Vec<usize>,
        next: usize,
        shares: bool,
        wanted: bool,
    }

    impl Steady {
        fn new(name: usize, steps: Vec<usize>) -> Self {
            Self { name, steps, next: 0, shares: true, wanted: true }
        }
    }

    impl Steps for Steady {
        fn is_wanted(&self) -> bool {
            self.wanted
        }

        fn tokens_ahead(&self, steps: usize) -> Option<usize> {
            self.steps.get(self.next + steps).copied()
        }

        fn shares_batches(&self) -> bool {
            self.shares
        }
    }

    /// Does all batches, and says in which batch each task ended.
    fn ends(tasks: Vec<Steady>, max_tokens: usize, turn_tokens: usize) -> Vec<usize> {
        let mut ends = vec![0; tasks.len()];
        let mut turns = Turns::new();
        for task in tasks {
            turns.push(task);
        }
        let mut batch = 0;
        while !turns.ring.is_empty() {
            batch += 1;
            for Turn { mut task, steps } in turns.next_batch(max_tokens, turn_tokens) {
                task.next += steps;
                ends[task.name] = batch;
                if task.next < task.steps.len() {
                    turns.push(task);
                }
            }
        }
        ends
    }

    #[test]
    fn a_small_task_behind_a_large_one_ends_in_the_first_batch() {
        let ends = ends(vec![Steady::new(0, vec![100; 1000]), Steady::new(1, vec![100; 5])], 2048, 512);
        assert_eq!(ends[1], 1);
        assert!(ends[0] > 40);
    }

    #[test]
    fn a_task_that_is_alone_gets_the_whole_batch() {
        assert_eq!(ends(vec![Steady::new(0, vec![100; 40])], 2000, 500), [2]);
    }

    #[test]
    fn what_cannot_share_a_batch_is_computed_between_two() {
        let alone = Steady { shares: false, ..Steady::new(1, vec![50; 2]) };
        let ends = ends(vec![Steady::new(0, vec![100; 30]), alone, Steady::new(2, vec![100])], 1000, 500);
        // Batch 1 is of task 0, 2 of task 1, 3 of tasks 2 and 0, 4 of task 1, 5 and 6 of task 0.
        assert_eq!(ends, [6, 4, 3]);
    }

    #[test]
    fn nobody_computes_what_nobody_waits_for() {
        let mut turns = Turns::new();
        turns.push(Steady { wanted: false, ..Steady::new(0, vec![1; 10]) });
        turns.push(Steady::new(1, vec![1; 3]));
        let batch = turns.next_batch(100, 10);
        assert_eq!(batch.iter().map(|turn| (turn.task.name, turn.steps)).collect::<Vec<_>>(), [(1, 3)]);
        assert!(turns.ring.is_empty());
    }

    proptest! {
        #[test]
        fn every_step_is_done_once_and_batches_keep_their_size(
            tasks in prop::collection::vec(prop::collection::vec(1usize..300, 0..40), 0..12),
            max_tokens in 1usize..2000,
            turn_tokens in 1usize..600,
        ) {
            let mut turns = Turns::new();
            for (name, steps) in tasks.iter().enumerate() {
                turns.push(Steady::new(name, steps.clone()));
            }
            let mut done = vec![0; tasks.len()];
            while !turns.ring.is_empty() {
                let batch = turns.next_batch(max_tokens, turn_tokens);
                prop_assert!(!batch.is_empty());
                let tokens: usize =
                    batch.iter().flat_map(|turn| &turn.task.steps[turn.task.next..][..turn.steps]).sum();
                // A step is never cut: the last task's first one may stand out.
                prop_assert!(tokens < max_tokens + 300);
                for Turn { mut task, steps } in batch {
                    prop_assert!(steps > 0 || task.steps.is_empty());
                    task.next += steps;
                    done[task.name] += steps;
                    if task.next < task.steps.len() {
                        turns.push(task);
                    }
                }
            }
            prop_assert_eq!(done, tasks.iter().map(Vec::len).collect::<Vec<_>>());
        }
    }
}
