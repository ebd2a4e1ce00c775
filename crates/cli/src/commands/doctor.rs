//! `r2r doctor`: what this machine has, what the student needs, and how fast it runs here.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use reason_to_rank::types::document::Document;

use crate::args::Doctor;
use crate::commands::print;
use crate::commands::rerank::open_student;

/// How long the speed is measured.
const MEASURED: Duration = Duration::from_secs(5);

/// A passage of a length that is common in web search.
const PASSAGE: &str = "A heat pump moves heat from a cold place to a warm one, as a refrigerator does. It takes less \
electricity than a heater of the same output, because it moves heat instead of making it. The colder the place that \
the heat is taken from, the harder the compressor works, and the smaller the gain. In a well insulated house a pump \
with a good compressor keeps its advantage over the whole winter, even on the coldest days of the year.";

/// Prints the machine, the student and the speed.
pub(crate) fn run(options: &Doctor) -> Result<()> {
    let mut page = String::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let _ = writeln!(page, "machine    {} {}, {threads} threads", std::env::consts::OS, std::env::consts::ARCH);
    if let Some(memory) = system_megabytes("/proc/meminfo", "MemAvailable:") {
        let _ = writeln!(page, "memory     {:.1} GB available", memory / 1024.0);
    }
    // Shown before the student is opened: who has no student yet wants to see the machine all the same.
    print(&page)?;
    page.clear();

    let begun = Instant::now();
    let student = open_student(&options.student)?;
    let engine = student.engine();
    let _ = writeln!(page, "kernels    {:?}", engine.instructions());
    let encoder = &engine.config().encoder;
    let _ = writeln!(
        page,
        "student    {}, {} layers of {}, reads {} word pieces, {}",
        student.name(),
        encoder.num_hidden_layers,
        encoder.hidden_size,
        engine.config().max_length,
        if student.writes_reasons() { "writes reasons" } else { "writes no reasons" }
    );
    let _ = writeln!(page, "loaded     in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);

    let document = Document { id: "d".into(), title: String::new(), text: PASSAGE.to_owned() };
    let documents = vec![&document; 100];
    let begun = Instant::now();
    let mut n_pairs = 0;
    while begun.elapsed() < MEASURED {
        student.signals("why do heat pumps lose efficiency in very cold weather", &documents)?;
        n_pairs += documents.len();
    }
    let words = PASSAGE.split_whitespace().count();
    let rate = n_pairs as f64 / begun.elapsed().as_secs_f64();
    let _ = writeln!(
        page,
        "speed      {rate:.0} pairs/s of {words} words with {} threads: 100 documents in {:.2} s",
        engine.threads(),
        100.0 / rate
    );
    if let Some(memory) = system_megabytes("/proc/self/status", "VmRSS:") {
        let _ = writeln!(page, "needs      {memory:.0} MB of memory");
    }
    print(&page)
}

/// A line of kilobytes in one of Linux's own files, in MB; `None` where the system does not tell.
fn system_megabytes(file: &str, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(file).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
