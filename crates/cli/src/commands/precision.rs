//! `r2r precision`: what a student loses in faster number formats.

use std::fmt::Write;

use anyhow::Result;
use reason_to_rank::model::precision::PrecisionLoss;
use reason_to_rank::stages::distill::{DEV, read_examples};
use reason_to_rank::stages::precision::measure_whole_folder;

use crate::args::MeasurePrecision;
use crate::commands::{print, print_json};
use crate::progress::Bars;

/// Measures, writes the figures into the student's folder, and prints them.
pub(crate) fn run(options: &MeasurePrecision) -> Result<()> {
    let is_folder = options.examples.is_dir();
    let examples = if is_folder { options.examples.join(DEV) } else { options.examples.clone() };
    let lists = read_examples(&examples)?;
    let losses = measure_whole_folder(&options.student, &lists, options.threads, &mut Bars::stoppable())?;
    if options.json {
        return print_json(&losses);
    }
    let mut page = format!("against f32, on {} held-out lists:\n", losses.lists);
    for (name, loss) in [("bf16", losses.bf16), ("int8", losses.int8)] {
        let Some(loss) = loss else { continue };
        let _ = writeln!(
            page,
            "{name}  nDCG@10 {:+.4}  Kendall's tau {:.4}  largest difference of a score {:.4}  {}",
            loss.ndcg_at_10_difference,
            loss.kendall_tau,
            loss.largest_score_difference,
            verdict(&loss)
        );
    }
    print(&page)
}

fn verdict(loss: &PrecisionLoss) -> String {
    if loss.is_harmless() {
        return "harmless: auto may take it".to_owned();
    }
    let (ndcg, tau) = (PrecisionLoss::HARMLESS_NDCG, PrecisionLoss::HARMLESS_TAU);
    format!("not taken by auto, which allows a loss of {ndcg} at a tau of at least {tau}")
}
