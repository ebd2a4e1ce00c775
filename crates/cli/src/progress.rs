//! Progress on stderr: bars on a terminal, one line a stage elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reason_to_rank::progress::Progress;

use crate::terminal::clean;

/// A bar for the running stage, and a line for each finished one.
pub(crate) struct Bars {
    bar: ProgressBar,
    stage: String,
    begun: Instant,
    is_terminal: bool,
    stop: Arc<AtomicBool>,
}

impl Bars {
    /// Progress of work that Ctrl-C simply ends: it is short, or leaves nothing half-written.
    pub(crate) fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            stage: String::new(),
            begun: Instant::now(),
            is_terminal: std::io::stderr().is_terminal(),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Progress of long work that a first Ctrl-C asks to stop at a safe point; a second one ends the program at once.
    pub(crate) fn stoppable() -> Self {
        let bars = Self::new();
        let flag = Arc::clone(&bars.stop);
        // Without a handler Ctrl-C simply ends the program, which loses nothing that was written.
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::abort();
            }
            anstream::eprintln!("stopping at the next safe point; press Ctrl-C again to stop at once");
        });
        bars
    }

    /// True once the user wants to stop.
    pub(crate) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}

impl Progress for Bars {
    fn begin(&mut self, stage: &str, total: Option<u64>) {
        stage.clone_into(&mut self.stage);
        self.begun = Instant::now();
        if !self.is_terminal {
            return;
        }
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{prefix:>10} {bar:30} {human_pos}/{human_len} {elapsed}, {eta} left {wide_msg}",
            ),
            None => (ProgressBar::new_spinner(), "{prefix:>10} {spinner} {human_pos} {elapsed} {wide_msg}"),
        };
        let style = ProgressStyle::with_template(template).expect("the template is one of the two above");
        self.bar = bar.with_style(style.progress_chars("━╸ ")).with_prefix(stage.to_owned());
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn at(&mut self, done: u64) {
        self.bar.set_position(done);
    }

    fn say(&mut self, text: &str) {
        if self.is_terminal {
            self.bar.set_message(text.to_owned());
        } else {
            anstream::eprintln!("{:>10} {}", self.stage, clean(text));
        }
    }

    fn end(&mut self, summary: &str) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
        anstream::eprintln!("{:>10} {summary} ({:.1} s)", self.stage, self.begun.elapsed().as_secs_f64());
    }

    fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
