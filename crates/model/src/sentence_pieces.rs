//! The sentences among which evidence is chosen, each with its pieces in the joint pass.

use std::ops::Range;

use r2r_types::sentences::sentences;

use crate::encoding::PairEncoding;
use crate::passage::PassageText;

/// One sentence of a document's text that the encoder sees, at least its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentencePieces {
    /// Byte range in the document's text (without title): what evidence quotes.
    pub text: Range<usize>,
    /// Byte range in title and text: what [`crate::plan::Plan`] marks.
    pub whole: Range<usize>,
    /// Positions of its pieces in the pair's input, never empty.
    pub pieces: Range<usize>,
}

/// The sentences of a document's text of which at least one piece lies inside the window, in order.
///
/// `text` is the document's text of which `passage` was made, `encoding` the pair's.
pub fn sentence_pieces(text: &str, passage: &PassageText<'_>, encoding: &PairEncoding) -> Vec<SentencePieces> {
    let window = encoding.document.clone();
    let offsets = &encoding.offsets;
    let mut found = Vec::new();
    let mut start = window.start;
    for sentence in sentences(text) {
        let whole = passage.to_whole(&sentence);
        while start < window.end && offsets[start].end <= whole.start {
            start += 1;
        }
        let mut end = start;
        while end < window.end && offsets[end].start < whole.end {
            end += 1;
        }
        if end > start {
            found.push(SentencePieces { text: sentence, whole, pieces: start..end });
        }
    }
    found
}
