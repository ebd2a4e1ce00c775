//! Rate limits under a clock of our own.

use r2r_teacher::clients::endpoint::Provider;
use r2r_teacher::clock::Clock;

use crate::bench::{Bench, asks, assert_all_answered};
use crate::server::Server;
use crate::server::faults::{Fault, Faults};

/// Minutes that a run took on the leaping clock.
fn minutes(bench: &Bench, n: usize) -> f64 {
    let start = bench.clock.now_ms();
    let (answered, tally) = bench.run(asks(n));
    tally.unwrap();
    assert_all_answered(&answered, n);
    (bench.clock.now_ms() - start) as f64 / 60_000.0
}

#[test]
fn requests_keep_to_their_number_a_minute() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    bench.config.pace.requests_per_minute = Some(30);
    // The first 30 at once, the other 60 at 30 a minute.
    let took = minutes(&bench, 90);
    assert!((1.9..2.1).contains(&took), "{took} minutes");
}

#[test]
fn tokens_keep_to_their_number_a_minute() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    // A request is counted with about 150 tokens, 100 of them for its answer.
    bench.config.pace.tokens_per_minute = Some(1500);
    let took = minutes(&bench, 40);
    assert!((2.0..4.5).contains(&took), "{took} minutes");
}

#[test]
fn a_retry_after_is_waited_for_by_everybody() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::first(&[Fault::RateLimited(90_000)])));
    bench.config.pace.concurrency = 8;
    let took = minutes(&bench, 20);
    assert!((1.5..3.1).contains(&took), "{took} minutes");
    assert!(bench.server.n_requests() == 21);
}

#[test]
fn no_more_are_under_way_than_allowed() {
    let mut bench =
        Bench::new(Provider::Gemini, Server::start(Faults::Always(Fault::Slow(std::time::Duration::from_millis(5)))));
    bench.config.pace.concurrency = 5;
    minutes(&bench, 60);
    assert!(bench.server.seen().most_at_once <= 5, "{}", bench.server.seen().most_at_once);
}
