//! Rate limits under a clock of our own.

use std::time::Duration;

use r2r_teacher::asking::outcome::AskError;
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
fn a_wait_that_stands_in_the_body_is_read_of_googles_compatible_interface_too() {
    let faults = Faults::first(&[Fault::RateLimitedInBody(90_000)]);
    let mut bench = Bench::new(Provider::Compatible, Server::start(faults));
    bench.config.pace.concurrency = 1;
    let took = minutes(&bench, 2);
    assert!((1.5..1.6).contains(&took), "{took} minutes");
}

#[test]
fn a_rate_limit_without_a_wait_is_no_attempt_of_a_question() {
    let faults = Faults::first(&vec![Fault::RateLimitedSilently; 12]);
    let mut bench = Bench::new(Provider::OpenAi, Server::start(faults));
    bench.config.pace.concurrency = 1;
    let took = minutes(&bench, 2);
    assert!((1.0..10.0).contains(&took), "{took} minutes");
    assert_eq!(bench.server.n_requests(), 14);
}

#[test]
fn a_rate_limit_that_never_ends_stops_the_run_before_long() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::Always(Fault::RateLimitedSilently)));
    bench.config.pace.concurrency = 1;
    let start = bench.clock.now_ms();
    let (answered, ended) = bench.run(asks(3));
    let error = ended.unwrap_err();
    assert!(matches!(error, AskError::Stopped { .. }) && error.to_string().contains("no request has got through"));
    assert!(answered.is_empty(), "no question is given up for it");
    let minutes = (bench.clock.now_ms() - start) as f64 / 60_000.0;
    assert!((9.0..=10.0).contains(&minutes), "{minutes}");
}

#[test]
fn a_limit_by_the_day_that_is_used_up_stops_the_run() {
    let used_up: &[_] = &[
        ("x-ratelimit-limit-requests", "50"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "24h0m0s"),
    ];
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::first(&[Fault::Headers(used_up)])));
    bench.config.pace.concurrency = 1;
    let (answered, ended) = bench.run(asks(2));
    assert_all_answered(&answered, 1);
    let error = ended.unwrap_err();
    assert!(error.to_string().contains("a request every 1728 s"), "{error}");
}

#[test]
fn a_reset_that_is_a_time_is_no_wait() {
    let in_2026: &[_] = &[
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "30"),
        ("x-ratelimit-reset-requests", "1795575845"),
    ];
    let mut bench = Bench::new(Provider::Compatible, Server::start(Faults::first(&[Fault::Headers(in_2026)])));
    bench.config.pace.concurrency = 1;
    let took = minutes(&bench, 40);
    assert!(took < 0.5, "{took} minutes");
}

#[test]
fn a_long_wait_for_the_pace_is_told_and_ones_own_pace_may_be_slow() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    bench.config.pace.requests_per_minute = Some(1);
    let took = minutes(&bench, 16);
    assert!(took > 14.0, "{took} minutes");
    let heard = bench.ears.0.lock().unwrap();
    assert!(heard.iter().any(|event| event == "WaitingForPace { wait: 60s }"), "{heard:?}");
}

#[test]
fn no_more_are_under_way_than_allowed() {
    let mut bench = Bench::new(Provider::Gemini, Server::start(Faults::Always(Fault::Slow(Duration::from_millis(5)))));
    bench.config.pace.concurrency = 5;
    minutes(&bench, 60);
    assert!(bench.server.seen().most_at_once <= 5, "{}", bench.server.seen().most_at_once);
}
