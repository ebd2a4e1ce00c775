//! How long work tells where it is: the pipeline speaks, the caller shows.

/// Hears what the pipeline does. Every method may do nothing.
pub trait Progress {
    /// A stage begins; `total` units of work, where it is known.
    fn begin(&mut self, stage: &str, total: Option<u64>);
    /// So many units of the stage are done.
    fn at(&mut self, done: u64);
    /// The stage says something: a loss, a count.
    fn say(&mut self, text: &str);
    /// The stage is over; `summary` says what came out.
    fn end(&mut self, summary: &str);
    /// Whether the user wants to stop at the next safe point.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Hears and shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _stage: &str, _total: Option<u64>) {}
    fn at(&mut self, _done: u64) {}
    fn say(&mut self, _text: &str) {}
    fn end(&mut self, _summary: &str) {}
}
