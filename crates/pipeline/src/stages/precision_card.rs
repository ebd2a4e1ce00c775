//! The section of the model card on number formats and what they lose.

use std::fmt::Write;
use std::path::Path;

use r2r_model::precision::{MeasuredLosses, PrecisionLoss};

use crate::error::PipelineError;

/// The heading of the section on number formats.
const PRECISION: &str = "## Number formats";

/// Puts the section on number formats into the model card in a student's folder, in the place of an older one.
pub(crate) fn put_precision(student: &Path, losses: &MeasuredLosses) -> Result<(), PipelineError> {
    let path = student.join("README.md");
    let card = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, with_precision(&card, losses)).map_err(|error| PipelineError::io(&path, error))
}

fn with_precision(card: &str, losses: &MeasuredLosses) -> String {
    let (before, after) = match card.split_once(PRECISION) {
        Some((before, old)) => (before, old.find("\n## ").map_or("", |next| &old[next + 1..])),
        // Figures of a student stand before how it was trained.
        None => card.find("## Training").map_or((card, ""), |place| card.split_at(place)),
    };
    let separator = if after.is_empty() { "" } else { "\n" };
    format!("{}\n\n{}{separator}{after}", before.trim_end(), precision_section(losses))
}

fn precision_section(losses: &MeasuredLosses) -> String {
    let mut section = format!(
        "{PRECISION}\n\nAgainst 32-bit floats, on {} held-out lists (`r2r precision`). `--precision auto` takes the fastest whose \
         nDCG@10 falls by at most {} with a Kendall's tau of at least {}.\n\n\
         | format | nDCG@10 difference | Kendall's tau | largest difference of a score | taken by auto |\n|---|---|---|---|---|\n",
        losses.lists,
        PrecisionLoss::HARMLESS_NDCG,
        PrecisionLoss::HARMLESS_TAU
    );
    for (name, loss) in [("bf16", losses.bf16), ("int8", losses.int8)] {
        let Some(loss) = loss else { continue };
        let _ = writeln!(
            section,
            "| {name} | {:+.4} | {:.4} | {:.4} | {} |",
            loss.ndcg_at_10_difference,
            loss.kendall_tau,
            loss.largest_score_difference,
            if loss.is_harmless() { "yes" } else { "no" }
        );
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_section_takes_the_place_of_the_old_one_and_leaves_the_rest() {
        let (few, many) = (
            MeasuredLosses { lists: 3, ..MeasuredLosses::default() },
            MeasuredLosses { lists: 70, ..MeasuredLosses::default() },
        );
        let card = "# r2r-mini\n\n## Figures\n\nGood.\n\n## Training\n\n* steps: `3`\n";
        let once = with_precision(card, &few);
        assert!(once.contains("on 3 held-out lists") && once.contains("\n\n## Training\n\n* steps: `3`\n"), "{once}");
        assert_eq!(with_precision(&once, &many), with_precision(card, &many));
        assert!(with_precision("", &few).trim_start().starts_with("## Number formats"));
    }
}
