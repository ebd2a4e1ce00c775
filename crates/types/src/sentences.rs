//! Where the sentences of a passage begin and end.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Byte ranges of the sentences of `text`, in order, trimmed of white space, none empty.
///
/// Boundaries follow UAX #29. A piece of fewer than three words joins the sentence before it
/// ("Dr." and "e.g." do not stand alone), so that evidence is something a reader can judge.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut last_is_short = false;
    for (start, piece) in text.split_sentence_bound_indices() {
        let trimmed = piece.trim();
        if trimmed.is_empty() {
            continue;
        }
        let start = start + (piece.len() - piece.trim_start().len());
        let end = start + trimmed.len();
        let is_short = trimmed.unicode_words().take(3).count() < 3;
        match found.last_mut() {
            Some(previous) if is_short || last_is_short => previous.end = end,
            _ => found.push(start..end),
        }
        let whole = found.last().expect("a sentence was pushed or grown just above");
        last_is_short = text[whole.clone()].unicode_words().take(3).count() < 3;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = sentences(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sentences_are_split_and_trimmed() {
        check("", &[]);
        check("  \n ", &[]);
        check("One sentence without an end", &["One sentence without an end"]);
        check(
            "Basalt is volcanic.  It cools very fast!\nDoes granite cool slowly?",
            &["Basalt is volcanic.", "It cools very fast!", "Does granite cool slowly?"],
        );
    }

    #[test]
    fn short_pieces_join_their_neighbour() {
        check("Dr. Smith found the vaccine. Yes.", &["Dr. Smith found the vaccine. Yes."]);
        check(
            "It grew to 3.5 metres in a year. Then it died of frost.",
            &["It grew to 3.5 metres in a year.", "Then it died of frost."],
        );
    }

    proptest! {
        #[test]
        fn sentences_are_ordered_disjoint_and_cover_every_letter(text in "\\PC{0,200}") {
            let ranges = sentences(&text);
            let mut end = 0;
            for range in &ranges {
                prop_assert!(range.start >= end && range.end > range.start);
                prop_assert!(text[end..range.start].trim().is_empty());
                end = range.end;
            }
            prop_assert!(text[end..].trim().is_empty());
        }
    }
}
