//! The tools' answers as text, for a model or a person to read.

use std::fmt::Write;
use std::sync::Arc;

use reason_to_rank::types::document::Document;

use crate::mcp::shapes::{ExplanationShape, RankingShape};
use crate::shapes::Reasoning;

/// Characters of a document that are shown to recognize it by.
const BEGINNING: usize = 160;

/// A ranking: a numbered list with beginnings, and reasons where there are any.
pub(super) fn ranking(ranking: &RankingShape, documents: &[Arc<Document>]) -> String {
    let mut text = String::new();
    for result in &ranking.results {
        let document = &documents[result.index];
        let _ = writeln!(text, "{}. {} (score {:.3}): {}", result.rank, result.id, result.score, beginning(document));
        if let Some(reasoning) = &result.reasoning {
            write_reasoning(&mut text, result.score, reasoning);
        }
    }
    let left_out = documents.len() - ranking.results.len();
    if left_out > 0 {
        let _ = writeln!(text, "{left_out} more rank below these.");
    }
    for warning in &ranking.warnings {
        let _ = writeln!(text, "Note: {warning}.");
    }
    text
}

/// One document's explanation.
pub(super) fn explanation(explanation: &ExplanationShape, document: &Document) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} (score {:.3}): {}", explanation.id, explanation.score, beginning(document));
    write_reasoning(&mut text, explanation.score, &explanation.reasoning);
    if explanation.truncated {
        let _ = writeln!(text, "Note: the document is longer than is read; its beginning was scored.");
    }
    text
}

fn write_reasoning(text: &mut String, score: f32, reasoning: &Reasoning) {
    let _ = writeln!(text, "   Reason: {}", reasoning.direct);
    if !reasoning.comparison.text.is_empty() {
        let _ = writeln!(text, "   Comparison: {}", reasoning.comparison.text);
    }
    for evidence in &reasoning.evidence {
        let _ = write!(text, "   Evidence: \u{201c}{}\u{201d}", evidence.quote);
        if let (Some(without), Some(alone)) = (evidence.score_without, evidence.score_alone) {
            let _ = write!(text, " (score {score:.3}; {without:.3} without these words, {alone:.3} with them alone)");
        }
        text.push('\n');
    }
    if !reasoning.missing.is_empty() {
        let _ = writeln!(text, "   Words of the query that it lacks: {}", reasoning.missing.join(", "));
    }
}

/// The first words of a document, on one line.
fn beginning(document: &Document) -> String {
    let whole = document.title_and_text();
    let mut shown = String::new();
    for word in whole.split_whitespace() {
        if shown.chars().count() + word.chars().count() >= BEGINNING {
            // A single endless word is cut in the middle.
            if shown.is_empty() {
                shown.extend(word.chars().take(BEGINNING));
            }
            shown.push_str(" ...");
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(word);
    }
    shown
}
