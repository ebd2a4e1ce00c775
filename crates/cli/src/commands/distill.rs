//! `r2r distill`: teacher judgments become examples.

use std::fmt::Write;

use anyhow::Result;
use reason_to_rank::stages::distill::{DistillSettings, distill_files};
use reason_to_rank::stages::judgments::{Judgments, TestSets};
use serde_json::{Map, Value};

use crate::args::Distill;
use crate::commands::{print, print_json};
use crate::progress::Bars;

/// Writes `train.jsonl` and `dev.jsonl`, and prints what was kept, mended and dropped.
pub(crate) fn run(options: &Distill) -> Result<()> {
    let settings = DistillSettings {
        leakage: &options.leakage,
        dev_fraction: options.dev_fraction,
        targets: &options.targets,
        keep_inconsistent: options.keep_inconsistent,
        seed: options.seed,
    };
    let test_sets = if options.allow_test_sets { TestSets::Allow } else { TestSets::Refuse };
    let mut progress = Bars::new();
    let judgments = Judgments::read(&options.judgments, test_sets, &mut progress)?;
    let mut report = distill_files(&judgments, &settings, &options.output, &mut progress)?;
    if options.json {
        report.shift_remove("samples");
        return print_json(&report);
    }
    print(&counts(&report))
}

/// The counts of a report in words, one line a part; its samples are left out.
pub(crate) fn counts(report: &Map<String, Value>) -> String {
    let mut page = String::new();
    for (name, value) in report.iter().filter(|(name, _)| *name != "samples") {
        let _ = writeln!(page, "{name:<20} {}", in_words(value));
    }
    page
}

fn in_words(value: &Value) -> String {
    let Value::Object(parts) = value else { return value.to_string() };
    let part = |(name, value): (&String, &Value)| match value {
        Value::Object(_) => format!("{name} ({})", in_words(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            format!("{name} {value}")
        }
    };
    if parts.is_empty() { "none".to_owned() } else { parts.iter().map(part).collect::<Vec<_>>().join(", ") }
}
