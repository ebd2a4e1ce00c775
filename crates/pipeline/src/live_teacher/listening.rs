//! Tells the progress, and the journal for whoever inspects it, what the asking is about.

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;

use r2r_teacher::asking::events::{AskEvent, AskEvents};

use crate::live_teacher::LiveTeacher;
use crate::live_teacher::work::Work;
use crate::progress::Progress;

/// How often the journal is told, in milliseconds: each time is a write to the disk.
const NOTE_EVERY_MS: u64 = 1000;
/// How often a wait is told: for the pace there may be one for each request, and that for others is looked at all the
/// time.
const TELL_WAITS_EVERY_MS: u64 = 60_000;

pub(super) struct Listening<'a, 'p, 'w> {
    progress: &'a RefCell<&'p mut dyn Progress>,
    teacher: &'a LiveTeacher,
    work: &'a RefCell<Work<'w>>,
    begun_ms: u64,
    noted_ms: Cell<u64>,
    waits_told_ms: Cell<u64>,
    paid: Cell<u64>,
}

impl<'a, 'p, 'w> Listening<'a, 'p, 'w> {
    pub(super) fn new(
        progress: &'a RefCell<&'p mut dyn Progress>,
        teacher: &'a LiveTeacher,
        work: &'a RefCell<Work<'w>>,
    ) -> Self {
        let begun_ms = teacher.world.clock.now_ms();
        let (noted_ms, waits_told_ms) = (Cell::new(0), Cell::new(0));
        let listening = Self { progress, teacher, work, begun_ms, noted_ms, waits_told_ms, paid: Cell::new(0) };
        listening.tell(false);
        listening
    }

    /// Tells how far the work has come.
    pub(super) fn tell(&self, is_end: bool) {
        let work = self.work.borrow();
        self.progress.borrow_mut().at(work.n_done as u64);
        let now_ms = self.teacher.world.clock.now_ms();
        if is_end || now_ms.saturating_sub(self.noted_ms.get()) >= NOTE_EVERY_MS {
            self.noted_ms.set(now_ms);
            let progress = work.progress();
            let is_done = is_end && progress.queries_done == progress.queries;
            // Only who inspects the journal misses it; whether answers can be kept is looked at with each of them.
            let _ = self.teacher.journal.note_progress(&progress, is_done, now_ms);
        }
    }

    fn may_tell_wait(&self) -> bool {
        let now_ms = self.teacher.world.clock.now_ms();
        let is_due = now_ms.saturating_sub(self.waits_told_ms.get()) >= TELL_WAITS_EVERY_MS;
        if is_due {
            self.waits_told_ms.set(now_ms);
        }
        is_due
    }
}

impl AskEvents for Listening<'_, '_, '_> {
    fn heard(&self, event: &AskEvent<'_>) {
        let mut progress = self.progress.borrow_mut();
        if progress.stop_requested() {
            self.teacher.world.cancel.store(true, Ordering::Relaxed);
        }
        match event {
            AskEvent::Paid { cost_usd, spent_usd, .. } => {
                let paid = self.paid.get() + 1;
                self.paid.set(paid);
                // Where lines are printed and not a bar, a line for each answer would be noise.
                if paid.is_power_of_two() || paid.is_multiple_of(100) {
                    let passed_ms = self.teacher.world.clock.now_ms().saturating_sub(self.begun_ms);
                    let minutes = (passed_ms as f64 / 6e4).max(1e-3);
                    let cost = cost_usd.map_or("cost unknown".to_owned(), |_| format!("{spent_usd:.4} USD"));
                    progress.say(&format!("{paid} answers, {:.0} a minute, {cost}", paid as f64 / minutes));
                }
            }
            AskEvent::Retrying { kind, what, wait } => {
                progress.say(&format!("{kind}: {what}; asked again in {:.1} s", wait.as_secs_f64()));
            }
            AskEvent::WaitingForPace { wait } => {
                if self.may_tell_wait() {
                    let seconds = wait.as_secs_f64();
                    progress.say(&format!(
                        "a request waits {seconds:.0} s for its place in the requests and tokens a minute"
                    ));
                }
            }
            AskEvent::ShapeLowered { model, to } => {
                progress.say(&format!("{model} does not take the shape asked for: now {}", to.name()));
            }
            AskEvent::Failed { what, .. } => progress.say(&format!("no answer: {what}")),
            AskEvent::WaitingForOthers { asks } => {
                if self.may_tell_wait() {
                    progress.say(&format!("{asks} answers are awaited from another run on the same journal"));
                }
            }
            AskEvent::Batch { id, step, done, total } => {
                progress.say(&format!("batch {id}: {step}, {done} of {total}"));
            }
            AskEvent::FromJournal { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_teacher::tests::teacher;

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl Progress for Lines {
        fn begin(&mut self, _stage: &str, _total: Option<u64>) {}
        fn at(&mut self, _done: u64) {}
        fn say(&mut self, text: &str) {
            self.0.push(text.to_owned());
        }
        fn end(&mut self, _summary: &str) {}
    }

    #[test]
    fn a_wait_that_goes_on_is_told_once_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let teacher = teacher(folder.path());
        let mut lines = Lines::default();
        let progress: RefCell<&mut dyn Progress> = RefCell::new(&mut lines);
        let work = RefCell::new(Work::of(&[], &teacher));
        let ears = Listening::new(&progress, &teacher, &work);
        for _ in 0..10 {
            ears.heard(&AskEvent::WaitingForOthers { asks: 3 });
        }
        assert_eq!(lines.0, ["3 answers are awaited from another run on the same journal"]);
    }
}
