//! Where the sentences of a passage begin and end.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The words that a sentence may have before it is cut.
const MOST_WORDS: usize = 60;

/// The words that each part of a cut sentence has at least.
const FEWEST_WORDS: usize = 20;

/// Byte ranges of the sentences of `text`, in order, trimmed of white space, none empty.
///
/// Boundaries follow UAX #29. A piece of fewer than three words joins the sentence before it
/// ("Dr." and "e.g." do not stand alone), so that evidence is something a reader can judge. For the same reason a
/// sentence of more than 60 words (a list, a table, a text without full stops) is cut where it breaks best.
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
    found.into_iter().flat_map(|sentence| cut(text, sentence)).collect()
}

/// The sentence in parts of at most [`MOST_WORDS`] words.
fn cut(text: &str, sentence: Range<usize>) -> Vec<Range<usize>> {
    let words: Vec<Range<usize>> = text[sentence.clone()]
        .unicode_word_indices()
        .map(|(start, word)| sentence.start + start..sentence.start + start + word.len())
        .collect();
    let gap = |next: usize| words[next - 1].end..words[next].start;
    let mut parts = Vec::new();
    let (mut start, mut first) = (sentence.start, 0);
    while words.len() - first > MOST_WORDS {
        let last = (first + MOST_WORDS).min(words.len() - FEWEST_WORDS);
        // Of equal breaks the last: parts are few, and nearly as long as they may be.
        let next = (first + FEWEST_WORDS..=last).max_by_key(|&next| strength(&text[gap(next)]));
        let next = next.expect("the fewest words of a part, twice, are less than the most");
        // Marks before the space stay with the word before them, marks behind it with the word after it.
        let gap = gap(next);
        let end = text[gap.clone()].find(char::is_whitespace).map_or(gap.end, |offset| gap.start + offset);
        parts.push(start..end);
        start = end + (text[end..].len() - text[end..].trim_start().len());
        first = next;
    }
    parts.push(start..sentence.end);
    parts
}

/// How well a text breaks at what stands between two words.
fn strength(gap: &str) -> u8 {
    if gap.contains('\n') {
        4
    } else if gap.contains([';', '；']) {
        3
    } else if gap.contains([',', '，', '、']) {
        2
    } else {
        u8::from(gap.contains(char::is_whitespace))
    }
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

    #[test]
    fn a_long_sentence_is_cut_where_it_breaks_best() {
        let words = |n: usize| vec!["word"; n].join(" ");
        check(&words(60), &[&words(60)]);
        check(&words(61), &[&words(41), &words(20)]);
        check(
            &format!("{}; {}, {}", words(30), words(15), words(30)),
            &[&format!("{};", words(30)), &format!("{}, {}", words(15), words(30))],
        );
        check(
            &format!("{}\n- {}; {}", words(25), words(20), words(30)),
            &[&words(25), &format!("- {}; {}", words(20), words(30))],
        );
        check(&"字".repeat(100), &["字".repeat(60).as_str(), "字".repeat(40).as_str()]);
    }

    proptest! {
        #[test]
        fn sentences_are_ordered_disjoint_trimmed_and_cover_every_letter(
            text in "\\PC{0,200}|([a-z]{1,8}[ ,;\n]{1,2}){0,300}|([a-zé字 ,;(]{1,9}){0,300}",
        ) {
            let ranges = sentences(&text);
            let mut end = 0;
            for range in &ranges {
                prop_assert!(range.start >= end && range.end > range.start);
                prop_assert!(text[end..range.start].trim().is_empty());
                let sentence = &text[range.clone()];
                prop_assert_eq!(sentence.trim(), sentence);
                prop_assert!(sentence.unicode_words().count() <= MOST_WORDS);
                end = range.end;
            }
            prop_assert!(text[end..].trim().is_empty());
        }
    }
}
