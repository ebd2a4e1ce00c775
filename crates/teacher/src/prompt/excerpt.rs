//! As much of a passage as is shown: a prefix of its own text, so that what is quoted from it can be found again.

use unicode_segmentation::UnicodeSegmentation;

/// Characters that a word may have on average before a text counts as something else, such as encoded data.
const MOST_CHARACTERS_OF_A_WORD: usize = 20;

/// The text up to the end of its `n_words`th word, at most 20 characters a word. Words are those of UAX #29, so that
/// scripts without spaces are cut too.
pub(crate) fn first_words(text: &str, n_words: usize) -> &str {
    let text = text.trim();
    let most = n_words.saturating_mul(MOST_CHARACTERS_OF_A_WORD);
    let text = text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at]);
    let end = match text.unicode_word_indices().nth(n_words) {
        // The next word is too much; what stands before it (a full stop) belongs to the last one.
        Some((next, _)) => next,
        None => text.len(),
    };
    text[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_between_words() {
        assert_eq!(first_words(" One two. Three four ", 2), "One two.");
        assert_eq!(first_words("One two.", 9), "One two.");
        assert_eq!(first_words("玄武岩は火山岩である", 3), "玄武岩");
        assert_eq!(first_words(&"x".repeat(100), 2).len(), 40);
        assert_eq!(first_words("anything", 0), "");
    }

    proptest! {
        #[test]
        fn what_is_shown_begins_the_text(text in "\\PC{0,60}", n in 0usize..20) {
            let shown = first_words(&text, n);
            prop_assert!(text.trim().starts_with(shown));
            prop_assert!(shown.unicode_words().count() <= n);
        }
    }
}
