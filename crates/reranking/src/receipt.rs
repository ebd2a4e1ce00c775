//! Receipts: how a document's score depends on its evidence, really computed.

use std::ops::Range;

use r2r_types::document::Document;

/// The two documents whose scores make a receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct Counterfactuals {
    /// The document with the evidence taken away (ERASER's comprehensiveness; `DeYoung` et al., 2020).
    pub without: Document,
    /// The evidence alone, without even the title (ERASER's sufficiency).
    pub alone: Document,
}

impl Counterfactuals {
    /// The counterfactuals of a document for evidence at a byte range of its text, which must lie on
    /// character boundaries, as the range of an evidence found there does.
    pub fn of(document: &Document, evidence: Range<usize>) -> Self {
        let text = &document.text;
        let (before, after) = (text[..evidence.start].trim_end(), text[evidence.end..].trim_start());
        let joint = if before.is_empty() || after.is_empty() { "" } else { " " };
        Self {
            without: Document { text: format!("{before}{joint}{after}"), ..document.clone() },
            alone: Document { id: document.id.clone(), title: String::new(), text: text[evidence].to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, evidence: Range<usize>, without: &str, alone: &str) {
        let document = Document { id: "d".into(), title: "Title".into(), text: text.into() };
        let made = Counterfactuals::of(&document, evidence);
        assert_eq!((made.without.text.as_str(), made.alone.text.as_str()), (without, alone));
        assert_eq!((made.without.title.as_str(), made.alone.title.as_str()), ("Title", ""));
    }

    #[test]
    fn evidence_is_taken_away_without_a_scar() {
        check("One. Two. Three.", 5..9, "One. Three.", "Two.");
        check("One. Two.", 0..4, "Two.", "One.");
        check("One. Two.", 5..9, "One.", "Two.");
        check("Only.", 0..5, "", "Only.");
    }
}
