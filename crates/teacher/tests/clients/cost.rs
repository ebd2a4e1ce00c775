//! Budgets and estimates.

use std::cell::Cell;
use std::sync::Barrier;

use r2r_teacher::asking::Watching;
use r2r_teacher::asking::events::{AskEvent, AskEvents};
use r2r_teacher::asking::outcome::AskError;
use r2r_teacher::batches::BatchConfig;
use r2r_teacher::clients::endpoint::Provider;
use r2r_teacher::cost::budget::BudgetError;
use r2r_teacher::cost::prices::{PriceTable, Route};
use r2r_teacher::journal::Journal;

use crate::batches::leave_in_a_batch;
use crate::bench::{Bench, ask, asks, open};
use crate::server::Server;
use crate::server::batches::Batches;
use crate::server::faults::{Fault, Faults};

/// Input 1 and output 10 dollars a million: an answer of the server (60 + 40 cached at half, 20 out) costs 0.00028.
fn prices() -> PriceTable {
    let text = "dated = \"2026-01-01\"\n[[price]]\nprovider = \"openai\"\nmodel = \"test-model\"\ninput = 1.0\ncached = 0.5\noutput = 10.0\nbatch = 0.5\n";
    PriceTable::read(text).unwrap()
}

const ANSWER_USD: f64 = 0.00028;

fn bench(faults: Faults, limit_usd: Option<f64>) -> Bench {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(faults));
    bench.config.prices = prices();
    bench.config.budget_usd = limit_usd;
    bench
}

#[test]
fn what_is_spent_is_the_sum_of_the_answers() {
    let bench = bench(Faults::None, None);
    let (answered, tally) = bench.run(asks(10));
    let tally = tally.unwrap();
    assert!((tally.spent_usd - 10.0 * ANSWER_USD).abs() < 1e-9, "{tally:?}");
    assert!(answered.iter().all(|answer| answer.result.as_ref().unwrap().cost_usd == Some(ANSWER_USD)));
    assert!((bench.journal().summary().unwrap().cost_usd() - 10.0 * ANSWER_USD).abs() < 1e-9);
}

#[test]
fn a_budget_is_not_passed_at_any_concurrency() {
    for concurrency in [1, 7, 64] {
        let limit = 0.02;
        let mut bench = bench(Faults::None, Some(limit));
        bench.config.pace.concurrency = concurrency;
        let (answered, tally) = bench.run(asks(200));
        assert!(matches!(tally, Err(AskError::Budget(BudgetError::Reached { .. }))), "{tally:?}");
        let spent = bench.server.seen().paid.len() as f64 * ANSWER_USD;
        assert!(spent <= limit, "{spent} at {concurrency}");
        // And it is used: what is left is less than one more request may cost (0.00137).
        assert!(spent > limit - 0.0016, "{spent} at {concurrency}");
        assert_eq!(answered.len(), bench.server.seen().paid.len());
    }
}

#[test]
fn a_budget_counts_what_may_have_been_paid_when_the_line_broke() {
    let mut bench = bench(Faults::Always(Fault::Cut), Some(0.005));
    bench.config.pace.concurrency = 1;
    bench.config.pace.attempts = 1000;
    let (_, tally) = bench.run(asks(5));
    assert!(matches!(tally, Err(AskError::Budget(BudgetError::Reached { .. }))), "{tally:?}");
    let sent = bench.server.n_requests();
    assert!((2..=4).contains(&sent), "{sent} requests of up to 0.0014 USD each were sent for 0.005 USD");
}

fn is_reached<T: std::fmt::Debug>(ended: &Result<T, AskError>) -> bool {
    matches!(ended, Err(AskError::Budget(BudgetError::Reached { .. })))
}

#[test]
fn a_budget_holds_for_runs_one_after_the_other_and_at_once() {
    let limit = 0.02;
    let mut bench = bench(Faults::None, Some(limit));
    bench.config.pace.concurrency = 8;
    let run = |from: usize| bench.run(asks(300).split_off(from)).1;
    let ended: Vec<_> = std::thread::scope(|scope| {
        let runs = [0, 100, 200].map(|from| scope.spawn(move || run(from)));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(ended.iter().all(is_reached), "{ended:?}");
    assert!(is_reached(&run(150)));
    let spent = bench.server.seen().paid.len() as f64 * ANSWER_USD;
    assert!(spent <= limit && spent > limit - 0.0016, "{spent}");
}

#[test]
fn a_budget_holds_for_two_runs_at_once_whose_lines_break() {
    // Room for forty sendings, each of which may have been paid.
    let limit = 0.055;
    let mut bench = bench(Faults::Always(Fault::Cut), Some(limit));
    bench.config.pace.concurrency = 4;
    bench.config.pace.attempts = 1000;
    let both_begin = Barrier::new(2);
    let run = |from: usize| {
        let mut asks = asks(8).into_iter().skip(from).take(4).enumerate().map(|(i, ask)| {
            if i == 0 {
                both_begin.wait();
            }
            ask
        });
        bench.asker().ask_all(&mut asks, &mut |_| Vec::new(), bench.watching())
    };
    let ended = std::thread::scope(|scope| {
        let runs = [0, 4].map(|from| scope.spawn(move || run(from)));
        runs.map(|run| run.join().unwrap())
    });
    assert!(ended.iter().all(is_reached), "{ended:?}");
    let perhaps = bench.journal().summary().unwrap().perhaps_usd;
    assert!(perhaps <= limit && perhaps > limit / 2.0, "{perhaps}");
    let each = perhaps / bench.server.n_requests() as f64;
    assert!((0.0012..0.0016).contains(&each), "every sending is counted: {each}");
}

#[test]
fn a_budget_counts_what_was_on_the_wire_when_a_run_died() {
    let bench = bench(Faults::None, Some(0.005));
    let dead = open(&bench.path());
    dead.begin(&[(bench.asker().key(&ask("q0")), 0.004)], 0, 1).unwrap();
    drop(dead);
    // Its question and others: the dead may have paid, so that less than one more answer is left.
    for from in [0, 1] {
        let (_, ended) = bench.run(asks(5).split_off(from));
        assert!(is_reached(&ended), "{ended:?}");
        assert_eq!(bench.server.n_requests(), 0);
    }
    let perhaps = bench.journal().summary().unwrap().perhaps_usd;
    assert!((perhaps - 0.004).abs() < 1e-9, "{perhaps}");
}

#[test]
fn a_budget_counts_the_batches_that_have_not_come_back() {
    let mut bench = bench(Faults::None, None);
    bench.server.batches().polls = 1000;
    leave_in_a_batch(&bench, 4);
    let under_way = bench.journal().summary().unwrap().perhaps_usd;
    assert!(under_way > 0.002, "{under_way}");
    bench.config.budget_usd = Some(under_way + 0.001);
    let (_, ended) = bench.run(vec![ask("another")]);
    assert!(is_reached(&ended), "{ended:?}");
    assert_eq!(bench.server.n_requests(), bench.server.batches().n_requests as usize);
    // Once it has come back, what it did not cost is free again.
    bench.server.batches().polls = 0;
    bench.run_in_batches(asks(4), &BatchConfig::default()).1.unwrap();
    assert!(bench.journal().summary().unwrap().perhaps_usd.abs() < 1e-9);
    bench.run(vec![ask("another")]).1.unwrap();
}

/// Hears what may be spent besides once the first batch is intended.
struct AtFirstBatch<'b>(&'b Bench, Cell<Option<f64>>);

impl AskEvents for AtFirstBatch<'_> {
    fn heard(&self, event: &AskEvent<'_>) {
        if matches!(event, AskEvent::Batch { .. }) && self.1.get().is_none() {
            let summary = Journal::open_to_read(&self.0.path()).unwrap().summary().unwrap();
            self.1.set(Some(summary.perhaps_usd));
        }
    }
}

#[test]
fn questions_that_wait_for_a_batch_are_not_under_way_yet() {
    let config = BatchConfig { items: 4, ..BatchConfig::default() };
    let at_first_batch = |n: usize| {
        let bench = bench(Faults::None, None);
        let hears = AtFirstBatch(&bench, Cell::new(None));
        let watching = Watching { events: &hears, cancel: &bench.cancel };
        bench.asker().ask_all_in_batches(&mut asks(n).into_iter(), &mut |_| Vec::new(), &config, watching).unwrap();
        hears.1.get().unwrap()
    };
    let (one_batch, of_three) = (at_first_batch(4), at_first_batch(10));
    assert!(one_batch > 0.002 && (one_batch - of_three).abs() < 1e-9, "{one_batch} {of_three}");
}

#[test]
fn a_budget_holds_for_batches_of_several_runs_at_once() {
    let limit = 0.004;
    let bench = bench(Faults::None, Some(limit));
    let config = BatchConfig { items: 4, ..BatchConfig::default() };
    let run = |part: std::ops::Range<usize>| bench.run_in_batches(asks(60).drain(part).collect(), &config).1;
    let ended: Vec<_> = std::thread::scope(|scope| {
        let runs = [0..20, 20..40, 40..60].map(|part| scope.spawn(move || run(part)));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    // One of them may have all of its answers, while others stop for what it has under way.
    assert!(ended.iter().all(|ended| ended.is_ok() || is_reached(ended)), "{ended:?}");
    assert!(is_reached(&run(0..60)));
    let spent = bench.server.batches().paid.len() as f64 * ANSWER_USD / 2.0;
    // What is left is less than one more question may cost in a batch.
    assert!(spent <= limit && spent > limit - 0.0008, "{spent}");
}

#[test]
fn answers_of_a_batch_that_cannot_be_found_may_have_been_paid() {
    let unsure = |prepare: fn(&mut Batches)| {
        let bench = bench(Faults::None, None);
        prepare(&mut bench.server.batches());
        let config = BatchConfig { ask_lost_again: true, ..BatchConfig::default() };
        let tally = bench.run_in_batches(asks(3), &config).1.unwrap();
        assert_eq!((tally.paid, bench.server.batches().made.len()), (3, 2));
        assert!((bench.journal().summary().unwrap().perhaps_usd - tally.unsure_usd).abs() < 1e-9);
        tally.unsure_usd
    };
    // Two files, three times.
    let all = unsure(|batches| batches.results_astray = vec!["<html>"; 6]);
    let left_out = |batches: &mut Batches| batches.leave_out_once = ["q1".to_owned()].into();
    let one = unsure(|batches| {
        batches.leave_out_once = ["q1".to_owned()].into();
        batches.counts_nothing = true;
    });
    assert!(one > 0.0005 && (all - 3.0 * one).abs() < 1e-9, "{all} {one}");
    // The provider counts two answers, and two came.
    assert!(unsure(left_out).abs() < 1e-12);
}

#[test]
fn every_answer_that_could_not_be_read_may_have_been_paid() {
    let unsure = |malformed_attempts: u32| {
        let mut bench = bench(Faults::Always(Fault::NoChoices), None);
        bench.config.pace.malformed_attempts = malformed_attempts;
        let tally = bench.run(asks(1)).1.unwrap();
        assert!((bench.journal().summary().unwrap().perhaps_usd - tally.unsure_usd).abs() < 1e-9);
        tally.unsure_usd
    };
    let (once, three_times) = (unsure(1), unsure(3));
    assert!(once > 0.001 && (three_times - 3.0 * once).abs() < 1e-9, "{once} {three_times}");
}

#[test]
fn a_budget_without_a_price_does_not_begin() {
    let mut bench = bench(Faults::None, Some(5.0));
    bench.config.prices = PriceTable::empty();
    let (_, tally) = bench.run(asks(5));
    let error = tally.unwrap_err();
    assert!(matches!(error, AskError::Budget(BudgetError::NoPrice { .. })), "{error}");
    assert!(error.to_string().contains("needs the price of openai test-model"), "{error}");
    assert_eq!(bench.server.n_requests(), 0);
}

#[test]
fn without_a_budget_an_unknown_price_is_unknown_and_not_zero() {
    let mut bench = bench(Faults::None, None);
    bench.config.prices = PriceTable::empty();
    let (answered, tally) = bench.run(asks(2));
    assert_eq!(tally.unwrap().unpriced, 2);
    assert_eq!(answered[0].result.as_ref().unwrap().cost_usd, None);
    assert_eq!(bench.journal().summary().unwrap().models[0].unpriced, 2);
}

#[test]
fn an_estimate_sends_nothing_and_counts_only_what_is_not_there() {
    let bench = bench(Faults::None, None);
    bench.run(asks(4)).1.unwrap();
    let estimate = bench.asker().estimate(&mut asks(10).into_iter(), Route::Live).unwrap();
    assert_eq!((estimate.asks, estimate.in_journal, estimate.most_output_tokens), (10, 4, 600));
    let expected = estimate.input_tokens as f64 * 1e-6;
    assert!((estimate.input_usd.unwrap() - expected).abs() < 1e-12);
    assert!((estimate.most_usd.unwrap() - expected - 0.006).abs() < 1e-12);
    assert_eq!(estimate.prices_dated, "2026-01-01");
    assert_eq!(bench.server.n_requests(), 4);
    let batch = bench.asker().estimate(&mut asks(10).into_iter(), Route::Batch).unwrap();
    assert!((batch.most_usd.unwrap() * 2.0 - estimate.most_usd.unwrap()).abs() < 1e-12);
}
