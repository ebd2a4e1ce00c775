//! Rounds in which all others play against the last document that would still be wanted.

use super::{Window, is_permutation};

#[derive(Clone, Debug)]
pub(super) struct Tournament {
    size: usize,
    top: usize,
    /// Who is still in it, the most promising first.
    field: Vec<usize>,
    /// Who went out, round by round, each round best first. Later rounds stand above earlier ones.
    out: Vec<Vec<usize>>,
    round: Round,
    n_windows: usize,
}

#[derive(Clone, Debug)]
enum Round {
    /// The first window of a round, or the last window of all.
    Opening {
        under_way: Option<Window>,
    },
    /// The others in groups, each with the pivot.
    Groups {
        opening: Vec<usize>,
        groups: Vec<Group>,
    },
    Done,
}

#[derive(Clone, Debug)]
struct Group {
    window: Window,
    is_under_way: bool,
    order: Option<Vec<usize>>,
}

impl Tournament {
    pub(super) fn new(n: usize, size: usize, top: usize) -> Self {
        let round = if n == 0 { Round::Done } else { Round::Opening { under_way: None } };
        Self { size, top, field: (0..n).collect(), out: Vec::new(), round, n_windows: 0 }
    }

    pub(super) fn ready(&mut self) -> Vec<Window> {
        match &mut self.round {
            Round::Opening { under_way: under_way @ None } => {
                let items = self.field[..self.size.min(self.field.len())].to_vec();
                let window = Window { id: self.n_windows, items };
                self.n_windows += 1;
                *under_way = Some(window.clone());
                vec![window]
            }
            Round::Groups { groups, .. } => {
                let waiting = groups.iter_mut().filter(|group| !group.is_under_way);
                let start = |group: &mut Group| {
                    group.is_under_way = true;
                    group.window.clone()
                };
                waiting.map(start).collect()
            }
            Round::Opening { under_way: Some(_) } | Round::Done => Vec::new(),
        }
    }

    pub(super) fn place(&mut self, window: usize, order: Vec<usize>) {
        match &mut self.round {
            Round::Opening { under_way: Some(opening) } if opening.id == window => {
                assert!(is_permutation(&order, &opening.items), "an answer must hold the items of its window");
                self.open(order);
            }
            Round::Groups { opening, groups } => {
                let group = groups.iter_mut().find(|group| group.window.id == window && group.order.is_none());
                let group = group.unwrap_or_else(|| panic!("window {window} is not under way"));
                assert!(is_permutation(&order, &group.window.items), "an answer must hold the items of its window");
                group.order = Some(order);
                let orders: Option<Vec<Vec<usize>>> = groups.iter().map(|group| group.order.clone()).collect();
                if let Some(orders) = orders {
                    let opening = std::mem::take(opening);
                    self.close(&opening, &orders);
                }
            }
            Round::Opening { .. } | Round::Done => panic!("window {window} is not under way"),
        }
    }

    /// After the first window of a round: the rest is dealt out in groups, or the tournament is over.
    fn open(&mut self, opening: Vec<usize>) {
        let rest = self.field[opening.len()..].to_vec();
        if rest.is_empty() {
            self.field = opening;
            self.round = Round::Done;
            return;
        }
        let pivot = opening[self.top - 1];
        let n_groups = rest.len().div_ceil(self.size - 1);
        let mut groups = Vec::with_capacity(n_groups);
        for number in 0..n_groups {
            // Dealt like cards, so that every group has promising ones. The pivot stands in the middle: a teacher
            // that looks more at one end of a list favors nobody.
            let mut items: Vec<usize> = rest.iter().copied().skip(number).step_by(n_groups).collect();
            items.insert(items.len() / 2, pivot);
            let window = Window { id: self.n_windows, items };
            self.n_windows += 1;
            groups.push(Group { window, is_under_way: false, order: None });
        }
        self.round = Round::Groups { opening, groups };
    }

    /// After the groups of a round: who did not beat the pivot is out.
    fn close(&mut self, opening: &[usize], orders: &[Vec<usize>]) {
        let pivot = opening[self.top - 1];
        let mut above: Vec<&[usize]> = vec![&opening[..self.top - 1]];
        let mut below: Vec<&[usize]> = vec![&opening[self.top..]];
        for order in orders {
            let at = order.iter().position(|&item| item == pivot).expect("the pivot plays in every group");
            above.push(&order[..at]);
            below.push(&order[at + 1..]);
        }
        self.out.push(in_turn(&below));
        if above[1..].iter().all(|others| others.is_empty()) {
            // Nobody beat it: the first window has said all about the best.
            self.field = opening[..self.top].to_vec();
            self.round = Round::Done;
            return;
        }
        self.field = in_turn(&above);
        self.field.push(pivot);
        self.round = Round::Opening { under_way: None };
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.round, Round::Done)
    }

    pub(super) fn order(&self) -> Vec<usize> {
        let out = self.out.iter().rev().flatten();
        self.field.iter().chain(out).copied().collect()
    }
}

/// The first of each list, then the second of each, and so on.
fn in_turn(lists: &[&[usize]]) -> Vec<usize> {
    let longest = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    (0..longest).flat_map(|at| lists.iter().filter_map(move |list| list.get(at))).copied().collect()
}
