//! Work spread over a student's threads, which all its callers share.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A fixed number of threads. Callers hand their work over and wait, so that many requests at once never run more
/// threads than these.
pub(crate) struct Pool {
    threads: ThreadPool,
    n: NonZeroUsize,
}

/// Things that are made once for each thread that needs one at the same time, and used again.
pub(crate) struct Reused<T> {
    free: Mutex<Vec<T>>,
}

impl Pool {
    /// Starts the threads.
    pub(crate) fn new(n: NonZeroUsize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let name = |index| format!("r2r-{index}");
        let threads = ThreadPoolBuilder::new().num_threads(n.get()).thread_name(name).build()?;
        Ok(Self { threads, n })
    }

    /// How many threads.
    pub(crate) fn n(&self) -> NonZeroUsize {
        self.n
    }

    /// Does two things at the same time.
    pub(crate) fn both<A: Send, B: Send>(
        &self,
        first: impl FnOnce() -> A + Send,
        second: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        self.threads.join(first, second)
    }

    /// Applies `work` to every item and returns the results in the order of the items.
    pub(crate) fn map<T: Sync, R: Send>(&self, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        self.threads.install(|| items.par_iter().with_max_len(1).map(&work).collect())
    }
}

impl<T> Reused<T> {
    /// Nothing made yet.
    pub(crate) fn new() -> Self {
        Self { free: Mutex::new(Vec::new()) }
    }

    /// Lends one that nobody uses, or a new one.
    pub(crate) fn lend<R>(&self, new: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let free = || self.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = free().pop();
        let mut lent = found.unwrap_or_else(new);
        let result = work(&mut lent);
        free().push(lent);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [1, 2, 7] {
            let pool = Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap();
            let doubled = pool.map(&items, |item| item * 2);
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn many_callers_never_run_more_threads_than_there_are() {
        let pool = Pool::new(NonZeroUsize::new(2).unwrap()).unwrap();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |_: &u8| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_micros(200));
            now.fetch_sub(1, Ordering::SeqCst);
        };
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| pool.map(&[0; 8], work));
            }
        });
        assert!(most.into_inner() <= 2);
    }

    #[test]
    fn what_is_lent_comes_back() {
        let reused: Reused<Vec<u8>> = Reused::new();
        reused.lend(Vec::new, |lent| lent.push(1));
        assert_eq!(reused.lend(|| unreachable!("one is free"), |lent| lent.len()), 1);
    }
}
