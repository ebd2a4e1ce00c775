//! A window that slides from the end of the list to its front.

use super::{Window, is_permutation};

#[derive(Clone, Debug)]
pub(super) struct Sliding {
    order: Vec<usize>,
    size: usize,
    stride: usize,
    /// Passes that are not finished, the current one included.
    passes_left: usize,
    /// Where the current window begins.
    start: usize,
    is_under_way: bool,
    n_windows: usize,
}

impl Sliding {
    pub(super) fn new(n: usize, size: usize, stride: usize, passes: usize) -> Self {
        let start = n.saturating_sub(size);
        let passes_left = if n == 0 { 0 } else { passes };
        Self { order: (0..n).collect(), size, stride, passes_left, start, is_under_way: false, n_windows: 0 }
    }

    pub(super) fn ready(&mut self) -> Vec<Window> {
        if self.is_under_way || self.is_done() {
            return Vec::new();
        }
        self.is_under_way = true;
        let window = Window { id: self.n_windows, items: self.order[self.window()].to_vec() };
        self.n_windows += 1;
        vec![window]
    }

    pub(super) fn place(&mut self, window: usize, order: Vec<usize>) {
        assert!(self.is_under_way && window + 1 == self.n_windows, "window {window} is not under way");
        let range = self.window();
        assert!(is_permutation(&order, &self.order[range.clone()]), "an answer must hold the items of its window");
        self.order.splice(range, order);
        self.is_under_way = false;
        if self.start > 0 {
            // The last window of a pass begins at the front, even if it overlaps more than the others.
            self.start = self.start.saturating_sub(self.stride);
        } else {
            self.passes_left -= 1;
            self.start = self.order.len().saturating_sub(self.size);
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.passes_left == 0
    }

    pub(super) fn order(&self) -> Vec<usize> {
        self.order.clone()
    }

    fn window(&self) -> std::ops::Range<usize> {
        self.start..(self.start + self.size).min(self.order.len())
    }
}
