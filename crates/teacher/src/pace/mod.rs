//! How fast a provider is asked: so many at once, so much a minute, and how long to wait after trouble.

pub mod bucket;
pub mod rates;
pub mod retry_after;

use std::sync::Mutex;
use std::time::Duration;

use crate::pace::bucket::Bucket;
use crate::pace::rates::Rates;

/// How fast to ask, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaceConfig {
    /// The most requests under way at once.
    pub concurrency: usize,
    /// Requests a minute; what the provider says where it is `None`.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute, input and the most output together; what the provider says where it is `None`.
    pub tokens_per_minute: Option<u64>,
    /// The most times one request is sent when the provider or the network fails; rate limits do not count.
    pub attempts: u32,
    /// The most times one request is sent when its answers cannot be read.
    pub malformed_attempts: u32,
    /// The longest wait before a second attempt; it doubles with each.
    pub first_backoff: Duration,
    /// The longest wait before any attempt.
    pub longest_backoff: Duration,
    /// The longest that a provider may let everybody wait, by its word or its limits, or by refusing whatever is sent;
    /// beyond it the run stops and says so.
    pub longest_retry_after: Duration,
    /// The seed of the jitter.
    pub seed: u64,
}

impl Default for PaceConfig {
    fn default() -> Self {
        Self {
            concurrency: 16,
            requests_per_minute: None,
            tokens_per_minute: None,
            attempts: 8,
            malformed_attempts: 3,
            first_backoff: Duration::from_millis(500),
            longest_backoff: Duration::from_mins(1),
            longest_retry_after: Duration::from_mins(10),
            seed: 13,
        }
    }
}

/// The pace of one endpoint, shared by all requests.
#[derive(Debug)]
pub struct Pace {
    config: PaceConfig,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    /// Nobody asks before this time: a provider said so, or refuses what is sent.
    held_until_ms: u64,
    /// Since when every answer was that too much is asked.
    refused_since_ms: Option<u64>,
    jitter: fastrand::Rng,
}

impl Pace {
    /// The pace at the start.
    pub fn new(config: PaceConfig, now_ms: u64) -> Self {
        let state = State {
            requests: config.requests_per_minute.map(|limit| Bucket::per_minute(limit, now_ms)),
            tokens: config.tokens_per_minute.map(|limit| Bucket::per_minute(limit, now_ms)),
            held_until_ms: 0,
            refused_since_ms: None,
            jitter: fastrand::Rng::with_seed(config.seed),
        };
        Self { config, state: Mutex::new(state) }
    }

    /// The configuration.
    pub fn config(&self) -> &PaceConfig {
        &self.config
    }

    /// Takes a place for a request of so many tokens, and says how long to wait before it is sent.
    pub fn take_place(&self, tokens: u64, now_ms: u64) -> Duration {
        let mut state = self.state.lock().expect("no panic happens under this lock");
        let requests = state.requests.as_mut().map_or(0, |bucket| bucket.take(1, now_ms));
        let tokens = state.tokens.as_mut().map_or(0, |bucket| bucket.take(tokens, now_ms));
        Duration::from_millis(requests.max(tokens).max(state.held_until_ms.saturating_sub(now_ms)))
    }

    /// How long a request of so many tokens takes by the limits that are known, were it alone.
    pub fn interval(&self, tokens: u64) -> Duration {
        let state = self.state.lock().expect("no panic happens under this lock");
        let requests = state.requests.as_ref().map_or(0, |bucket| bucket.interval_ms(1));
        let tokens = state.tokens.as_ref().map_or(0, |bucket| bucket.interval_ms(tokens));
        Duration::from_millis(requests.max(tokens))
    }

    /// A request was refused since too much is asked; how long nothing else has been heard.
    pub fn refused(&self, now_ms: u64) -> Duration {
        let mut state = self.state.lock().expect("no panic happens under this lock");
        Duration::from_millis(now_ms.saturating_sub(*state.refused_since_ms.get_or_insert(now_ms)))
    }

    /// A request got an answer of another kind.
    pub fn went_through(&self) {
        self.state.lock().expect("no panic happens under this lock").refused_since_ms = None;
    }

    /// How long everybody has been told to wait.
    pub fn held_for(&self, now_ms: u64) -> Duration {
        let state = self.state.lock().expect("no panic happens under this lock");
        Duration::from_millis(state.held_until_ms.saturating_sub(now_ms))
    }

    /// Follows the rate headers of an answer.
    pub fn follow(&self, rates: &Rates, now_ms: u64) {
        let mut state = self.state.lock().expect("no panic happens under this lock");
        if let Some(window) = rates.requests {
            Bucket::learn(&mut state.requests, self.config.requests_per_minute, window, now_ms);
        }
        if let Some(window) = rates.tokens {
            Bucket::learn(&mut state.tokens, self.config.tokens_per_minute, window, now_ms);
        }
    }

    /// Nobody asks for so long.
    pub fn hold(&self, duration: Duration, now_ms: u64) {
        let mut state = self.state.lock().expect("no panic happens under this lock");
        state.held_until_ms = state.held_until_ms.max(now_ms + duration.as_millis() as u64);
    }

    /// The wait before the next attempt, the first being 1: exponential with full jitter, so that requests which failed
    /// together do not come back together (Brooker, "Exponential Backoff And Jitter", 2015).
    pub fn backoff(&self, attempt: u32) -> Duration {
        let doubled = self.config.first_backoff.saturating_mul(1 << attempt.saturating_sub(1).min(20));
        let longest = doubled.min(self.config.longest_backoff);
        let mut state = self.state.lock().expect("no panic happens under this lock");
        longest.mul_f64(state.jitter.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_is_bounded_grows_and_is_the_same_for_the_same_seed() {
        let waits = |seed: u64| -> Vec<Duration> {
            let pace = Pace::new(PaceConfig { seed, ..PaceConfig::default() }, 0);
            (1..40).map(|attempt| pace.backoff(attempt)).collect()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        for (attempt, wait) in (1_u32..).zip(waits(3)) {
            let bound = Duration::from_millis(500) * (1 << (attempt - 1).min(7));
            assert!(wait <= bound.min(Duration::from_mins(1)), "attempt {attempt}: {wait:?}");
        }
        assert!(waits(4)[10..].iter().any(|wait| *wait > Duration::from_secs(20)));
    }

    #[test]
    fn a_hold_holds_everybody() {
        let pace = Pace::new(PaceConfig::default(), 0);
        assert_eq!(pace.take_place(10, 0), Duration::ZERO);
        pace.hold(Duration::from_secs(5), 1000);
        assert_eq!(pace.take_place(10, 2000), Duration::from_secs(4));
        assert_eq!(pace.take_place(10, 6000), Duration::ZERO);
    }
}
