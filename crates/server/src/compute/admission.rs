//! Who is let in: a bounded queue that refuses at once, and refuses what could not be done in time.
//!
//! Requests take turns, so a request of `c` tokens is done when it and each other one have had `c` tokens, or all of
//! theirs: after the sum of `min(rest, c)` over all requests (processor sharing; Kleinrock, 1967).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The share of the deadline that waiting and computing may take by the estimate, of a request and of those that are in
/// already: an estimate is not exact, and who is late was computed for nothing.
const SHARE_OF_DEADLINE: f64 = 0.85;
/// A request that needs more than this share of its deadline for itself alone is let in at its own risk: others are not
/// kept out for its sake.
const LARGEST_SHARE: f64 = 0.5;
/// How much of the measured speed the last second of work counts for.
const NEWEST_SHARE: f64 = 0.2;

/// How much may be in work or waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// Requests.
    pub(crate) requests: usize,
    /// Tokens.
    pub(crate) tokens: usize,
    /// How long a request may take.
    pub(crate) deadline: Duration,
}

/// Lets requests in while there is room.
#[derive(Debug)]
pub(crate) struct Admission {
    capacity: Capacity,
    state: Mutex<State>,
}

/// What is in work or waiting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Requests.
    pub(crate) requests: usize,
    /// Tokens that are still to be computed.
    pub(crate) tokens: usize,
    /// Tokens that are computed in a second.
    pub(crate) speed: f64,
}

#[derive(Debug)]
struct State {
    accepted: HashMap<u64, Accepted>,
    next: u64,
    speed: f64,
}

/// A request that was let in.
#[derive(Clone, Copy, Debug)]
struct Accepted {
    /// Tokens that are still to be computed.
    rest: usize,
    /// When it must be done.
    until: Instant,
    /// Whether others are kept out for its sake.
    is_protected: bool,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// When it is worth trying again, in whole seconds, at least 1.
    pub(crate) retry_after: u64,
}

/// A request that was let in; its place is free again when the last copy is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    id: u64,
}

impl Admission {
    /// Nothing in work; `speed` is in tokens a second.
    pub(crate) fn new(capacity: Capacity, speed: f64) -> Arc<Self> {
        let state = State { accepted: HashMap::new(), next: 0, speed: speed.max(1.0) };
        Arc::new(Self { capacity, state: Mutex::new(state) })
    }

    /// Lets a request of so many tokens in.
    ///
    /// # Errors
    /// `Full` where there is no room, where the request would not be done in time, or where it would make another one
    /// late. A request that finds nothing else to be done is let in, however large.
    pub(crate) fn admit(self: &Arc<Self>, tokens: usize, now: Instant) -> Result<Arc<Ticket>, Full> {
        let mut state = self.state();
        let deadline = self.capacity.deadline.as_secs_f64();
        if let Some(seconds) = state.missing(tokens, now, &self.capacity) {
            let longest = self.capacity.deadline.as_secs().max(1);
            return Err(Full { retry_after: (seconds.ceil() as u64).clamp(1, longest) });
        }
        let id = state.next;
        state.next += 1;
        let is_protected = tokens as f64 / state.speed <= LARGEST_SHARE * deadline;
        let until = now + self.capacity.deadline;
        state.accepted.insert(id, Accepted { rest: tokens, until, is_protected });
        drop(state);
        Ok(Arc::new(Ticket { admission: Arc::clone(self), id }))
    }

    /// Hears that so many tokens took so long, all threads together.
    pub(crate) fn measured(&self, tokens: usize, took: Duration) {
        let seconds = took.as_secs_f64();
        if tokens == 0 || seconds <= 0.0 {
            return;
        }
        let mut state = self.state();
        let share = (NEWEST_SHARE * seconds).min(NEWEST_SHARE);
        state.speed = (1.0 - share) * state.speed + share * tokens as f64 / seconds;
    }

    /// What is in work or waiting now.
    pub(crate) fn load(&self) -> Load {
        let state = self.state();
        let tokens = state.accepted.values().map(|accepted| accepted.rest).sum();
        Load { requests: state.accepted.len(), tokens, speed: state.speed }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many seconds are missing until a request of so many tokens could be let in; `None` where it can be now.
    fn missing(&self, tokens: usize, now: Instant, capacity: &Capacity) -> Option<f64> {
        let shares = Shares::of(self.accepted.values().map(|accepted| accepted.rest).collect());
        let seconds = |tokens: usize| tokens as f64 / self.speed;
        if self.accepted.len() >= capacity.requests {
            // The next one that is done makes room.
            let least = self.accepted.values().map(|accepted| accepted.rest).min().unwrap_or_default();
            return Some(seconds(shares.done_after(least)));
        }
        if shares.total() == 0 {
            return None;
        }
        if shares.total() + tokens > capacity.tokens {
            return Some(seconds(shares.total() + tokens - capacity.tokens));
        }
        let own = seconds(shares.done_after(tokens) + tokens);
        let deadline = capacity.deadline.as_secs_f64();
        let allowed = SHARE_OF_DEADLINE * deadline;
        if own > allowed {
            return Some(own - allowed);
        }
        let late = self.accepted.values().filter(|accepted| accepted.is_protected).filter_map(|accepted| {
            let left = accepted.until.saturating_duration_since(now).as_secs_f64();
            let before = seconds(shares.done_after(accepted.rest));
            let after = before + seconds(tokens.min(accepted.rest));
            let allowed = left - (1.0 - SHARE_OF_DEADLINE) * deadline;
            // One that is late anyway is not helped by keeping others out.
            (before <= left && after > allowed).then_some(after - allowed)
        });
        late.max_by(f64::total_cmp)
    }
}

/// Tokens that requests still need, in order, with their sums.
struct Shares {
    sorted: Vec<usize>,
    /// The sum of the first so many.
    sums: Vec<usize>,
}

impl Shares {
    fn of(mut rests: Vec<usize>) -> Self {
        rests.sort_unstable();
        let mut sums = Vec::with_capacity(rests.len() + 1);
        let mut sum = 0;
        sums.push(sum);
        for rest in &rests {
            sum += rest;
            sums.push(sum);
        }
        Self { sorted: rests, sums }
    }

    fn total(&self) -> usize {
        self.sums[self.sorted.len()]
    }

    /// Tokens that are computed until each has had `tokens` of them, or all of its own.
    fn done_after(&self, tokens: usize) -> usize {
        let smaller = self.sorted.partition_point(|&rest| rest < tokens);
        self.sums[smaller] + (self.sorted.len() - smaller) * tokens
    }
}

impl Ticket {
    /// Some of its tokens were computed.
    pub(crate) fn computed(&self, tokens: usize) {
        if let Some(accepted) = self.admission.state().accepted.get_mut(&self.id) {
            accepted.rest = accepted.rest.saturating_sub(tokens);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.state().accepted.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A queue of a student that computes 1,000 tokens a second.
    fn admission(requests: usize, tokens: usize, deadline: u64) -> Arc<Admission> {
        Admission::new(Capacity { requests, tokens, deadline: Duration::from_secs(deadline) }, 1000.0)
    }

    #[test]
    fn a_full_queue_refuses_and_says_when_to_come_back() {
        let (admission, now) = (admission(2, 1_000_000, 100), Instant::now());
        let first = admission.admit(3500, now).unwrap();
        let _second = admission.admit(2000, now).unwrap();
        // The smaller one is done when both have had 2,000 tokens.
        assert_eq!(admission.admit(10, now).unwrap_err(), Full { retry_after: 4 });
        drop(first);
        assert!(admission.admit(10, now).is_ok());
    }

    #[test]
    fn what_could_not_be_done_in_time_is_refused() {
        let (admission, now) = (admission(100, 1_000_000, 10), Instant::now());
        let tickets: Vec<_> = (0..4).map(|_| admission.admit(2000, now).unwrap()).collect();
        // The first four would be done after 8.6 seconds, of which 8.5 are allowed.
        assert!(admission.admit(600, now).is_err());
        assert!(admission.admit(490, now).is_ok());
        drop(tickets);
        let _first = admission.admit(4500, now).unwrap();
        assert!(admission.admit(4500, now).is_err(), "both would be done after 9 seconds");
    }

    #[test]
    fn a_small_request_is_let_in_beside_a_large_one() {
        let (admission, now) = (admission(100, 1_000_000, 10), Instant::now());
        // It needs longer than its deadline, and is tried because nothing else is to be done.
        let _hopeless = admission.admit(600_000, now).unwrap();
        let small: Vec<_> = (0..40).map(|_| admission.admit(100, now).unwrap()).collect();
        drop(small);
    }

    #[test]
    fn nobody_is_let_in_who_would_make_another_one_late() {
        let (admission, now) = (admission(100, 1_000_000, 10), Instant::now());
        let first = admission.admit(4000, now).unwrap();
        // After five seconds it has five left, of which one and a half are kept for what is not foreseen, and needs two and a half.
        first.computed(1500);
        let later = now + Duration::from_secs(5);
        assert_eq!(admission.admit(1200, later).unwrap_err(), Full { retry_after: 1 });
        let _second = admission.admit(900, later).unwrap();
        // Once it is late, it is no reason to refuse.
        assert!(admission.admit(600, now + Duration::from_secs(10)).is_ok());
    }

    #[test]
    fn the_queue_has_an_end_in_tokens_too() {
        let (admission, now) = (admission(100, 500, 10), Instant::now());
        let large = admission.admit(1_000_000, now).unwrap();
        assert!(admission.admit(1, now).is_err());
        large.computed(999_999);
        assert!(admission.admit(499, now).is_ok());
    }

    #[test]
    fn places_are_free_when_tickets_are_gone() {
        let (admission, now) = (admission(3, 100, 10), Instant::now());
        let tickets: Vec<_> = (0..3).map(|_| admission.admit(30, now).unwrap()).collect();
        tickets[0].computed(10);
        tickets[1].computed(100);
        assert_eq!(admission.load(), Load { requests: 3, tokens: 50, speed: 1000.0 });
        drop(tickets);
        assert_eq!(admission.load(), Load { requests: 0, tokens: 0, speed: 1000.0 });
    }

    #[test]
    fn the_speed_follows_what_is_measured() {
        let admission = admission(3, 100, 10);
        for _ in 0..100 {
            admission.measured(200, Duration::from_millis(100));
        }
        assert!((1300.0..2000.0).contains(&admission.load().speed));
    }

    proptest! {
        #[test]
        fn shares_are_sums_of_minima(rests in prop::collection::vec(0usize..50, 0..20), tokens in 0usize..60) {
            let expected: usize = rests.iter().map(|&rest| rest.min(tokens)).sum();
            prop_assert_eq!(Shares::of(rests.clone()).total(), rests.iter().sum::<usize>());
            prop_assert_eq!(Shares::of(rests).done_after(tokens), expected);
        }
    }
}
