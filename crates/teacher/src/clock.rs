//! Time as a parameter: the caller has the clock, tests have one of their own.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What tells the time and waits.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> u64;

    /// A future that is ready after the duration.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
