//! From text to terms, as Lucene's `EnglishAnalyzer` and Anserini's default do it: words of UAX #29,
//! possessive `'s` cut, lower case, Lucene's 33 stop words dropped, Porter's stems.
//!
//! Documents and queries pass the same stream. One script differs from Lucene: words of Thai, Lao,
//! Khmer and Burmese, which need a dictionary, become their letters here and whole runs there.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_segmentation::{UWordBoundIndices, UnicodeSegmentation};

use crate::porter::Porter;

/// The stop words of Lucene's `EnglishAnalyzer`, sorted.
pub const STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of",
    "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
];

/// Characters of the longest term; longer words are cut into pieces, as `StandardTokenizer` does.
pub const LONGEST_TERM: usize = 255;

/// The terms of `text`, in order, repetitions included.
///
/// ```
/// let terms = r2r_retrieval::analyzer::terms("The volcano's lava is cooling");
/// assert_eq!(terms, ["volcano", "lava", "cool"]);
/// ```
pub fn terms(text: &str) -> Vec<String> {
    let mut analyzer = EnglishAnalyzer::default();
    let mut stream = analyzer.token_stream(text);
    let mut terms = Vec::new();
    while stream.advance() {
        terms.push(stream.token().text.clone());
    }
    terms
}

/// The analyzer as tantivy's writer runs it.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnglishAnalyzer {
    porter: Porter,
}

impl Tokenizer for EnglishAnalyzer {
    type TokenStream<'a> = EnglishTerms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> EnglishTerms<'a> {
        EnglishTerms {
            words: text.split_word_bound_indices(),
            rest: (0, ""),
            token: Token::default(),
            porter: &mut self.porter,
        }
    }
}

/// The terms of one text, one after the other.
pub(crate) struct EnglishTerms<'a> {
    words: UWordBoundIndices<'a>,
    /// What is left of a word that is longer than the longest term, with its byte offset.
    rest: (usize, &'a str),
    token: Token,
    porter: &'a mut Porter,
}

impl<'a> EnglishTerms<'a> {
    /// The next word, or piece of a long word, with its byte offset.
    fn next_word(&mut self) -> Option<(usize, &'a str)> {
        let (start, word) =
            if self.rest.1.is_empty() { self.words.by_ref().find(|(_, word)| is_searchable(word))? } else { self.rest };
        let length = word.char_indices().nth(LONGEST_TERM).map_or(word.len(), |(end, _)| end);
        self.rest = (start + length, &word[length..]);
        Some((start, &word[..length]))
    }
}

impl TokenStream for EnglishTerms<'_> {
    fn advance(&mut self) -> bool {
        while let Some((start, word)) = self.next_word() {
            self.token.position = self.token.position.wrapping_add(1);
            self.token.text.clear();
            // One character each: Java's lower case knows no final sigma and no dotted i of two characters.
            self.token.text.extend(without_possessive(word).chars().filter_map(|c| c.to_lowercase().next()));
            if STOP_WORDS.binary_search(&self.token.text.as_str()).is_ok() {
                continue;
            }
            self.porter.stem(&mut self.token.text);
            (self.token.offset_from, self.token.offset_to) = (start, start + word.len());
            return true;
        }
        false
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// Whether a piece between two word boundaries has a letter, a decimal digit or an emoji;
/// spaces, punctuation and numbers such as `½` and `₂` are no words to Lucene.
fn is_searchable(word: &str) -> bool {
    word.chars().any(|c| {
        if c.is_ascii() {
            c.is_ascii_alphanumeric()
        } else {
            c.is_alphabetic() || c.general_category() == GeneralCategory::DecimalNumber || c.is_emoji_char()
        }
    })
}

/// The word without a final `'s`, written with any of the three apostrophes.
fn without_possessive(word: &str) -> &str {
    word.strip_suffix(['s', 'S']).and_then(|rest| rest.strip_suffix(['\'', '\u{2019}', '\u{FF07}'])).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `text terms` a line, written by Lucene's own analyzer: see `tests/goldens/README.md`.
    #[test]
    fn terms_equal_lucenes() {
        for line in include_str!("../tests/goldens/analyzer.tsv").lines() {
            let (text, expected) = line.split_once('\t').expect("two columns");
            assert_eq!(terms(text).join(" "), expected, "terms of {text}");
        }
    }

    #[test]
    fn stop_words_are_sorted_for_the_search() {
        assert!(STOP_WORDS.is_sorted());
        for word in STOP_WORDS {
            assert!(terms(word).is_empty(), "{word}");
        }
    }

    #[test]
    fn long_words_are_cut_into_pieces() {
        let lengths: Vec<usize> = terms(&"x".repeat(600)).iter().map(String::len).collect();
        assert_eq!(lengths, [255, 255, 90]);
    }

    proptest! {
        #[test]
        fn any_text_has_terms_that_are_short_and_not_empty(text in "\\PC{0,300}|[a-z' .éß½😀]{0,300}") {
            for term in terms(&text) {
                prop_assert!(!term.is_empty() && term.chars().count() <= LONGEST_TERM);
            }
        }
    }
}
