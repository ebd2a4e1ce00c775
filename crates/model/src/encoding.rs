//! Pieces of texts, and how query and document are laid into one input of the encoder.

use std::ops::Range;

use crate::config::{SPECIAL_PIECES, StudentConfig};

/// The word pieces of one text, without special pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Vocabulary ids.
    pub ids: Vec<u32>,
    /// Byte range of each piece in its text.
    pub offsets: Vec<Range<usize>>,
    /// Whether the text goes on behind the last piece.
    pub truncated: bool,
}

/// How long an input may be, in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Query and document together, `[CLS]` and `[SEP]` counted.
    pub max_length: usize,
    /// The query alone.
    pub max_query_length: usize,
}

/// Ids of the pieces that frame every input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialPieces {
    /// `[CLS]`.
    pub start: u32,
    /// `[SEP]`.
    pub separator: u32,
}

/// `[CLS] query [SEP] document [SEP]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairEncoding {
    /// Vocabulary ids, `[L]`.
    pub ids: Vec<u32>,
    /// 0 up to and with the first `[SEP]`, then 1, `[L]`.
    pub type_ids: Vec<u32>,
    /// Byte range of each piece in the query (positions in `query`) or in the document (positions in `document`);
    /// empty for special pieces, `[L]`.
    pub offsets: Vec<Range<usize>>,
    /// Positions of the query's pieces.
    pub query: Range<usize>,
    /// Positions of the document's pieces.
    pub document: Range<usize>,
    /// Whether pieces of the query were cut off.
    pub query_truncated: bool,
    /// Whether pieces of the document were cut off.
    pub document_truncated: bool,
}

/// `[CLS] text [SEP]`, token types all 0: the input of the similarity pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleEncoding {
    /// Vocabulary ids, `[L]`.
    pub ids: Vec<u32>,
    /// Whether pieces of the text were cut off.
    pub truncated: bool,
}

impl Limits {
    /// The limits of a student.
    pub fn of(config: &StudentConfig) -> Self {
        Self { max_length: config.max_length, max_query_length: config.max_query_length }
    }

    /// Most pieces of a query: one piece of the document always fits beside it.
    pub fn query_pieces(self) -> usize {
        self.max_query_length.min(self.max_length.saturating_sub(SPECIAL_PIECES + 1))
    }

    /// Most pieces of a text that any input can use.
    pub fn text_pieces(self) -> usize {
        self.max_length.saturating_sub(SPECIAL_PIECES - 1)
    }
}

impl PairEncoding {
    /// Lays out a pair: the query is cut to its limit, then the document to what is left.
    pub fn of(query: &Pieces, document: &Pieces, special: SpecialPieces, limits: Limits) -> Self {
        let n_query = query.ids.len().min(limits.query_pieces());
        let n_document = document.ids.len().min(limits.max_length.saturating_sub(SPECIAL_PIECES + n_query));
        let mut ids = Vec::with_capacity(n_query + n_document + SPECIAL_PIECES);
        ids.push(special.start);
        ids.extend_from_slice(&query.ids[..n_query]);
        ids.push(special.separator);
        ids.extend_from_slice(&document.ids[..n_document]);
        ids.push(special.separator);
        let mut offsets = Vec::with_capacity(ids.len());
        offsets.push(0..0);
        offsets.extend_from_slice(&query.offsets[..n_query]);
        offsets.push(0..0);
        offsets.extend_from_slice(&document.offsets[..n_document]);
        offsets.push(0..0);
        let mut type_ids = vec![0; n_query + 2];
        type_ids.resize(ids.len(), 1);
        Self {
            ids,
            type_ids,
            offsets,
            query: 1..1 + n_query,
            document: n_query + 2..n_query + 2 + n_document,
            query_truncated: query.truncated || n_query < query.ids.len(),
            document_truncated: document.truncated || n_document < document.ids.len(),
        }
    }
}

impl SingleEncoding {
    /// Frames one text, cut to `max_length` pieces in all.
    pub fn of(text: &Pieces, special: SpecialPieces, max_length: usize) -> Self {
        let n = text.ids.len().min(max_length.saturating_sub(SPECIAL_PIECES - 1));
        let mut ids = Vec::with_capacity(n + 2);
        ids.push(special.start);
        ids.extend_from_slice(&text.ids[..n]);
        ids.push(special.separator);
        Self { ids, truncated: text.truncated || n < text.ids.len() }
    }
}
