//! Each kind of fault: survived, or said clearly.

use std::time::Duration;

use r2r_teacher::asking::outcome::{AskError, AskFailure};
use r2r_teacher::clients::endpoint::Provider;
use r2r_teacher::ladder::Rung;

use crate::bench::{Bench, ask, asks, assert_all_answered};
use crate::server::Server;
use crate::server::faults::{Fault, Faults};

/// A fault that the first two requests of five meet, and no later ones: every question is answered, each paid once.
fn survives(provider: Provider, fault: &Fault) {
    let faults = Faults::first(&[fault.clone(), fault.clone()]);
    let mut bench = Bench::new(provider, Server::start(faults));
    bench.config.transport.timeout = Duration::from_secs(2);
    bench.config.transport.max_answer_bytes = 100_000;
    let (answered, tally) = bench.run(asks(5));
    let tally = tally.unwrap_or_else(|error| panic!("{provider:?} {fault:?}: {error}"));
    assert_all_answered(&answered, 5);
    assert_eq!(tally.paid, 5, "{provider:?} {fault:?}");
    let seen = bench.server.seen();
    assert_eq!(seen.faults[fault.name()], 2, "the fault was served");
    assert!(seen.paid.values().all(|&times| times == 1), "{provider:?} {fault:?}: {:?}", seen.paid);
}

/// A fault that ends the run: nothing more is asked, and the error says what to do.
fn stops(provider: Provider, fault: &Fault, advice: &str) {
    let mut bench = Bench::new(provider, Server::start(Faults::Always(fault.clone())));
    bench.config.pace.concurrency = 2;
    let (answered, tally) = bench.run(asks(50));
    assert!(answered.is_empty());
    let error = tally.unwrap_err();
    assert!(matches!(error, AskError::Stopped { .. }), "{provider:?} {fault:?}: {error}");
    assert!(error.to_string().contains(advice), "{provider:?} {fault:?}: {error}");
    assert!(bench.server.n_requests() <= 4, "{} requests after the first refusal", bench.server.n_requests());
}

const PROVIDERS: [Provider; 4] = Provider::ALL;

#[test]
fn passing_trouble_costs_no_question_and_is_paid_once() {
    println!("fault, providers, times served, questions asked, lost");
    for fault in [
        Fault::RateLimited(20),
        Fault::RateLimitedSilently,
        Fault::ServerError,
        Fault::OutputAstray,
        Fault::Overloaded,
        Fault::Cut,
        Fault::CutAtOnce,
        Fault::InvalidJson,
        Fault::NoChoices,
        Fault::Huge(200_000),
        Fault::Slow(Duration::from_millis(100)),
    ] {
        for provider in PROVIDERS {
            survives(provider, &fault);
        }
        let n = PROVIDERS.len();
        println!("{}, {n}, {}, {}, 0", fault.name(), 2 * n, 5 * n);
    }
}

#[test]
fn a_body_slower_than_the_timeout_is_asked_again() {
    let faults = Faults::first(&[Fault::Slow(Duration::from_secs(20))]);
    let mut bench = Bench::new(Provider::OpenAi, Server::start(faults));
    bench.config.transport.timeout = Duration::from_millis(300);
    let (answered, tally) = bench.run(asks(1));
    assert_all_answered(&answered, 1);
    assert_eq!(tally.unwrap().retries, 1);
    // Nobody knows whether it was paid: it is counted apart.
    assert_eq!(bench.journal().summary().unwrap().troubles[0].0, "timed out");
}

#[test]
fn no_quota_and_a_bad_key_stop_everything_at_once() {
    for provider in PROVIDERS {
        stops(provider, &Fault::NoQuota, "raise the quota or add credit");
        stops(provider, &Fault::BadKey, &format!("check the key in {}", provider.key_variable()));
        stops(provider, &Fault::NoSuchModel, "check the name of the model and the base URL");
    }
}

#[test]
fn a_setting_that_no_request_may_have_stops_everything_and_is_named() {
    let effort = "output_config.effort: this model does not take 'max'";
    stops(Provider::Anthropic, &Fault::Invalid(effort), "leave the effort out");
    let tokens = "max_tokens: 16000 > 8192, which is the maximum allowed number of output tokens for this model";
    stops(Provider::Anthropic, &Fault::Invalid(tokens), "fewer tokens");
    let temperature = "Unsupported value: 'temperature' does not support 0.5 with this model";
    stops(Provider::OpenAi, &Fault::Invalid(temperature), "leave the temperature out");
}

#[test]
fn a_refused_question_does_not_stop_the_others() {
    for provider in PROVIDERS {
        let mut bench = Bench::new(provider, Server::start(Faults::first(&[Fault::TooLong])));
        bench.config.pace.concurrency = 1;
        let (answered, tally) = bench.run(asks(4));
        assert_eq!(tally.unwrap().failed, 1);
        assert!(matches!(answered[0].result, Err(AskFailure::Refused(_))), "{:?}", answered[0].result);
        assert_all_answered(&answered[1..], 3);
    }
}

#[test]
fn a_question_that_a_moderator_refuses_is_no_bad_key() {
    let mut bench = Bench::new(Provider::Compatible, Server::start(Faults::first(&[Fault::Flagged])));
    bench.config.pace.concurrency = 1;
    let (answered, tally) = bench.run(asks(3));
    assert_eq!(tally.unwrap().failed, 1);
    assert!(matches!(answered[0].result, Err(AskFailure::Refused(_))), "{:?}", answered[0].result);
    assert_all_answered(&answered[1..], 2);
}

#[test]
fn a_request_that_broke_is_sent_again_under_its_name_and_one_that_failed_under_another() {
    let names = |provider| {
        let faults = Faults::first(&[Fault::CutAtOnce, Fault::ServerError]);
        let bench = Bench::new(provider, Server::start(faults));
        assert_all_answered(&bench.run(asks(1)).0, 1);
        let seen = bench.server.seen();
        let names = seen.requests.iter().map(|request| request.header("idempotency-key").map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    let names_there = names(Provider::Compatible);
    assert_eq!(names_there.len(), 3);
    assert!(names_there[0].is_some() && names_there[0] == names_there[1] && names_there[1] != names_there[2]);
    // Another run, after a kill, begins with the same name.
    assert_eq!(names(Provider::Compatible)[0].as_ref().map(|name| name.split_at(64).1), Some("-schema-0"));
    assert_eq!(names(Provider::OpenAi), [None, None, None]);
}

#[test]
fn a_provider_that_never_answers_is_given_up() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::Always(Fault::ServerError)));
    bench.config.pace.concurrency = 4;
    bench.config.pace.attempts = 3;
    let (answered, tally) = bench.run(asks(100));
    let error = tally.unwrap_err();
    assert!(error.to_string().contains("no request gets through"), "{error}");
    assert!((8..=12).contains(&answered.len()), "{} questions were tried", answered.len());
    assert!(answered.iter().all(|answer| matches!(answer.result, Err(AskFailure::Unavailable { attempts: 3, .. }))));
}

#[test]
fn a_wait_longer_than_one_would_wait_is_said() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::Always(Fault::RateLimited(3_600_000))));
    bench.config.pace.concurrency = 1;
    let (_, tally) = bench.run(asks(3));
    let error = tally.unwrap_err();
    assert!(error.to_string().contains("asks to wait 3600 s"), "{error}");
}

#[test]
fn an_output_that_is_always_astray_costs_three_tries_and_no_other_question() {
    let mut bench = Bench::new(Provider::Compatible, Server::start(Faults::Always(Fault::OutputAstray)));
    bench.config.pace.concurrency = 2;
    let (answered, tally) = bench.run(asks(20));
    assert_eq!(tally.unwrap().failed, 20);
    assert!(answered.iter().all(|answer| matches!(answer.result, Err(AskFailure::Malformed { attempts: 3, .. }))));
}

#[test]
fn an_empty_answer_is_an_answer() {
    for provider in PROVIDERS {
        let bench = Bench::new(provider, Server::start(Faults::Always(Fault::EmptyContent)));
        let (answered, _) = bench.run(asks(1));
        assert_eq!(answered[0].result.as_ref().unwrap().answer.text, "");
        assert_eq!(bench.journal().summary().unwrap().models[0].empty, 1);
        assert_eq!(bench.server.seen().paid["q0"], 1);
    }
}

#[test]
fn the_ladder_goes_down_once_and_is_remembered() {
    for (provider, rungs) in [
        (Provider::OpenAi, &[Rung::Json, Rung::Text][..]),
        (Provider::Compatible, &[Rung::Json, Rung::Text]),
        (Provider::Anthropic, &[Rung::Text]),
        (Provider::Gemini, &[Rung::Json, Rung::Text]),
    ] {
        for refusals in 1..=rungs.len() {
            let faults = Faults::first(&vec![Fault::ShapeRefused; refusals]);
            let mut bench = Bench::new(provider, Server::start(faults));
            bench.config.pace.concurrency = 1;
            let (answered, tally) = bench.run(asks(3));
            tally.unwrap();
            assert_all_answered(&answered, 3);
            let expected = rungs[refusals - 1];
            assert!(answered.iter().all(|answer| answer.result.as_ref().unwrap().rung == expected), "{provider:?}");
            assert_eq!(bench.server.n_requests(), 3 + refusals, "the refusal is met once");
            // Another run, another process: the journal knows.
            let (answered, _) = bench.run(vec![ask("later")]);
            assert_all_answered(&answered, 1);
            assert_eq!(answered[0].result.as_ref().unwrap().rung, expected);
            assert_eq!(bench.server.n_requests(), 4 + refusals);
        }
    }
}

#[test]
fn a_shape_refused_at_every_rung_is_a_refused_question() {
    let bench = Bench::new(Provider::OpenAi, Server::start(Faults::Always(Fault::ShapeRefused)));
    let (answered, tally) = bench.run(asks(1));
    assert_eq!(tally.unwrap().failed, 1);
    assert!(matches!(answered[0].result, Err(AskFailure::Refused(_))));
    assert_eq!(bench.server.n_requests(), 3);
}

#[test]
fn a_server_that_is_not_there_is_no_cost() {
    let server = Server::start(Faults::None);
    let mut bench = Bench::new(Provider::Compatible, server);
    // A port on which nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bench.server.address = listener.local_addr().unwrap();
    drop(listener);
    bench.config.pace.attempts = 2;
    let (answered, tally) = bench.run(asks(2));
    let tally = tally.unwrap();
    assert_eq!((tally.failed, tally.unsure_usd), (2, 0.0));
    let failure = answered[0].result.as_ref().unwrap_err().to_string();
    assert!(failure.contains("onnection refused") || failure.contains("onnect"), "{failure}");
}
