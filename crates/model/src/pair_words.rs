//! The words of a query and a document, each with its pieces in the joint pass.

use std::collections::HashSet;
use std::ops::Range;

use crate::encoding::PairEncoding;
use crate::words::{self, Word};

/// Most query words that reasons can look at.
pub const MAX_QUERY_WORDS: usize = 32;
/// Most words of one document that reasons can look at.
pub const MAX_DOCUMENT_WORDS: usize = 160;

/// One word with its place in the joint pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedWord {
    /// The word, with its byte range in the query or in title and text.
    pub word: Word,
    /// The word as it is written there.
    pub written: String,
    /// Positions of its pieces in the pair's input, never empty.
    pub pieces: Range<usize>,
}

/// The words of a pair that lie inside the encoder's window, and the stems of all its words.
#[derive(Clone, Debug)]
pub struct PairWords {
    /// At most [`MAX_QUERY_WORDS`] words of the query.
    pub query: Vec<PlacedWord>,
    /// At most [`MAX_DOCUMENT_WORDS`] words of the document.
    pub document: Vec<PlacedWord>,
    /// Stems of all words of the query, the window's end notwithstanding.
    pub query_stems: HashSet<String>,
    /// Stems of all words of the document: what is called missing is nowhere in it.
    pub document_stems: HashSet<String>,
}

impl PairWords {
    /// The words of `query` and `document` (title and text), placed by their joint encoding.
    pub fn of(query: &str, document: &str, encoding: &PairEncoding) -> Self {
        let query_words = words::split(query);
        let document_words = words::split(document);
        let stems = |words: &[Word]| words.iter().map(|word| word.stem.clone()).collect();
        let side = |text, words, positions: &Range<usize>, truncated, limit| {
            place(text, words, &Window { offsets: &encoding.offsets, positions, truncated }, limit)
        };
        Self {
            query_stems: stems(&query_words),
            document_stems: stems(&document_words),
            query: side(query, query_words, &encoding.query, encoding.query_truncated, MAX_QUERY_WORDS),
            document: side(
                document,
                document_words,
                &encoding.document,
                encoding.document_truncated,
                MAX_DOCUMENT_WORDS,
            ),
        }
    }
}

/// The pieces of one text inside the encoder's window.
struct Window<'a> {
    offsets: &'a [Range<usize>],
    positions: &'a Range<usize>,
    truncated: bool,
}

/// Gives each word the pieces that overlap it; words without pieces, or cut by the window's end, are left out.
fn place(text: &str, words: Vec<Word>, window: &Window<'_>, limit: usize) -> Vec<PlacedWord> {
    let offsets = window.offsets;
    let seen = window.positions.clone().next_back().map_or(0, |last| offsets[last].end);
    let mut placed = Vec::new();
    let mut start = window.positions.start;
    for word in words {
        if placed.len() == limit || (window.truncated && word.range.end > seen) {
            break;
        }
        while start < window.positions.end && offsets[start].end <= word.range.start {
            start += 1;
        }
        let mut end = start;
        while end < window.positions.end && offsets[end].start < word.range.end {
            end += 1;
        }
        if end > start {
            let written = text[word.range.clone()].to_owned();
            placed.push(PlacedWord { word, written, pieces: start..end });
        }
    }
    placed
}
