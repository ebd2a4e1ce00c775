//! Requests per second against a server that answers at once, everything included: journal on disk, pace, cost.
//!
//! `cargo run --release -p r2r-teacher --example asking_speed -- [QUESTIONS] [CONCURRENCY]`
#![expect(clippy::print_stdout, reason = "an example shows its result")]
#![expect(clippy::unwrap_used, reason = "the server of the tests stops at the first thing that is not as it should be")]

#[expect(dead_code, reason = "the server of the tests has more than this example needs")]
#[path = "../tests/clients/server/mod.rs"]
mod server;

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use r2r_teacher::asking::{Asker, AskerConfig, Watching};
use r2r_teacher::chat::{AnswerShape, ChatRequest, Role, Turn};
use r2r_teacher::clients::endpoint::{Endpoint, Provider};
use r2r_teacher::clock::Clock;
use r2r_teacher::journal::key::Ask;
use r2r_teacher::journal::{Journal, JournalConfig};

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let n = arguments.next().map_or(Ok(5000), |text| text.parse::<usize>())?;
    let concurrency = arguments.next().map_or(Ok(64), |text| text.parse::<usize>())?;
    let server = server::Server::start_forgetful(server::faults::Faults::None);
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(WallClock);
    let journal = Journal::open(&folder.path().join("answers.db"), &JournalConfig::default(), clock.now_ms())?;
    let mut config = AskerConfig::default();
    config.pace.concurrency = concurrency;
    let endpoint = Endpoint::new(Provider::Compatible, Some(&server.url()), None)?;
    let asker = Asker::new(endpoint, Arc::new(journal), clock, config)?;
    let passages = "A passage about lava, which cools fast and makes the rock dark. ".repeat(150);
    let ask = |i: usize| {
        let turns = vec![Turn { role: Role::User, text: format!("{passages}<<w{i}>>") }];
        let (model, system) = ("instant".to_owned(), "You rank.".to_owned());
        let shape = AnswerShape::Json;
        let request =
            ChatRequest { model, system, turns, shape, max_tokens: 500, temperature: None, effort: None, seed: None };
        Ask { tag: String::new(), prompt_hash: "p".to_owned(), sample: 0, request }
    };
    let watching = Watching { events: &(), cancel: &AtomicBool::new(false) };
    for (name, source) in [("asked", "the server"), ("asked again", "the journal")] {
        let start = Instant::now();
        let tally = asker.ask_all(&mut (0..n).map(ask), &mut |_| Vec::new(), watching)?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{n} questions {name} at concurrency {concurrency}: {seconds:.2} s, {:.0} answers/s from {source} ({} paid)",
            n as f64 / seconds,
            tally.paid
        );
    }
    Ok(())
}
