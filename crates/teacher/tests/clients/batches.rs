//! Batches of all providers, with a crash between any two steps.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use r2r_teacher::asking::Watching;
use r2r_teacher::asking::events::{AskEvent, AskEvents};
use r2r_teacher::asking::outcome::{AskError, AskFailure};
use r2r_teacher::batches::BatchConfig;
use r2r_teacher::clients::endpoint::Provider;
use r2r_teacher::clock::Clock as _;
use r2r_teacher::cost::prices::Route;
use r2r_teacher::ladder::Rung;
use rusqlite::Connection;
use serde_json::json;

use crate::bench::{Bench, ask, asks, assert_all_answered};
use crate::server::Server;
use crate::server::batches::{Cut, Instead};
use crate::server::faults::Faults;
use crate::server::http::Reply;

const PROVIDERS: [Provider; 3] = [Provider::OpenAi, Provider::Anthropic, Provider::Gemini];

fn bench(provider: Provider) -> Bench {
    let bench = Bench::new(provider, Server::start(Faults::None));
    bench.server.batches().polls = 2;
    bench
}

fn small() -> BatchConfig {
    BatchConfig { items: 4, ..BatchConfig::default() }
}

#[test]
fn answers_are_matched_by_their_ids_in_any_order() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        bench.server.batches().strange_ids = true;
        let (answered, tally) = bench.run_in_batches(asks(10), &small());
        let tally = tally.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_all_answered(&answered, 10);
        assert_eq!(tally.paid, 10);
        let batches = bench.server.batches();
        assert_eq!(batches.made.iter().map(|batch| batch.size).collect::<Vec<_>>(), [4, 4, 2], "{provider:?}");
        assert!(answered.iter().all(|answer| answer.result.as_ref().unwrap().route == Route::Batch));
        drop(batches);
        let troubles = bench.journal().summary().unwrap().troubles;
        let kinds: Vec<(&str, u64)> = troubles.iter().map(|(kind, count, _)| (kind.as_str(), *count)).collect();
        assert_eq!(kinds, [("second answer in a batch", 3), ("unknown id in a batch", 3)], "{provider:?}");
    }
}

#[test]
fn expired_and_missing_questions_are_sent_again_and_refused_ones_are_not() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        {
            let mut batches = bench.server.batches();
            batches.expire_once.insert("q1".to_owned());
            batches.leave_out_once.insert("q2".to_owned());
            batches.refuse.insert("q3".to_owned());
        }
        let (answered, tally) = bench.run_in_batches(asks(6), &small());
        let tally = tally.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_eq!((tally.paid, tally.failed, tally.retries), (5, 1, 2), "{provider:?}");
        let (refused, others): (Vec<_>, Vec<_>) = answered.into_iter().partition(|answer| answer.ask.tag == "q3");
        assert!(matches!(refused[0].result, Err(AskFailure::Refused(_))), "{:?}", refused[0].result);
        assert_all_answered(&others, 5);
        assert!(bench.server.batches().paid.values().all(|&times| times == 1));
    }
}

#[test]
fn a_shape_refused_in_a_batch_is_a_looser_one_in_the_next() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        bench.server.batches().refuse_schemas = true;
        let (answered, tally) = bench.run_in_batches(asks(3), &small());
        tally.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_all_answered(&answered, 3);
        let expected = if provider == Provider::Anthropic { Rung::Text } else { Rung::Json };
        assert!(answered.iter().all(|answer| answer.result.as_ref().unwrap().rung == expected), "{provider:?}");
        assert_eq!(bench.server.batches().made.len(), 2);
        // The journal knows: the next run does not ask for a schema.
        bench.run_in_batches(asks(5), &small()).1.unwrap();
        assert_eq!(bench.server.batches().made.len(), 3, "{provider:?}");
    }
}

#[test]
fn a_shape_that_some_questions_were_answered_in_before_is_not_what_was_learned() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        // Of one batch, three are answered in the schema that the fourth, which comes last, is refused for.
        bench.server.batches().refuse_schema_of.insert("q0".to_owned());
        let mut learned = Vec::new();
        let mut on_answer = |_| {
            learned.push(bench.journal().learned_shapes(&bench.endpoint()).unwrap());
            Vec::new()
        };
        bench.asker().ask_all_in_batches(&mut asks(4).into_iter(), &mut on_answer, &small(), bench.watching()).unwrap();
        let below = if provider == Provider::Anthropic { Rung::Text } else { Rung::Json };
        let at_last = vec![("test-model".to_owned(), below)];
        assert_eq!(learned, [vec![], vec![], vec![], at_last], "{provider:?}");
    }
}

#[test]
fn a_question_that_never_comes_back_is_given_up() {
    let bench = bench(Provider::OpenAi);
    let config = BatchConfig { attempts: 2, ..small() };
    // Expired in the first batch, left out of the second.
    bench.server.batches().expire_once.insert("q0".to_owned());
    bench.server.batches().leave_out_once.insert("q0".to_owned());
    let (answered, tally) = bench.run_in_batches(asks(1), &config);
    assert_eq!(tally.unwrap().failed, 1);
    assert!(matches!(answered[0].result, Err(AskFailure::Unavailable { attempts: 2, .. })), "{:?}", answered[0].result);
}

/// The run dies at its n-th request about batches, before or after the provider has acted; the next run goes on, though
/// the provider's list is behind at first.
fn survives_a_crash(provider: Provider, at: u32, cut: Cut) -> bool {
    let bench = bench(provider);
    bench.server.batches().lists_late = 2;
    bench.server.batches().cut_at = Some((at, cut));
    let (_, ended) = bench.run_in_batches(asks(6), &small());
    if ended.is_ok() {
        return false;
    }
    assert!(matches!(ended, Err(AskError::Stopped { .. })), "{provider:?} {at} {cut:?}: {ended:?}");
    bench.server.batches().heal();
    let (again, ended) = bench.run_in_batches(asks(6), &small());
    ended.unwrap_or_else(|error| panic!("{provider:?}, cut {cut:?} request {at}: {error}"));
    assert_all_answered(&again, 6);
    let paid = bench.server.batches().paid.clone();
    assert!(paid.values().all(|&times| times == 1), "{provider:?}, cut {cut:?} request {at}: {paid:?}");
    assert_eq!(paid.len(), 6);
    true
}

#[test]
fn a_crash_between_any_two_steps_loses_nothing_and_pays_nothing_twice() {
    for provider in PROVIDERS {
        for cut in [Cut::Before, Cut::After] {
            let crashed = (0..40).take_while(|&at| survives_a_crash(provider, at, cut)).count();
            // Two batches, each made, polled three times and fetched.
            assert!((8..40).contains(&crashed), "{provider:?} {cut:?}: {crashed} steps");
        }
    }
}

#[test]
fn a_batch_that_was_made_without_a_name_is_found_and_not_made_again() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        bench.server.batches().nameless_once = true;
        let (answered, ended) = bench.run_in_batches(asks(3), &small());
        ended.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_all_answered(&answered, 3);
        assert_eq!(bench.server.batches().made.len(), 1, "{provider:?}");
    }
}

/// The request that makes a batch gets this answer, before or after the server has made it.
fn making(provider: Provider, cut: Cut, reply: Reply) -> Instead {
    let path_end = if provider == Provider::Gemini { ":batchGenerateContent" } else { "/batches" };
    Instead { method: "POST", path_end, cut, reply }
}

fn of_a_gateway(status: u16) -> Reply {
    Reply::json(status, &json!({ "error": { "message": "the gateway has no time" } }))
}

#[test]
fn who_refuses_to_list_the_batches_has_not_refused_the_batch() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        let listing = Instead { method: "GET", path_end: "/batches", cut: Cut::Before, reply: of_a_gateway(400) };
        bench.server.batches().instead = vec![making(provider, Cut::After, of_a_gateway(504)), listing];
        let (answered, ended) = bench.run_in_batches(asks(3), &small());
        let error = ended.unwrap_err().to_string();
        assert!(answered.is_empty() && error.contains("it is looked up first"), "{provider:?}: {error}");
        let (answered, ended) = bench.run_in_batches(asks(3), &small());
        ended.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_all_answered(&answered, 3);
        assert_eq!(bench.server.batches().made.len(), 1, "{provider:?}");
    }
}

#[test]
fn a_batch_whose_making_ends_in_an_error_of_the_server_is_looked_up_before_it_is_made_again() {
    for provider in PROVIDERS {
        for status in [408, 409, 500, 503] {
            for cut in [Cut::Before, Cut::After] {
                let bench = bench(provider);
                let no_retry = of_a_gateway(status).with("x-should-retry", "false");
                bench.server.batches().instead = vec![making(provider, cut, no_retry)];
                let (answered, ended) = bench.run_in_batches(asks(3), &small());
                let tally = ended.unwrap_or_else(|error| panic!("{provider:?} {status}: {error}"));
                assert_all_answered(&answered, 3);
                assert_eq!((tally.retries, bench.server.batches().made.len()), (0, 1), "{provider:?} {status} {cut:?}");
            }
        }
    }
}

#[test]
fn each_sending_that_is_in_doubt_is_waited_for_before_the_next() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        {
            let mut batches = bench.server.batches();
            batches.instead = [Cut::Before, Cut::After].map(|cut| making(provider, cut, of_a_gateway(504))).into();
            // Three looks until the first is given up; the list shows the second two looks after that.
            batches.lists_late = 5;
        }
        let (answered, ended) = bench.run_in_batches(asks(3), &small());
        ended.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_all_answered(&answered, 3);
        assert_eq!(bench.server.batches().made.len(), 1, "{provider:?}");
    }
}

#[test]
fn a_list_is_read_to_its_end_where_nobody_says_that_the_newest_come_first() {
    for provider in [Provider::OpenAi, Provider::Compatible, Provider::Gemini] {
        let bench = bench(provider);
        {
            let mut batches = bench.server.batches();
            (batches.lists_oldest_first, batches.nameless_once) = (true, true);
        }
        let (answered, ended) = bench.run_in_batches(asks(3), &small());
        ended.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_all_answered(&answered, 3);
        assert_eq!(bench.server.batches().made.len(), 1, "{provider:?}");
    }
}

#[test]
fn reading_is_repeated_after_an_error_of_the_server_whatever_it_says_of_that() {
    let bench = bench(Provider::OpenAi);
    let results = of_a_gateway(500).with("x-should-retry", "false");
    let results = Instead { method: "GET", path_end: "/content", cut: Cut::Before, reply: results };
    bench.server.batches().instead = vec![results];
    let (answered, ended) = bench.run_in_batches(asks(3), &small());
    ended.unwrap();
    assert_all_answered(&answered, 3);
}

/// What proxies answer in the place of a file.
const ASTRAY: [&str; 3] = ["<html>\n<h1>Please wait</h1>\n</html>", "", "{\"custom_id\": \"q0\", \"respo"];

#[test]
fn results_that_cannot_be_read_are_fetched_again() {
    for provider in PROVIDERS {
        for text in ASTRAY {
            let bench = bench(provider);
            bench.server.batches().results_astray = vec![text; 2];
            let (answered, tally) = bench.run_in_batches(asks(6), &small());
            let tally = tally.unwrap_or_else(|error| panic!("{provider:?} {text}: {error}"));
            assert_all_answered(&answered, 6);
            assert_eq!((tally.paid, tally.retries), (6, 0), "{provider:?} {text}");
            assert_eq!(bench.server.batches().made.len(), 2);
        }
    }
}

#[test]
fn results_that_stay_unreadable_stop_the_run_and_are_there_for_the_next() {
    for provider in PROVIDERS {
        for text in ASTRAY {
            let bench = bench(provider);
            bench.server.batches().results_astray = vec![text; 100];
            let (answered, ended) = bench.run_in_batches(asks(3), &small());
            let error = ended.unwrap_err().to_string();
            assert!(answered.is_empty() && error.contains("0 answers of 3"), "{provider:?} {text}: {error}");
            assert!(error.contains("--ask-lost-again"), "{error}");
            bench.server.batches().results_astray.clear();
            let (answered, ended) = bench.run_in_batches(asks(3), &small());
            ended.unwrap_or_else(|error| panic!("{provider:?} {text}: {error}"));
            assert_all_answered(&answered, 3);
            assert!(bench.server.batches().paid.values().all(|&times| times == 1), "{provider:?} {text}");
        }
    }
}

#[test]
fn a_batch_without_our_name_is_not_taken_for_anothers_while_its_results_cannot_be_read() {
    for text in ASTRAY {
        let bench = bench(Provider::Anthropic);
        {
            let mut batches = bench.server.batches();
            (batches.nameless_once, batches.polls) = (true, 0);
            batches.results_astray = vec![text];
        }
        let (answered, ended) = bench.run_in_batches(asks(3), &small());
        ended.unwrap();
        assert_all_answered(&answered, 3);
        assert_eq!(bench.server.batches().made.len(), 1, "{text}");
    }
}

/// Ends the run at a step of a batch, as the user does.
struct StopsAt<'c>(&'static str, &'c AtomicBool);

impl AskEvents for StopsAt<'_> {
    fn heard(&self, event: &AskEvent<'_>) {
        if let AskEvent::Batch { step, .. } = event {
            self.1.fetch_or(*step == self.0, Ordering::Relaxed);
        }
    }
}

/// A run that was stopped after its batch was sent.
pub(crate) fn leave_in_a_batch(bench: &Bench, n: usize) {
    let cancel = AtomicBool::new(false);
    let watching = Watching { events: &StopsAt("submitted", &cancel), cancel: &cancel };
    let ended = bench.asker().ask_all_in_batches(&mut asks(n).into_iter(), &mut |_| Vec::new(), &small(), watching);
    assert!(matches!(ended, Err(AskError::Cancelled)), "{ended:?}");
    assert_eq!(bench.server.batches().made.len(), 1);
}

/// Ends the run when it waits for others, or when a batch of its own has come back.
struct StopsWhereItWaits<'c>(Cell<usize>, &'c AtomicBool);

impl AskEvents for StopsWhereItWaits<'_> {
    fn heard(&self, event: &AskEvent<'_>) {
        match event {
            AskEvent::WaitingForOthers { asks } => self.0.set(*asks),
            AskEvent::Batch { step: "fetched", .. } => {}
            _ => return,
        }
        self.1.store(true, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_for_the_batch_of_another_run_says_so() {
    let bench = bench(Provider::OpenAi);
    let (first, cancel) = (bench.asker(), AtomicBool::new(false));
    let watching = Watching { events: &StopsAt("submitted", &cancel), cancel: &cancel };
    let ended = first.ask_all_in_batches(&mut asks(3).into_iter(), &mut |_| Vec::new(), &small(), watching);
    assert!(matches!(ended, Err(AskError::Cancelled)), "{ended:?}");
    // The first goes on, as far as can be seen.
    let hears = StopsWhereItWaits(Cell::new(0), &bench.cancel);
    let watching = Watching { events: &hears, cancel: &bench.cancel };
    let second = bench.asker();
    let ended = second.ask_all_in_batches(&mut asks(4).into_iter(), &mut |_| Vec::new(), &small(), watching);
    assert!(matches!(ended, Err(AskError::Cancelled)), "{ended:?}");
    assert_eq!(hears.0.get(), 3);
}

/// Another run, of which nobody sees whether it lives, takes the batches of this one over at the first look at them.
struct TakenOver<'b>(&'b Bench, Cell<u32>);

impl AskEvents for TakenOver<'_> {
    fn heard(&self, event: &AskEvent<'_>) {
        match event {
            AskEvent::WaitingForOthers { .. } => self.1.set(self.1.get() + 1),
            AskEvent::Batch { step: "working", .. } if self.1.get() == 0 => {
                let connection = Connection::open(self.0.path()).unwrap();
                // No file system has a file of such a name: it cannot be looked at.
                let other = "x".repeat(300);
                connection.execute("UPDATE batches SET owner = ?", [&other]).unwrap();
                connection.execute("UPDATE leases SET owner = ?", [&other]).unwrap();
            }
            _ => {}
        }
    }
}

#[test]
fn a_run_whose_batches_were_taken_over_waits_for_their_answers() {
    let mut bench = bench(Provider::OpenAi);
    bench.config.lease = Duration::from_mins(10);
    bench.server.batches().polls = 5;
    let hears = TakenOver(&bench, Cell::new(0));
    let watching = Watching { events: &hears, cancel: &bench.cancel };
    let ended = bench.asker().ask_all_in_batches(&mut asks(3).into_iter(), &mut |_| Vec::new(), &small(), watching);
    assert_eq!((ended.unwrap().paid, bench.server.batches().made.len()), (3, 1));
    // The other never comes back: after ten minutes, twenty looks, this one has them again.
    assert!((18..=21).contains(&hears.1.get()), "{}", hears.1.get());
}

/// Looks at the leases on questions at every look at a batch.
struct SeesLeases<'b>(&'b Bench, Cell<u32>);

impl AskEvents for SeesLeases<'_> {
    fn heard(&self, event: &AskEvent<'_>) {
        if !matches!(event, AskEvent::Batch { step: "working", .. }) {
            return;
        }
        let connection = Connection::open(self.0.path()).unwrap();
        let until = "SELECT min(until_ms) FROM leases WHERE length(key) = 64";
        let until_ms: Option<u64> = connection.query_row(until, [], |row| row.get(0)).unwrap();
        if let Some(until_ms) = until_ms {
            assert!(until_ms > self.0.clock.now_ms(), "look {}", self.1.get());
            self.1.set(self.1.get() + 1);
        }
    }
}

#[test]
fn questions_that_wait_long_for_their_batch_stay_leased() {
    let mut bench = bench(Provider::OpenAi);
    bench.config.lease = Duration::from_mins(5);
    {
        let mut batches = bench.server.batches();
        // Half a minute each, and no room for a second batch meanwhile.
        (batches.polls, batches.room) = (40, Some(4));
    }
    let sees = SeesLeases(&bench, Cell::new(0));
    let watching = Watching { events: &sees, cancel: &bench.cancel };
    bench.asker().ask_all_in_batches(&mut asks(8).into_iter(), &mut |_| Vec::new(), &small(), watching).unwrap();
    assert!(sees.1.get() > 20, "{}", sees.1.get());
}

#[test]
fn a_batch_that_the_provider_no_longer_has_is_paid_again_only_on_demand() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        leave_in_a_batch(&bench, 3);
        bench.server.batches().n_forgotten = 1;
        let (answered, ended) = bench.run_in_batches(asks(3), &small());
        let error = ended.unwrap_err().to_string();
        assert!(answered.is_empty() && error.contains("--ask-lost-again"), "{provider:?}: {error}");
        assert_eq!(bench.server.batches().made.len(), 1, "{provider:?}");
        let config = BatchConfig { ask_lost_again: true, ..small() };
        let (answered, ended) = bench.run_in_batches(asks(3), &config);
        ended.unwrap_or_else(|error| panic!("{provider:?}: {error}"));
        assert_all_answered(&answered, 3);
    }
}

#[test]
fn an_account_without_room_gets_smaller_batches_and_later_ones() {
    for room in [1, 2, 5, 8] {
        let bench = bench(Provider::OpenAi);
        bench.server.batches().room = Some(room);
        let (answered, tally) = bench.run_in_batches(asks(10), &small());
        assert_eq!(tally.unwrap_or_else(|error| panic!("room for {room}: {error}")).paid, 10);
        assert_all_answered(&answered, 10);
        assert!(bench.server.batches().paid.values().all(|&times| times == 1), "room for {room}");
    }
    // For not even one there is no sense in waiting.
    let bench = bench(Provider::OpenAi);
    bench.server.batches().room = Some(0);
    let (_, tally) = bench.run_in_batches(asks(2), &small());
    assert_eq!(tally.unwrap().failed, 2);
}

#[test]
fn a_server_without_batches_leaves_its_questions_to_be_asked_one_by_one() {
    for provider in PROVIDERS {
        let bench = bench(provider);
        bench.server.batches().are_unknown = true;
        let (_, ended) = bench.run_in_batches(asks(2), &small());
        let error = ended.unwrap_err().to_string();
        assert!(error.contains("no such interface for batches"), "{provider:?}: {error}");
        let (answered, tally) = bench.run(asks(2));
        assert_eq!(tally.unwrap().paid, 2);
        assert_all_answered(&answered, 2);
    }
}

#[test]
fn who_stops_at_an_answer_sends_no_further_batch() {
    let bench = bench(Provider::Gemini);
    let mut further = 0;
    let mut on_answer = |_| {
        further += 1;
        bench.cancel.store(true, Ordering::Relaxed);
        vec![ask(&format!("further{further}"))]
    };
    let ended = bench.asker().ask_all_in_batches(&mut asks(3).into_iter(), &mut on_answer, &small(), bench.watching());
    assert!(matches!(ended, Err(AskError::Cancelled)), "{ended:?}");
    assert_eq!((further, bench.server.batches().made.len()), (3, 1));
}

#[test]
fn a_second_run_in_batches_costs_nothing() {
    let bench = bench(Provider::Anthropic);
    bench.run_in_batches(asks(5), &small()).1.unwrap();
    let (answered, tally) = bench.run_in_batches(asks(5), &small());
    assert_all_answered(&answered, 5);
    assert_eq!(tally.unwrap().from_journal, 5);
    assert_eq!(bench.server.batches().made.len(), 2);
}
