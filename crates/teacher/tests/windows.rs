//! Windows put every candidate somewhere, the best where they belong, in the number of calls that was said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in the functions it calls too")]
#![expect(clippy::print_stdout, reason = "the figures of the documentation are printed here")]

use proptest::prelude::*;
use r2r_teacher::windows::{PlanError, Window, WindowPlan};

/// What a course did.
struct Outcome {
    order: Vec<usize>,
    calls: usize,
    rounds: usize,
}

/// Lets a teacher answer until the course is done.
fn run(plan: WindowPlan, n: usize, mut teacher: impl FnMut(&Window) -> Vec<usize>) -> Outcome {
    let mut course = plan.start(n).unwrap();
    let (mut calls, mut rounds) = (0, 0);
    loop {
        let windows = course.ready();
        if windows.is_empty() {
            break;
        }
        rounds += 1;
        calls += windows.len();
        // Answers may come in any order.
        for window in windows.iter().rev() {
            course.place(window.id, teacher(window));
        }
    }
    assert!(course.is_done());
    Outcome { order: course.order(), calls, rounds }
}

/// A teacher that knows the rank of each candidate and never contradicts itself.
fn by_rank(ranks: &[usize]) -> impl FnMut(&Window) -> Vec<usize> {
    |window| {
        let mut order = window.items.clone();
        order.sort_by_key(|&item| ranks[item]);
        order
    }
}

/// Ranks that a first stage of some quality would leave: true places with noise of up to `noise` places.
fn noisy_ranks(n: usize, noise: f64, seed: u64) -> Vec<usize> {
    let mut state = seed.wrapping_mul(2) + 1;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let key: Vec<f64> = (0..n).map(|item| item as f64 + (uniform() * 2.0 - 1.0) * noise).collect();
    let mut by_key: Vec<usize> = (0..n).collect();
    by_key.sort_by(|&a, &b| key[a].total_cmp(&key[b]));
    let mut ranks = vec![0; n];
    for (rank, item) in by_key.into_iter().enumerate() {
        ranks[item] = rank;
    }
    ranks
}

fn plan() -> impl Strategy<Value = WindowPlan> {
    prop_oneof![
        Just(WindowPlan::Single),
        (2usize..8, 1usize..8, 1usize..4).prop_map(|(size, stride, passes)| WindowPlan::Sliding {
            size,
            stride: stride.min(size),
            passes
        }),
        (2usize..8, 1usize..7).prop_map(|(size, top)| WindowPlan::Tournament { size, top: top.min(size - 1) }),
    ]
}

#[test]
fn a_plan_that_cannot_work_says_what_to_use() {
    let check = |plan: WindowPlan, expected: PlanError| assert_eq!(plan.checked(), Err(expected));
    check(WindowPlan::Sliding { size: 1, stride: 1, passes: 1 }, PlanError::Size(1));
    check(WindowPlan::Sliding { size: 4, stride: 5, passes: 1 }, PlanError::Stride { stride: 5, size: 4 });
    check(WindowPlan::Sliding { size: 4, stride: 0, passes: 1 }, PlanError::Stride { stride: 0, size: 4 });
    check(WindowPlan::Sliding { size: 4, stride: 2, passes: 0 }, PlanError::Passes);
    check(WindowPlan::Tournament { size: 4, top: 4 }, PlanError::Top { top: 4, size: 4 });
    let message = PlanError::Top { top: 4, size: 4 }.to_string();
    assert!(message.ends_with("use a top of 1 to 3"), "{message}");
}

#[test]
fn windows_slide_from_the_end_to_the_front() {
    let mut seen = Vec::new();
    let outcome = run(WindowPlan::Sliding { size: 4, stride: 3, passes: 2 }, 9, |window| {
        seen.push((window.items[0], window.items.len()));
        window.items.clone()
    });
    assert_eq!(seen, [(5, 4), (2, 4), (0, 4), (5, 4), (2, 4), (0, 4)]);
    assert_eq!(outcome.calls, 6);
}

/// The figures of the documentation of `windows`: run with `--nocapture`.
#[test]
fn a_tournament_needs_fewer_calls_than_a_sliding_window() {
    println!("{:>5} {:>6} {:>8} {:>22} {:>22}", "n", "noise", "sliding", "tournament calls", "rounds");
    for n in [100, 200, 1000] {
        let sliding = WindowPlan::Sliding { size: 20, stride: 10, passes: 1 };
        let tournament = WindowPlan::Tournament { size: 20, top: 10 };
        for noise in [10.0, 30.0, 100.0, 1e9] {
            let (mut calls, mut rounds) = (Vec::new(), Vec::new());
            for seed in 0..50 {
                let ranks = noisy_ranks(n, noise, seed);
                let outcome = run(tournament, n, by_rank(&ranks));
                let best: Vec<usize> = outcome.order[..10].iter().map(|&item| ranks[item]).collect();
                assert_eq!(best, (0..10).collect::<Vec<_>>());
                calls.push(outcome.calls);
                rounds.push(outcome.rounds);
            }
            let mean = |values: &[usize]| values.iter().sum::<usize>() as f64 / values.len() as f64;
            let most = calls.iter().max().unwrap();
            println!(
                "{n:>5} {noise:>6} {:>8} {:>10.1} (most {most:>3}) {:>10.1}",
                sliding.fewest_windows(n),
                mean(&calls),
                mean(&rounds)
            );
            if noise < 50.0 {
                assert!(*most < sliding.fewest_windows(n), "n {n}, noise {noise}: {most} calls");
            }
        }
    }
}

proptest! {
    #[test]
    fn every_candidate_has_a_place_whatever_the_answers(
        plan in plan(),
        n in 0usize..40,
        seed: u64,
    ) {
        // A teacher without any sense.
        let mut call = 0;
        let outcome = run(plan, n, |window| {
            call += 1;
            let ranks = noisy_ranks(window.items.len(), 1e9, seed.wrapping_add(call));
            ranks.into_iter().map(|rank| window.items[rank]).collect()
        });
        let mut sorted = outcome.order;
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..n).collect::<Vec<_>>());
        prop_assert!(outcome.calls >= plan.fewest_windows(n));
        if !matches!(plan, WindowPlan::Tournament { .. }) {
            prop_assert_eq!(outcome.calls, plan.fewest_windows(n));
        }
    }

    #[test]
    fn a_consistent_teacher_finds_the_best(plan in plan(), n in 1usize..60, seed: u64) {
        let ranks = noisy_ranks(n, 1e9, seed);
        let outcome = run(plan, n, by_rank(&ranks));
        let n_sure = match plan {
            WindowPlan::Single => n,
            WindowPlan::Sliding { size, stride, passes: _ } => if n <= size { n } else { size - stride },
            WindowPlan::Tournament { size, top } => if n <= size { n } else { top },
        };
        let best: Vec<usize> = outcome.order.iter().take(n_sure).map(|&item| ranks[item]).collect();
        prop_assert_eq!(best, (0..n_sure.min(n)).collect::<Vec<_>>());
    }

    #[test]
    fn an_order_that_is_right_stays(plan in plan(), n in 0usize..40) {
        let in_order: Vec<usize> = (0..n).collect();
        let outcome = run(plan, n, by_rank(&in_order));
        let n_sure = match plan {
            WindowPlan::Single | WindowPlan::Sliding { .. } => n,
            WindowPlan::Tournament { size, top } => if n <= size { n } else { top },
        };
        prop_assert_eq!(&outcome.order[..n_sure], &in_order[..n_sure]);
        prop_assert_eq!(outcome.calls, plan.fewest_windows(n));
    }
}
