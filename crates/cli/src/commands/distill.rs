//! `r2r distill`: teacher judgments become examples.

use std::fmt::Write;

use anyhow::Result;
use reason_to_rank::stages::distill::{DistillSettings, distill_files};
use reason_to_rank::stages::judgments::{Judgments, TestSets};

use crate::args::Distill;
use crate::commands::print;
use crate::progress::Bars;

/// Writes `train.jsonl` and `dev.jsonl`, and prints what was kept, mended and dropped.
pub(crate) fn run(options: &Distill) -> Result<()> {
    let settings = DistillSettings {
        leakage: &options.leakage,
        dev_fraction: options.dev_fraction,
        targets: &options.targets,
        seed: options.seed,
    };
    let test_sets = if options.allow_test_sets { TestSets::Allow } else { TestSets::Refuse };
    let mut progress = Bars::new();
    let judgments = Judgments::read(&options.judgments, test_sets, &mut progress)?;
    let report = distill_files(&judgments, &settings, &options.output, &mut progress)?;
    let mut page = String::new();
    for (name, value) in report.iter().filter(|(name, _)| *name != "samples") {
        let _ = writeln!(page, "{name:<20} {value}");
    }
    print(&page)
}
