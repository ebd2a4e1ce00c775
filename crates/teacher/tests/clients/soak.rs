//! A long run that is killed: `kill -9` of a child process that asks, while the server counts what it was paid for.
//!
//! Small by default; `R2R_SOAK_ASKS=2000 R2R_SOAK_KILLS=3 cargo test -p r2r-teacher --test soak -- --nocapture` is the
//! long one. The figures are printed.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first thing that is not as it should be")]
#![expect(clippy::print_stdout, reason = "a soak shows its figures")]

#[expect(dead_code, reason = "the server has more than a soak needs")]
mod server;

use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use r2r_teacher::asking::{Asker, AskerConfig, Watching};
use r2r_teacher::chat::{AnswerShape, ChatRequest, Role, Turn};
use r2r_teacher::clients::endpoint::{Endpoint, Provider};
use r2r_teacher::clock::Clock;
use r2r_teacher::journal::key::Ask;
use r2r_teacher::journal::{Journal, JournalConfig};

use crate::server::Server;
use crate::server::faults::{Fault, Faults};

const CONCURRENCY: usize = 64;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("child") => child(&arguments[2], Path::new(&arguments[3]), arguments[4].parse().unwrap()),
        // What a list of tests asks for.
        Some("--list") => println!("soak: test"),
        _ => soak(number("R2R_SOAK_ASKS", 200), number("R2R_SOAK_KILLS", 1)),
    }
}

fn number(variable: &str, default: usize) -> usize {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
    }
}

/// About as much text as a window of twenty passages.
fn ask(i: usize) -> Ask {
    let passages = "A passage about lava, which cools fast and makes the rock dark. ".repeat(150);
    let turns = vec![Turn { role: Role::User, text: format!("{passages}<<w{i}>>") }];
    let (model, system) = ("soak-model".to_owned(), "You rank.".to_owned());
    let shape = AnswerShape::Json;
    let request =
        ChatRequest { model, system, turns, shape, max_tokens: 500, temperature: None, effort: None, seed: None };
    Ask { tag: format!("w{i}"), prompt_hash: "p".to_owned(), sample: 0, request }
}

fn child(url: &str, journal: &Path, n: usize) {
    let endpoint = Endpoint::new(Provider::Compatible, Some(url), None).unwrap();
    let clock = Arc::new(WallClock);
    let journal = Arc::new(Journal::open(journal, &JournalConfig::default(), clock.now_ms()).unwrap());
    let mut config = AskerConfig::default();
    config.pace.concurrency = CONCURRENCY;
    config.pace.attempts = 20;
    config.pace.malformed_attempts = 20;
    config.pace.first_backoff = Duration::from_millis(20);
    config.pace.longest_backoff = Duration::from_millis(200);
    config.transport.max_answer_bytes = 1 << 20;
    let asker = Asker::new(endpoint, journal, clock, config).unwrap();
    let mut wrong = 0;
    let mut on_answer = |answer: r2r_teacher::asking::outcome::Answered| {
        let text = answer.result.map(|paid| paid.answer.text);
        wrong += usize::from(text != Ok(server::wire::text_for(&answer.ask.tag)));
        Vec::new()
    };
    let watching = Watching { events: &(), cancel: &AtomicBool::new(false) };
    let tally = asker.ask_all(&mut (0..n).map(ask), &mut on_answer, watching).unwrap();
    println!(
        "{{\"paid\": {}, \"from_journal\": {}, \"failed\": {}, \"wrong\": {wrong}}}",
        tally.paid, tally.from_journal, tally.failed
    );
}

fn start_child(url: &str, journal: &Path, n: usize) -> Child {
    let this = env::current_exe().unwrap();
    let arguments = ["child", url, journal.to_str().unwrap(), &n.to_string()];
    Command::new(this).args(arguments).stdout(Stdio::piped()).spawn().unwrap()
}

fn kept(journal: &Path) -> HashSet<String> {
    let Ok(journal) = Journal::open_to_read(journal) else { return HashSet::new() };
    let mut lines = Vec::new();
    journal.export(&mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let tags = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["tag"].clone());
    tags.map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

/// Resident memory of a process in MiB, where the system tells it.
fn resident_mib(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

fn soak(n: usize, kills: usize) {
    let slow = Fault::Slow(Duration::from_millis(50));
    let kinds = vec![
        Fault::RateLimited(30),
        Fault::RateLimitedSilently,
        Fault::ServerError,
        Fault::Overloaded,
        Fault::Cut,
        Fault::CutAtOnce,
        Fault::InvalidJson,
        Fault::NoChoices,
        Fault::Huge(2 << 20),
        slow,
    ];
    let server = Server::start_forgetful(Faults::share(20, kinds));
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("answers.db");
    let start = Instant::now();
    let mut paid_twice_in_flight = 0;
    for kill in 1..=kills {
        let mut child = start_child(&server.url(), &journal, n);
        let goal = n * kill / (kills + 1);
        while server.seen().paid.len() < goal {
            assert!(child.try_wait().unwrap().is_none(), "the child ended before it was killed");
            thread::sleep(Duration::from_millis(2));
        }
        // SIGKILL: nothing of the child runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        // What the server still writes to the dead belongs to this life.
        while !server.is_idle() {
            thread::sleep(Duration::from_millis(2));
        }
        let kept = kept(&journal);
        let lost: Vec<String> = server.seen().paid.keys().filter(|mark| !kept.contains(*mark)).cloned().collect();
        assert!(lost.len() <= CONCURRENCY, "{} answers were under way at the kill", lost.len());
        assert!(!kept.is_empty(), "answers were kept before the kill");
        println!(
            "kill {kill}: {} paid, {} kept, {} under way to the client",
            kept.len() + lost.len(),
            kept.len(),
            lost.len()
        );
        paid_twice_in_flight += lost.len();
        // From now on the books are about what was kept: none of it may be paid again.
        server.seen().paid.retain(|mark, _| kept.contains(mark));
    }
    let child = start_child(&server.url(), &journal, n);
    let id = child.id();
    let watcher = thread::spawn(move || {
        let mut seen = Vec::new();
        while let Some(mib) = resident_mib(id) {
            seen.push(mib);
            thread::sleep(Duration::from_millis(20));
        }
        seen
    });
    let output = child.wait_with_output().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let memory = watcher.join().unwrap();
    assert!(output.status.success());
    let last: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("last run: {last}");
    assert_eq!((last["failed"].as_u64(), last["wrong"].as_u64()), (Some(0), Some(0)));
    assert_eq!(last["paid"].as_u64().unwrap() + last["from_journal"].as_u64().unwrap(), n as u64);
    let seen = server.seen();
    assert_eq!(seen.paid.len(), n, "every question was answered");
    let twice = seen.paid.values().filter(|&&times| times > 1).count();
    assert_eq!(twice, 0, "a kept answer, or one of a living run, was paid twice");
    assert_eq!(kept(&journal).len(), n);
    let n_faults: u32 = seen.faults.values().sum();
    println!(
        "{n} questions at concurrency {CONCURRENCY}, {kills} kills, {seconds:.1} s: all answered, {twice} paid twice, \
              {paid_twice_in_flight} answers on the wire at a kill asked again, {n_faults} faults served: {:?}",
        seen.faults
    );
    // Flat: the second half of the last run needs no more than the first, but for the noise of an allocator.
    let (early, late) = memory.split_at(memory.len() / 2);
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    println!(
        "memory of the last run: at most {:.1} MiB in its first half, {:.1} MiB in its second",
        most(early),
        most(late)
    );
    assert!(memory.is_empty() || most(late) <= most(early) + 24.0, "{memory:?}");
}
