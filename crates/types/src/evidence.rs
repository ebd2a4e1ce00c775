//! Words of a document that carry an answer: found there, never invented.

use std::ops::Range;

use serde::Serialize;

/// A verified quote from a document's text, with the receipt of what it does to the score.
///
/// Only [`Evidence::locate`] and [`Evidence::slice`] make one, so that the quote always equals
/// the slice `start..end` of the text, counted in Unicode code points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    quote: String,
    start: usize,
    end: usize,
    /// How the score depends on the quote; `None` where it was not measured.
    #[serde(flatten)]
    pub receipt: Option<Receipt>,
}

/// The measured dependence of a score on a quote (ERASER's comprehensiveness and sufficiency;
/// `DeYoung` et al., 2020), both as calibrated probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Receipt {
    /// The score of the document with the quote taken away.
    pub score_without: f32,
    /// The score of the quote alone.
    pub score_alone: f32,
}

impl Evidence {
    /// Finds `quote`, trimmed, in `text`; `None` where it does not occur verbatim or is empty.
    pub fn locate(quote: &str, text: &str) -> Option<Self> {
        let quote = quote.trim();
        let start = text.find(quote)?;
        Self::slice(text, start..start + quote.len())
    }

    /// The evidence at a byte range of `text`; `None` where the range is empty or cuts a character.
    pub fn slice(text: &str, bytes: Range<usize>) -> Option<Self> {
        let quote = text.get(bytes.clone())?;
        if quote.trim().is_empty() {
            return None;
        }
        let start = text[..bytes.start].chars().count();
        Some(Self { quote: quote.to_owned(), start, end: start + quote.chars().count(), receipt: None })
    }

    /// The quoted words.
    pub fn quote(&self) -> &str {
        &self.quote
    }

    /// First code point of the quote in the document's text.
    pub fn start(&self) -> usize {
        self.start
    }

    /// One past the last code point of the quote in the document's text.
    pub fn end(&self) -> usize {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_count_code_points() {
        let evidence = Evidence::locate("größer", "Süß ist größer.").unwrap();
        assert_eq!((evidence.start(), evidence.end(), evidence.quote()), (8, 14, "größer"));
    }

    #[test]
    fn nothing_is_located_that_does_not_stand_there() {
        assert!(Evidence::locate("", "text").is_none());
        assert!(Evidence::locate("  ", "a  b").is_none());
        assert!(Evidence::locate("Text", "text").is_none());
    }

    proptest! {
        #[test]
        fn a_quote_equals_its_slice(text in "\\PC{1,80}", from in 0usize..80, length in 1usize..40) {
            let chars: Vec<char> = text.chars().collect();
            let from = from.min(chars.len() - 1);
            let to = (from + length).min(chars.len());
            let quote: String = chars[from..to].iter().collect();
            if let Some(evidence) = Evidence::locate(&quote, &text) {
                let slice: String = chars[evidence.start()..evidence.end()].iter().collect();
                prop_assert_eq!(slice, evidence.quote());
            }
        }
    }
}
