//! Load and faults on a running server, over loopback: how fast, how it refuses, what it survives.
//!
//! `cargo run --release -p r2r-server --example load -- MODE [--address HOST:PORT] [--pid PID] [--documents FILE]
//! [--seconds N] [--minutes N] [--deadline SECONDS] [--read-timeout SECONDS]`
//!
//! MODE is `speed` (throughput and percentiles at 1, 8 and 64 clients), `fairness` (small requests beside large ones),
//! `overload` (three times what the server can do), `faults` (clients that misbehave) or `soak` (mixed traffic for
//! minutes). `--deadline` and `--read-timeout` (the latter also its `--idle-timeout`) repeat what the server was started with. With `--pid` the server's memory
//! is watched. `scripts/server_load.sh` starts servers and runs all of them. The exit code is 1 where something was
//! not as it should be.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

mod client;
mod faults;
mod memory;
mod overload;
mod soak;
mod speed;
mod workload;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::workload::Workload;

/// What went wrong, of any kind.
type Failure = Box<dyn Error + Send + Sync>;

/// What the words of the command line say.
struct Options {
    /// Where the server listens.
    address: String,
    /// The server's process, whose memory is watched.
    pid: Option<u32>,
    /// Documents to send (JSONL, as `r2r rerank --documents` reads them).
    documents: PathBuf,
    /// How long each measurement takes at least.
    seconds: u64,
    /// How long the soak takes.
    minutes: f64,
    /// The server's deadline.
    deadline: Duration,
    /// The server's patience with slow clients: with their bodies, and with their heads (`--idle-timeout`).
    read_timeout: Duration,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            address: "127.0.0.1:8080".to_owned(),
            pid: None,
            documents: PathBuf::from("examples/heat-pumps/documents.jsonl"),
            seconds: 20,
            minutes: 10.0,
            deadline: Duration::from_mins(1),
            read_timeout: Duration::from_secs(20),
        };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--address" => options.address = value,
                "--pid" => options.pid = Some(value.parse()?),
                "--documents" => options.documents = value.into(),
                "--seconds" => options.seconds = value.parse()?,
                "--minutes" => options.minutes = value.parse()?,
                "--deadline" => options.deadline = Duration::from_secs(value.parse()?),
                "--read-timeout" => options.read_timeout = Duration::from_secs(value.parse()?),
                other => {
                    return Err(format!("unknown word {other}; the first lines of this example name them all").into());
                }
            }
        }
        Ok(options)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    let mut words = env::args().skip(1);
    let mode = words.next().ok_or("name a mode: speed, fairness, overload, faults or soak")?;
    let options = Options::parse(words)?;
    let workload = Workload::read(&options.documents)?;
    let holds = match mode.as_str() {
        "speed" => speed::run(&options, &workload).await?,
        "fairness" => speed::fairness(&options, &workload).await?,
        "overload" => overload::run(&options, &workload).await?,
        "faults" => faults::run(&options, &workload).await?,
        "soak" => soak::run(&options, &workload).await?,
        other => return Err(format!("no mode is called {other}: speed, fairness, overload, faults or soak").into()),
    };
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
