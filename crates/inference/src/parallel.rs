//! Work spread over threads, results in order.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Applies `work` to every item on at most `threads` threads, each with a state of its own, and returns the results
/// in the order of the items. Which thread takes which item changes nothing: `work` sees the state as scratch space.
pub(crate) fn map<T: Sync, S: Default, R: Send>(
    threads: NonZeroUsize,
    items: &[T],
    work: impl Fn(&T, &mut S) -> R + Sync,
) -> Vec<R> {
    let threads = threads.get().min(items.len());
    if threads <= 1 {
        let mut state = S::default();
        return items.iter().map(|item| work(item, &mut state)).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        let mut state = S::default();
        let mut own = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            own.push((index, work(item, &mut state)));
        }
        done.lock().expect("no thread panics while it holds the lock").extend(own);
    };
    // The calling thread works too; a panic of any thread is passed on when the scope ends.
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    let mut done = done.into_inner().expect("all threads have ended without a panic");
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [1, 2, 7, 200] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let doubled = map(threads, &items, |item, calls: &mut usize| {
                *calls += 1;
                item * 2
            });
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
