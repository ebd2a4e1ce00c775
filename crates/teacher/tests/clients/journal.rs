//! Nothing paid is lost, nothing is paid twice.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use r2r_teacher::asking::outcome::{AskError, AskFailure, Source};
use r2r_teacher::clients::endpoint::Provider;
use r2r_teacher::journal::answers::Standing;
use r2r_teacher::journal::batch_rows::{BatchItem, BatchRow, BatchState, Intention};
use r2r_teacher::journal::key::AskKey;
use r2r_teacher::journal::{Journal, JournalConfig, JournalError};
use r2r_teacher::ladder::Rung;
use rusqlite::Connection;
use serde_json::Value;

use crate::batches::leave_in_a_batch;
use crate::bench::{Bench, ask, asks, assert_all_answered, open};
use crate::server::Server;
use crate::server::faults::{Fault, Faults};

#[test]
fn a_second_run_costs_nothing_and_says_the_same() {
    let bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    let (mut first, _) = bench.run(asks(20));
    let (mut second, tally) = bench.run(asks(20));
    let tally = tally.unwrap();
    assert_eq!((tally.from_journal, tally.paid, bench.server.n_requests()), (20, 0, 20));
    first.sort_by(|a, b| a.key.cmp(&b.key));
    second.sort_by(|a, b| a.key.cmp(&b.key));
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(first.result, second.result);
        assert_eq!(second.source, Source::Journal);
    }
}

#[test]
fn the_same_question_twice_at_once_is_paid_once() {
    let bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    let (answered, tally) = bench.run(vec![ask("q"), ask("q"), ask("q")]);
    assert_all_answered(&answered, 3);
    let tally = tally.unwrap();
    assert_eq!((tally.paid, tally.from_journal, bench.server.n_requests()), (1, 2, 1));
}

#[test]
fn an_answer_is_on_disk_when_it_is_heard_of_and_may_bring_further_questions() {
    let bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    let path = bench.path();
    let mut heard = 0;
    let mut on_answer = |answer: r2r_teacher::asking::outcome::Answered| {
        heard += 1;
        let other = open(&path);
        assert!(other.find(&answer.key).unwrap().is_some(), "used before it was kept");
        if heard <= 3 { vec![ask(&format!("further{heard}"))] } else { Vec::new() }
    };
    let tally = bench.asker().ask_all(&mut asks(2).into_iter(), &mut on_answer, bench.watching()).unwrap();
    assert_eq!((heard, tally.paid), (5, 5));
}

#[test]
fn two_runs_at_once_share_the_work_and_pay_each_answer_once() {
    let faults = Faults::share(20, vec![Fault::ServerError, Fault::Cut, Fault::RateLimitedSilently]);
    let bench = Bench::new(Provider::OpenAi, Server::start(faults));
    let run = || bench.run(asks(300));
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(run);
        let other = scope.spawn(run);
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_all_answered(&one.0, 300);
    assert_all_answered(&other.0, 300);
    let (one, other) = (one.1.unwrap(), other.1.unwrap());
    assert_eq!(one.paid + other.paid, 300);
    assert!(bench.server.seen().paid.values().all(|&times| times == 1));
}

#[test]
fn the_lease_of_the_dead_is_free_and_that_of_the_living_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let key = Bench::new(Provider::OpenAi, Server::start(Faults::None)).asker().key(&ask("q"));
    let begin = |journal: &Journal, now_ms: u64| {
        journal.begin(&[(key.clone(), 0.0)], now_ms, now_ms + 1_000_000).unwrap().standings.remove(0)
    };
    let (one, other) = (open(&path), open(&path));
    assert_eq!(begin(&one, 0), Standing::Ours);
    assert_eq!(begin(&other, 0), Standing::Elsewhere);
    // Its time is over, but it is seen to live: it may be about to pay.
    assert_eq!(begin(&other, 1_000_001), Standing::Elsewhere);
    drop(one);
    assert_eq!(begin(&other, 1_000_001), Standing::Ours);
}

#[test]
fn a_batch_is_not_intended_where_another_run_took_its_budget_or_its_question() {
    let bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    let (one, other) = (bench.journal(), bench.journal());
    let key = |mark: &str| AskKey::of(&bench.endpoint(), &ask(mark));
    one.begin(&[(key("ours"), 0.0)], 0, 1000).unwrap();
    other.begin(&[(key("theirs"), 0.004)], 0, 1000).unwrap();
    let intend = |mark: &str, most_elsewhere_usd: f64| {
        let (id, model) = (one.new_batch_id().unwrap(), "test-model".to_owned());
        let row = BatchRow { id, model, state: BatchState::Intended, file_id: None, remote_id: None, at_ms: 0 };
        let item = BatchItem { key: key(mark), ask: ask(mark), rung: Rung::Schema };
        one.intend_batch(&bench.endpoint(), &row, &[(item, 0.002)], most_elsewhere_usd).unwrap()
    };
    assert_eq!(intend("ours", 0.003), Intention::Outdated);
    assert_eq!(intend("theirs", 1.0), Intention::Outdated);
    let summary = one.summary().unwrap();
    assert!(summary.open_batches.is_empty() && summary.under_way == 2, "{summary:?}");
    assert_eq!(intend("ours", 0.004), Intention::Written);
    let summary = one.summary().unwrap();
    assert_eq!((summary.open_batches.len(), summary.under_way), (1, 1));
    assert!((summary.perhaps_usd - 0.006).abs() < 1e-9, "{}", summary.perhaps_usd);
}

#[test]
fn where_nobody_sees_who_lives_a_batch_is_attended_to_once_its_lease_is_over() {
    let bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    bench.server.batches().polls = 1000;
    leave_in_a_batch(&bench, 2);
    let hide_owner = || {
        // No file system has a file of such a name: it cannot be looked at.
        let connection = Connection::open(bench.path()).unwrap();
        connection.execute("UPDATE batches SET owner = ?", ["x".repeat(300)]).unwrap();
    };
    let journal = bench.journal();
    let at_ms = journal.summary().unwrap().open_batches[0].at_ms;
    let attend = |now_ms: u64| journal.attend_to_batches(&bench.endpoint(), now_ms, now_ms + 1000).unwrap().len();
    hide_owner();
    assert_eq!([at_ms + 999, at_ms + 1000].map(attend), [0, 1]);
    // That was a lease until 2000.
    hide_owner();
    assert_eq!([at_ms + 1999, at_ms + 2000].map(attend), [0, 1]);
    assert_eq!(journal.summary().unwrap().under_way, 0);
}

#[test]
fn the_last_to_leave_a_journal_takes_its_reserve_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let reserve = folder.path().join("answers.db.reserve");
    let (one, other) = (open(&path), open(&path));
    drop(one);
    assert!(reserve.exists());
    drop(other);
    assert!(!reserve.exists());
}

#[test]
fn cancelling_waits_for_what_is_under_way_and_keeps_it() {
    let mut bench =
        Bench::new(Provider::OpenAi, Server::start(Faults::Always(Fault::Slow(Duration::from_millis(150)))));
    bench.config.pace.concurrency = 4;
    let mut n_answered = 0;
    let mut on_answer = |_| {
        n_answered += 1;
        bench.cancel.store(true, Ordering::Relaxed);
        Vec::new()
    };
    let ended = bench.asker().ask_all(&mut asks(50).into_iter(), &mut on_answer, bench.watching());
    assert!(matches!(ended, Err(AskError::Cancelled)));
    let paid = bench.server.seen().paid.len();
    assert!((4..=8).contains(&paid), "{paid}");
    assert_eq!((n_answered, bench.journal().summary().unwrap().answers()), (paid, paid as u64));
    assert_eq!(bench.journal().summary().unwrap().under_way, 0);
}

#[test]
fn a_full_disk_loses_no_paid_answer() {
    let mut bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    bench.config.pace.concurrency = 8;
    let config = JournalConfig { reserve_bytes: 1 << 20, max_bytes: Some(200_000), ..JournalConfig::default() };
    let run = |config: &JournalConfig| {
        let journal = Journal::open(&bench.path(), config, 1).unwrap();
        let asker = r2r_teacher::asking::Asker::new(
            bench.endpoint(),
            journal.into(),
            bench.clock.clone(),
            bench.config.clone(),
        );
        let mut n_answered = 0;
        let mut on_answer = |_| {
            n_answered += 1;
            Vec::new()
        };
        let ended = asker.unwrap().ask_all(&mut asks(300).into_iter(), &mut on_answer, bench.watching());
        (n_answered, ended)
    };
    let (n_answered, ended) = run(&config);
    let error = ended.unwrap_err();
    assert!(matches!(error, AskError::Journal(JournalError::Full(_))), "{error}");
    assert!(error.to_string().contains("make room and run again"), "{error}");
    let paid = bench.server.seen().paid.len();
    assert!(paid < 300, "the journal was never full");
    assert_eq!((n_answered, bench.journal().summary().unwrap().answers()), (paid, paid as u64));
    // With room again, it goes on where it stopped.
    let (n_answered, ended) = run(&JournalConfig::default());
    assert_eq!((n_answered, ended.unwrap().paid), (300, 300 - paid as u64));
    assert!(bench.server.seen().paid.values().all(|&times| times == 1));
}

#[test]
fn a_journal_of_another_version_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    drop(open(&path));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Journal::open(&path, &JournalConfig::default(), 0).unwrap_err();
    assert!(error.to_string().contains("format 99, this program reads 1"), "{error}");
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(Journal::open(&other, &JournalConfig::default(), 0), Err(JournalError::NotAJournal(_))));
    let text = folder.path().join("text.db");
    fs::write(&text, "no database at all, but long enough to be looked at".repeat(20)).unwrap();
    assert!(matches!(Journal::open(&text, &JournalConfig::default(), 0), Err(JournalError::NotAJournal(_))));
}

#[test]
fn an_export_has_a_line_for_each_answer_with_all_that_was_asked_and_said() {
    let bench = Bench::new(Provider::Anthropic, Server::start(Faults::None));
    bench.run(asks(3)).1.unwrap();
    let mut bytes = Vec::new();
    assert_eq!(Journal::open_to_read(&bench.path()).unwrap().export(&mut bytes).unwrap(), 3);
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        let mark = line["tag"].as_str().unwrap();
        assert_eq!(line["text"], format!("{{\"mark\":\"{mark}\"}}"));
        assert_eq!(line["thoughts"], "hm");
        assert_eq!(line["request"]["model"], "test-model");
        assert_eq!(line["raw"]["stop_reason"], "end_turn");
        assert_eq!(line["input"], 100);
    }
}

#[test]
fn a_question_in_a_forgotten_batch_is_not_paid_a_second_time() {
    let bench = Bench::new(Provider::OpenAi, Server::start(Faults::None));
    bench.server.batches().polls = 1000;
    leave_in_a_batch(&bench, 2);
    let (answered, tally) = bench.run(asks(2));
    assert_eq!(tally.unwrap().failed, 2);
    assert!(matches!(answered[0].result, Err(AskFailure::InBatch(_))));
    assert!(bench.server.seen().paid.is_empty());
}
