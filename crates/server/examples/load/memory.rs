//! The memory of the server's process, from `/proc`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(200);

/// Resident memory of a process in MB (10^6 bytes); `None` where it is gone.
pub(crate) fn resident_mb(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// Open files of a process, sockets included.
pub(crate) fn open_files(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// Watches memory until it is asked for what it saw.
pub(crate) struct Watch {
    done: Arc<AtomicBool>,
    seen: JoinHandle<Vec<f64>>,
}

impl Watch {
    /// Begins to watch a process; sees nothing where there is none.
    pub(crate) fn begin(pid: Option<u32>) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        let seen = tokio::spawn(async move {
            let mut seen = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                seen.extend(pid.and_then(resident_mb));
                tokio::time::sleep(EVERY).await;
            }
            seen
        });
        Self { done, seen }
    }

    /// Resident memory in MB at each look, in order.
    pub(crate) async fn end(self) -> Vec<f64> {
        self.done.store(true, Ordering::Relaxed);
        self.seen.await.unwrap_or_default()
    }
}

/// The largest of each half: memory that grows with time shows in the second.
pub(crate) fn highest_of_halves(seen: &[f64]) -> Option<(f64, f64)> {
    let (first, second) = seen.split_at(seen.len() / 2);
    let highest = |half: &[f64]| half.iter().copied().max_by(f64::total_cmp);
    Some((highest(first)?, highest(second)?))
}
