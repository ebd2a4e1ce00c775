//! `tokenizer.json` of a student: WordPiece as transformers runs it, and the inputs made with it.

use std::path::Path;

use crate::encoding::{Limits, PairEncoding, Pieces, SingleEncoding, SpecialPieces};

/// Bytes read of a long text for each piece that is wanted, at first; pieces of prose take four to five.
const BYTES_PER_PIECE: usize = 8;

/// Why a text cannot be turned into pieces.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file is absent, or not a tokenizer of the `tokenizers` library.
    #[error("{path} is not a readable tokenizer.json: {message}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the reader says.
        message: String,
    },
    /// A tokenizer that is not BERT's.
    #[error("the tokenizer has no piece {piece}; only BERT tokenizers with [CLS] and [SEP] are supported")]
    NoSpecialPiece {
        /// The absent piece.
        piece: &'static str,
    },
    /// The tokenizer refused a text.
    #[error("the tokenizer fails on a text of {bytes} bytes: {message}")]
    Text {
        /// Length of the text.
        bytes: usize,
        /// What the tokenizer says.
        message: String,
    },
}

/// A BERT tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: SpecialPieces,
}

impl Tokenizer {
    /// Reads `tokenizer.json`.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let unreadable = |message: String| TokenizerError::Unreadable { path: path.display().to_string(), message };
        let json = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| unreadable(error.to_string()))?;
        Self::of(inner)
    }

    /// Reads the content of a `tokenizer.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, TokenizerError> {
        let inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| TokenizerError::Unreadable {
            path: "the given text".to_owned(),
            message: error.to_string(),
        })?;
        Self::of(inner)
    }

    fn of(mut inner: tokenizers::Tokenizer) -> Result<Self, TokenizerError> {
        // Files of sentence-transformers carry the padding and truncation of their training.
        inner.with_padding(None);
        inner.with_truncation(None).expect("no truncation is always consistent");
        let find = |piece| inner.token_to_id(piece).ok_or(TokenizerError::NoSpecialPiece { piece });
        let special = SpecialPieces { start: find("[CLS]")?, separator: find("[SEP]")? };
        Ok(Self { inner, special })
    }

    /// Pieces of the vocabulary, added ones counted; every id is below.
    pub fn vocab_size(&self) -> usize {
        let ids = self.inner.get_vocab(true).into_values();
        ids.max().map_or(0, |largest| largest as usize + 1)
    }

    /// `[CLS]` and `[SEP]`.
    pub fn special(&self) -> SpecialPieces {
        self.special
    }

    /// The first pieces of a text, at most `limit`.
    ///
    /// Of a long text only as much is tokenized as is needed: BERT's tokenizer works on each stretch between
    /// spaces by itself, so a cut at a space changes nothing in front of it.
    pub fn pieces(&self, text: &str, limit: usize) -> Result<Pieces, TokenizerError> {
        let mut bytes = limit.saturating_mul(BYTES_PER_PIECE).max(64);
        loop {
            let prefix = prefix_to_space(text, bytes);
            let encoding = self
                .inner
                .encode(prefix, false)
                .map_err(|error| TokenizerError::Text { bytes: text.len(), message: error.to_string() })?;
            let n = encoding.get_ids().len();
            if n > limit || prefix.len() == text.len() {
                let kept = n.min(limit);
                return Ok(Pieces {
                    ids: encoding.get_ids()[..kept].to_vec(),
                    offsets: encoding.get_offsets()[..kept].iter().map(|&(start, end)| start..end).collect(),
                    truncated: kept < n,
                });
            }
            bytes = bytes.saturating_mul(4);
        }
    }

    /// `[CLS] query [SEP] document [SEP]` within the limits.
    pub fn encode_pair(&self, query: &str, document: &str, limits: Limits) -> Result<PairEncoding, TokenizerError> {
        let query = self.pieces(query, limits.query_pieces())?;
        let document = self.pieces(document, limits.text_pieces())?;
        Ok(PairEncoding::of(&query, &document, self.special, limits))
    }

    /// `[CLS] text [SEP]` for the similarity pass, at most `max_length` pieces in all.
    pub fn encode_single(&self, text: &str, max_length: usize) -> Result<SingleEncoding, TokenizerError> {
        Ok(SingleEncoding::of(&self.pieces(text, max_length.saturating_sub(2))?, self.special, max_length))
    }
}

/// The text up to the first ASCII space at or after `bytes`; all of it where there is none.
fn prefix_to_space(text: &str, bytes: usize) -> &str {
    let tail = text.as_bytes().get(bytes..).unwrap_or_default();
    match tail.iter().position(u8::is_ascii_whitespace) {
        // A continuation byte is never ASCII, so the cut falls between characters.
        Some(space) => &text[..bytes + space],
        None => text,
    }
}
