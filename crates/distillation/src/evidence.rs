//! The sentence of a passage that carries the answer, found from what the teacher quoted.

use std::ops::Range;

use r2r_types::sentences::sentences;
use serde::Serialize;

use crate::phrases::says_nothing;
use crate::words::token_f1;

/// The least token F1 at which a quote counts as a sentence that was miscopied.
///
/// Two thirds of the words shared both ways is F1 2/3; a quote that is one half of its sentence, copied without a
/// fault, has F1 2/3 too, and half of it with a fault in every fourth word 1/2. Below that, two sentences on one
/// subject begin to look alike: they share its name and the function words.
pub const REPAIR_F1: f64 = 0.5;

/// Where a quote was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// Word for word; the sentence that it covers most of.
    Verbatim(Range<usize>),
    /// Not word for word; the sentence that is most alike.
    Repaired(Range<usize>),
    /// Nowhere: no sentence is alike enough.
    Nowhere,
    /// The teacher gave no quote, or said that nothing answers.
    NotGiven,
}

/// How many quotes there were, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvidenceCounts {
    /// Quotes found word for word.
    pub verbatim: usize,
    /// Quotes that were replaced by the sentence that is most alike.
    pub repaired: usize,
    /// Quotes that stand nowhere in their passage.
    pub dropped: usize,
    /// Passages for which the teacher gave no quote, or said that nothing answers.
    pub not_given: usize,
}

impl Located {
    /// The bytes of the sentence; `None` where there is none.
    pub fn into_sentence(self) -> Option<Range<usize>> {
        match self {
            Self::Verbatim(range) | Self::Repaired(range) => Some(range),
            Self::Nowhere | Self::NotGiven => None,
        }
    }
}

impl EvidenceCounts {
    /// Counts one quote.
    pub fn count(&mut self, located: &Located) {
        match located {
            Located::Verbatim(_) => self.verbatim += 1,
            Located::Repaired(_) => self.repaired += 1,
            Located::Nowhere => self.dropped += 1,
            Located::NotGiven => self.not_given += 1,
        }
    }
}

/// Finds the sentence of `text` that `quote` is taken from; sentences are those of [`r2r_types::sentences`].
///
/// A quote that stands there word for word but spans several sentences gives the one of which it covers most bytes;
/// of equally good ones, the first.
pub fn locate_sentence(quote: &str, text: &str) -> Located {
    let quote = quote.trim().trim_matches(['"', '\u{201C}', '\u{201D}']).trim();
    if quote.is_empty() || (says_nothing(quote) && !text.contains(quote)) {
        return Located::NotGiven;
    }
    let sentences = sentences(text);
    if let Some(start) = text.find(quote) {
        let end = start + quote.len();
        let overlap = |sentence: &Range<usize>| sentence.end.min(end).saturating_sub(sentence.start.max(start));
        return match first_best(&sentences, |sentence| overlap(sentence) as f64) {
            Some((sentence, _)) => Located::Verbatim(sentence),
            None => Located::Nowhere,
        };
    }
    match first_best(&sentences, |sentence| token_f1(quote, &text[sentence.clone()])) {
        Some((sentence, f1)) if f1 >= REPAIR_F1 => Located::Repaired(sentence),
        Some(_) | None => Located::Nowhere,
    }
}

/// The sentence with the highest value, with that value; `None` where no value is above 0.
fn first_best(sentences: &[Range<usize>], value: impl Fn(&Range<usize>) -> f64) -> Option<(Range<usize>, f64)> {
    let mut best: Option<(Range<usize>, f64)> = None;
    for sentence in sentences {
        let value = value(sentence);
        if value > best.as_ref().map_or(0.0, |best| best.1) {
            best = Some((sentence.clone(), value));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str =
        "Basalt is a volcanic rock. It cools fast at the surface of the earth! Granite cools slowly far below.";

    fn check(quote: &str, expected: Option<(&str, bool)>) {
        let found = locate_sentence(quote, TEXT);
        let is_verbatim = matches!(found, Located::Verbatim(_));
        let found = found.into_sentence().map(|range| (&TEXT[range], is_verbatim));
        assert_eq!(found, expected, "{quote}");
    }

    #[test]
    fn quotes_lead_to_their_sentence() {
        check("cools fast at the surface", Some(("It cools fast at the surface of the earth!", true)));
        check("\"Basalt is a volcanic rock.\"", Some(("Basalt is a volcanic rock.", true)));
        check("rock. It cools fast", Some(("It cools fast at the surface of the earth!", true)));
        check(
            "It cools quickly on the surface of the earth.",
            Some(("It cools fast at the surface of the earth!", false)),
        );
        check("Marble is not to be found here.", None);
        check("N/A", None);
        assert_eq!(locate_sentence("Not applicable", TEXT), Located::NotGiven);
        assert_eq!(locate_sentence("Marble melts", ""), Located::Nowhere);
    }

    proptest! {
        #[test]
        fn what_is_found_is_a_sentence_of_the_text(
            text in "([A-Z][a-zé ]{0,20}[.!?] ){0,6}",
            quote in "[A-Za-zé .]{0,30}",
        ) {
            if let Some(range) = locate_sentence(&quote, &text).into_sentence() {
                prop_assert!(sentences(&text).contains(&range));
            }
        }

        #[test]
        fn every_sentence_finds_itself(text in "([A-Z][a-zé ]{0,20}[.!?] ){1,6}") {
            for range in sentences(&text) {
                let found = locate_sentence(&text[range.clone()], &text);
                prop_assert!(matches!(&found, Located::Verbatim(sentence) if text[sentence.clone()] == text[range.clone()]), "{found:?}");
            }
        }
    }
}
