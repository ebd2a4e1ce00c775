//! `r2r distill`: teacher judgments become examples.

use anyhow::Result;
use reason_to_rank::stages::distill::{DistillFiles, distill_files};

use crate::args::Distill;
use crate::commands::print;
use crate::progress::Bars;

/// Writes `train.jsonl` and `dev.jsonl`, and prints what was kept, mended and dropped.
pub(crate) fn run(options: &Distill) -> Result<()> {
    let files = DistillFiles {
        judgments: &options.judgments,
        leakage: &options.leakage,
        dev_fraction: options.dev_fraction,
        targets: &options.targets,
        seed: options.seed,
    };
    let report = distill_files(&files, &options.output, &mut Bars::new())?;
    print(&(report + "\n"))
}
