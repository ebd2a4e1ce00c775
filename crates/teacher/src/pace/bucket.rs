//! A token bucket: so much a minute, and a wait for what is taken beyond it.

use crate::pace::rates::Window;

/// A bucket that fills by its limit each minute. What is taken beyond its level must be waited for; whoever comes
/// later waits longer.
#[derive(Clone, Debug)]
pub struct Bucket {
    limit: f64,
    per_ms: f64,
    level: f64,
    at_ms: u64,
}

const MINUTE_MS: f64 = 60_000.0;
/// No window is longer. Some servers send the time of the reset in place of the wait for it.
const LONGEST_RESET_MS: u64 = 2 * 24 * 60 * 60 * 1000;

impl Bucket {
    /// A full bucket.
    pub fn per_minute(limit: u64, now_ms: u64) -> Self {
        let limit = limit.max(1) as f64;
        Self { limit, per_ms: limit / MINUTE_MS, level: limit, at_ms: now_ms }
    }

    /// Takes an amount; milliseconds to wait before it may be used.
    pub fn take(&mut self, amount: u64, now_ms: u64) -> u64 {
        self.fill(now_ms);
        // More than the bucket ever holds is taken as a full bucket, so that it comes through at all.
        self.level -= (amount as f64).min(self.limit);
        if self.level >= 0.0 { 0 } else { (-self.level / self.per_ms).ceil() as u64 }
    }

    /// How long the bucket takes to fill with an amount, in milliseconds.
    pub fn interval_ms(&self, amount: u64) -> u64 {
        ((amount as f64).min(self.limit) / self.per_ms).ceil() as u64
    }

    /// Learns from a provider: its limit replaces ours where it is lower, or ours was learned too; what the provider
    /// has left is never exceeded.
    pub fn learn(bucket: &mut Option<Self>, own_limit: Option<u64>, window: Window, now_ms: u64) {
        let limit = own_limit.map_or(window.limit, |own| own.min(window.limit));
        let new = || Self::per_minute(limit, now_ms);
        let bucket = bucket.get_or_insert_with(new);
        bucket.fill(now_ms);
        bucket.limit = limit.max(1) as f64;
        bucket.per_ms = bucket.limit / MINUTE_MS;
        // A window longer than a minute (requests per day) says so by a reset that a minute cannot explain.
        let used = window.limit.saturating_sub(window.remaining) as f64;
        let reset_ms = window.reset_ms.filter(|reset_ms| *reset_ms <= LONGEST_RESET_MS);
        if let Some(reset_ms) = reset_ms.map(|reset_ms| reset_ms as f64)
            && reset_ms > MINUTE_MS * 1.5
            && used > 0.0
        {
            bucket.per_ms = bucket.per_ms.min(used / reset_ms);
        }
        bucket.level = bucket.level.min(window.remaining as f64);
    }

    fn fill(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.at_ms) as f64;
        self.level = (self.level + passed * self.per_ms).min(self.limit);
        self.at_ms = self.at_ms.max(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_waits_for_nothing_and_an_empty_one_for_its_share() {
        let mut bucket = Bucket::per_minute(60, 0);
        let waits: Vec<u64> = (0..62).map(|_| bucket.take(1, 0)).collect();
        assert_eq!((waits[0], waits[59], waits[60], waits[61]), (0, 0, 1000, 2000));
        // A minute later it has paid its debt of two and holds 58.
        assert_eq!(bucket.take(58, 60_000), 0);
        assert_eq!(bucket.take(1, 60_000), 1000);
    }

    #[test]
    fn no_minute_sees_more_than_twice_the_limit() {
        // A burst of the whole bucket, then its rate: at most the limit on top within a minute.
        let mut bucket = Bucket::per_minute(100, 0);
        let admitted = (0..1000).filter(|_| bucket.take(1, 0) <= 60_000).count();
        assert_eq!(admitted, 200);
    }

    #[test]
    fn what_is_larger_than_the_bucket_comes_through() {
        let mut bucket = Bucket::per_minute(10, 0);
        assert_eq!(bucket.take(1000, 0), 0);
        assert_eq!(bucket.take(1, 0), 6000);
    }

    #[test]
    fn the_provider_is_believed_where_it_has_less() {
        let mut bucket = None;
        let window = Window { limit: 60, remaining: 1, reset_ms: Some(59_000) };
        Bucket::learn(&mut bucket, None, window, 0);
        let mut bucket = bucket.unwrap();
        assert_eq!((bucket.take(1, 0), bucket.take(1, 0)), (0, 1000));
    }

    #[test]
    fn a_limit_of_ones_own_is_kept_where_it_is_lower() {
        let mut bucket = Some(Bucket::per_minute(6, 0));
        Bucket::learn(&mut bucket, Some(6), Window { limit: 6000, remaining: 6000, reset_ms: Some(1) }, 0);
        let mut bucket = bucket.unwrap();
        let waits: Vec<u64> = (0..7).map(|_| bucket.take(1, 0)).collect();
        assert_eq!(waits[6], 10_000);
    }

    #[test]
    fn a_limit_by_the_day_fills_by_the_day() {
        let mut bucket = None;
        // 200 a day, 100 used, all back in twelve hours.
        Bucket::learn(&mut bucket, None, Window { limit: 200, remaining: 0, reset_ms: Some(86_400_000) }, 0);
        assert_eq!(bucket.unwrap().take(1, 0), 432_000);
    }

    #[test]
    fn a_reset_in_years_is_none() {
        let mut bucket = None;
        let window = Window { limit: 60, remaining: 30, reset_ms: Some(1_795_575_845_000) };
        Bucket::learn(&mut bucket, None, window, 0);
        let mut bucket = bucket.unwrap();
        assert_eq!((bucket.take(30, 0), bucket.take(1, 0), bucket.interval_ms(1)), (0, 1000, 1000));
    }
}
