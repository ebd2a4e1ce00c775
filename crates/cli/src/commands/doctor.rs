//! `r2r doctor`: what this machine has, what the student needs, and how fast it runs here.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use reason_to_rank::inference::probe::Probe;
use reason_to_rank::inference::{Instructions, Precision};
use reason_to_rank::types::document::Document;
use serde_json::{Map, Value, json};

use crate::args::Doctor;
use crate::commands::rerank::open_student;
use crate::commands::{print, print_json};

/// How long the speed is measured.
const MEASURED: Duration = Duration::from_secs(5);

/// How long each kernel is measured.
const PROBED: Duration = Duration::from_millis(200);

/// A passage of a length that is common in web search.
const PASSAGE: &str = "A heat pump moves heat from a cold place to a warm one, as a refrigerator does. It takes less \
electricity than a heater of the same output, because it moves heat instead of making it. The colder the place that \
the heat is taken from, the harder the compressor works, and the smaller the gain. In a well insulated house a pump \
with a good compressor keeps its advantage over the whole winter, even on the coldest days of the year.";

/// Prints the machine, the student and the speed.
pub(crate) fn run(options: &Doctor) -> Result<()> {
    let mut found = machine();
    found.extend(products(options.student.isa.unwrap_or_else(Instructions::detect)));
    // Shown before the student is opened: who has no student yet wants to see the machine all the same.
    if !options.json {
        print(&page(&found))?;
    }
    let begun = Instant::now();
    let student = open_student(&options.student)?;
    let engine = student.engine();
    let encoder = &engine.config().encoder;
    let mut more = vec![
        ("kernels", json!(engine.instructions().name())),
        ("precision", json!(engine.precision())),
        ("student", json!(student.name())),
        ("layers", json!(encoder.num_hidden_layers)),
        ("hidden_size", json!(encoder.hidden_size)),
        ("reads_word_pieces", json!(engine.config().max_length)),
        ("writes_reasons", json!(student.writes_reasons())),
        ("loaded_ms", json!(begun.elapsed().as_millis() as u64)),
    ];
    let document = Document { id: "d".into(), title: String::new(), text: PASSAGE.to_owned() };
    let documents = vec![&document; 100];
    let begun = Instant::now();
    let mut n_pairs = 0;
    while begun.elapsed() < MEASURED {
        student.signals("why do heat pumps lose efficiency in very cold weather", &documents)?;
        n_pairs += documents.len();
    }
    more.push(("threads_used", json!(engine.threads())));
    more.push(("pairs_per_second", json!((n_pairs as f64 / begun.elapsed().as_secs_f64()).round())));
    more.push(("words_per_pair", json!(PASSAGE.split_whitespace().count())));
    more.push(("memory_used_mb", json!(system_megabytes("/proc/self/status", "VmRSS:"))));
    if options.json {
        found.extend(more);
        print_json(&found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    } else {
        print(&page(&more))
    }
}

/// The kernel of each number format, and how fast one thread multiplies with it.
fn products(instructions: Instructions) -> Vec<(&'static str, Value)> {
    let formats =
        [("product_f32", Precision::F32), ("product_bf16", Precision::Bf16), ("product_int8", Precision::Int8)];
    let mut found = Vec::with_capacity(formats.len());
    for (name, precision) in formats {
        let mut probe = Probe::new(instructions, precision);
        let mut best = f64::INFINITY;
        let begun = Instant::now();
        while begun.elapsed() < PROBED {
            let one = Instant::now();
            std::hint::black_box(probe.run());
            // The fastest: what else runs on the machine only makes it slower.
            best = best.min(one.elapsed().as_secs_f64());
        }
        let speed = (Probe::OPERATIONS / best / 1e9).round();
        found.push((name, json!({"kernel": probe.kernel(), "gflop_per_second": speed})));
    }
    found
}

/// What the machine has, by name.
fn machine() -> Vec<(&'static str, Value)> {
    vec![
        ("os", json!(std::env::consts::OS)),
        ("arch", json!(std::env::consts::ARCH)),
        ("threads", json!(std::thread::available_parallelism().map_or(1, usize::from))),
        ("features", json!(features())),
        ("memory_available_mb", json!(system_megabytes("/proc/meminfo", "MemAvailable:"))),
    ]
}

/// The processor's features that kernels can be made for.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let asked = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("avxvnni", is_x86_feature_detected!("avxvnni")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    asked.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
}

/// Other processors have no features that are chosen between yet.
#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

/// Names and values, one a line.
fn page(found: &[(&'static str, Value)]) -> String {
    let mut page = String::new();
    for (name, value) in found {
        let words = match value {
            Value::String(text) => text.clone(),
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            Value::Null => "unknown".to_owned(),
            Value::Object(parts) => {
                let part = |(name, value): (&String, &Value)| match value {
                    Value::String(text) => text.clone(),
                    other => {
                        format!("{other} {}", name.replace("_per_", "/").replace("gflop/second", "GFLOP/s a thread"))
                    }
                };
                parts.iter().map(part).collect::<Vec<_>>().join("  ")
            }
            Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        let _ = writeln!(page, "{:<20} {words}", name.replace('_', " "));
    }
    page
}

/// A line of kilobytes in one of Linux's own files, in MB; `None` where the system does not tell.
fn system_megabytes(file: &str, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(file).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}
