//! Who is let in: a bounded queue that refuses at once, and refuses what could not be done in time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The share of the deadline that waiting and computing may take by the estimate, which is not exact.
const SHARE_OF_DEADLINE: f64 = 0.9;
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
    load: Mutex<Load>,
}

/// What is in work or waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests.
    pub(crate) requests: usize,
    /// Tokens that are still to be computed.
    pub(crate) tokens: usize,
    /// Tokens that are computed in a second.
    pub(crate) speed: f64,
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
    /// Tokens that are still to be computed for it.
    outstanding: Mutex<usize>,
}

impl Admission {
    /// Nothing in work; `speed` is in tokens a second.
    pub(crate) fn new(capacity: Capacity, speed: f64) -> Arc<Self> {
        Arc::new(Self { capacity, load: Mutex::new(Load { requests: 0, tokens: 0, speed: speed.max(1.0) }) })
    }

    /// Lets a request of so many tokens in.
    ///
    /// # Errors
    /// `Full` where there is no room, or where the work that is already there would leave too little time for it. A
    /// request that finds nothing else there is let in, however large.
    pub(crate) fn admit(self: &Arc<Self>, tokens: usize) -> Result<Arc<Ticket>, Full> {
        let mut load = self.load();
        let waiting = load.tokens as f64 / load.speed;
        let done_in = (load.tokens + tokens) as f64 / load.speed;
        let is_idle = load.tokens == 0;
        let in_time = done_in <= SHARE_OF_DEADLINE * self.capacity.deadline.as_secs_f64();
        let has_room = load.requests < self.capacity.requests
            && (is_idle || (in_time && load.tokens + tokens <= self.capacity.tokens));
        if !has_room {
            let longest = self.capacity.deadline.as_secs().max(1);
            return Err(Full { retry_after: (waiting.ceil() as u64).clamp(1, longest) });
        }
        load.requests += 1;
        load.tokens += tokens;
        drop(load);
        Ok(Arc::new(Ticket { admission: Arc::clone(self), outstanding: Mutex::new(tokens) }))
    }

    /// Hears that so many tokens took so long, all threads together.
    pub(crate) fn measured(&self, tokens: usize, took: Duration) {
        let seconds = took.as_secs_f64();
        if tokens == 0 || seconds <= 0.0 {
            return;
        }
        let mut load = self.load();
        let share = (NEWEST_SHARE * seconds).min(NEWEST_SHARE);
        load.speed = (1.0 - share) * load.speed + share * tokens as f64 / seconds;
    }

    /// What is in work or waiting now.
    pub(crate) fn load(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Some of its tokens were computed.
    pub(crate) fn computed(&self, tokens: usize) {
        let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        let computed = tokens.min(*outstanding);
        *outstanding -= computed;
        self.admission.load().tokens -= computed;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let outstanding = *self.outstanding.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut load = self.admission.load();
        load.requests -= 1;
        load.tokens -= outstanding;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(requests: usize, tokens: usize, deadline: u64) -> Arc<Admission> {
        Admission::new(Capacity { requests, tokens, deadline: Duration::from_secs(deadline) }, 1000.0)
    }

    #[test]
    fn a_full_queue_refuses_and_says_when_to_come_back() {
        let admission = admission(2, 1_000_000, 100);
        let first = admission.admit(3500).unwrap();
        let _second = admission.admit(10).unwrap();
        assert_eq!(admission.admit(10).unwrap_err(), Full { retry_after: 4 });
        drop(first);
        assert!(admission.admit(10).is_ok());
    }

    #[test]
    fn what_could_not_be_done_in_time_is_refused() {
        let admission = admission(100, 1_000_000, 10);
        let _first = admission.admit(8000).unwrap();
        assert_eq!(admission.admit(1001).unwrap_err(), Full { retry_after: 8 });
        assert!(admission.admit(999).is_ok());
    }

    #[test]
    fn a_large_request_is_let_in_where_nothing_else_is() {
        let admission = admission(100, 500, 1);
        let large = admission.admit(1_000_000).unwrap();
        assert!(admission.admit(1).is_err());
        large.computed(1_000_000);
        assert!(admission.admit(1).is_ok());
    }

    #[test]
    fn places_are_free_when_tickets_are_gone() {
        let admission = admission(3, 100, 10);
        let tickets: Vec<_> = (0..3).map(|_| admission.admit(30).unwrap()).collect();
        tickets[0].computed(10);
        tickets[0].computed(100);
        assert_eq!(admission.load().tokens, 60);
        drop(tickets);
        let load = *admission.load();
        assert_eq!((load.requests, load.tokens), (0, 0));
    }

    #[test]
    fn the_speed_follows_what_is_measured() {
        let admission = admission(3, 100, 10);
        for _ in 0..100 {
            admission.measured(200, Duration::from_millis(100));
        }
        assert!((1300.0..2000.0).contains(&admission.load().speed));
    }
}
