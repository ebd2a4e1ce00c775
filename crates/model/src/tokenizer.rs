//! `tokenizer.json` of a student: WordPiece as transformers runs it, and the inputs made with it.

use std::path::Path;

use ahash::AHashMap;
use serde::Deserialize;
use tokenizers::AddedToken;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

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
    vocab_size: usize,
}

/// The parts of a BERT `tokenizer.json` that decide about pieces. Read straight into their types: the library goes through
/// several copies of the vocabulary to find out which kind of model a file holds.
#[derive(Deserialize)]
struct BertFile {
    version: String,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    model: WordPieceModel,
}

#[derive(Deserialize)]
struct WordPieceModel {
    #[serde(rename = "type")]
    kind: WordPieceKind,
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: AHashMap<String, u32>,
}

#[derive(Deserialize)]
enum WordPieceKind {
    WordPiece,
}

impl Tokenizer {
    /// Reads `tokenizer.json`.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let unreadable = |message: String| TokenizerError::Unreadable { path: path.display().to_string(), message };
        let json = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        Self::read(&json, &path.display().to_string())
    }

    /// Reads the content of a `tokenizer.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, TokenizerError> {
        Self::read(json, "the given text")
    }

    fn read(json: &[u8], path: &str) -> Result<Self, TokenizerError> {
        // What is not laid out as BERT's files are is left to the library, as is saying what is wrong with it.
        if let Some((inner, n_pieces)) = serde_json::from_slice(json).ok().and_then(BertFile::into_tokenizer) {
            return Self::of(inner, n_pieces);
        }
        let inner = tokenizers::Tokenizer::from_bytes(json)
            .map_err(|error| TokenizerError::Unreadable { path: path.to_owned(), message: error.to_string() })?;
        let n_pieces = end_of(inner.get_vocab(true).values());
        Self::of(inner, n_pieces)
    }

    fn of(mut inner: tokenizers::Tokenizer, vocab_size: usize) -> Result<Self, TokenizerError> {
        // Files of sentence-transformers carry the padding and truncation of their training.
        inner.with_padding(None);
        inner.with_truncation(None).expect("no truncation is always consistent");
        let find = |piece| inner.token_to_id(piece).ok_or(TokenizerError::NoSpecialPiece { piece });
        let special = SpecialPieces { start: find("[CLS]")?, separator: find("[SEP]")? };
        Ok(Self { inner, special, vocab_size })
    }

    /// Pieces of the vocabulary, added ones counted; every id is below.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
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

impl BertFile {
    /// The tokenizer, and the number of pieces; `None` where the library has to decide.
    fn into_tokenizer(self) -> Option<(tokenizers::Tokenizer, usize)> {
        let Self { version, added_tokens, normalizer, pre_tokenizer, model } = self;
        let WordPieceModel { kind: WordPieceKind::WordPiece, vocab, .. } = model;
        if version != "1.0" {
            return None;
        }
        let end = end_of(vocab.values());
        let pieces = WordPiece::builder()
            .vocab(vocab)
            .unk_token(model.unk_token)
            .continuing_subword_prefix(model.continuing_subword_prefix)
            .max_input_chars_per_word(model.max_input_chars_per_word)
            .build()
            .ok()?;
        let mut inner = tokenizers::Tokenizer::new(pieces);
        inner.with_normalizer(normalizer);
        inner.with_pre_tokenizer(pre_tokenizer);
        inner.add_tokens(&added_tokens);
        let end = end.max(end_of(inner.get_added_tokens_decoder().keys()));
        Some((inner, end))
    }
}

/// The number above every id.
fn end_of<'a>(ids: impl Iterator<Item = &'a u32>) -> usize {
    ids.max().map_or(0, |largest| *largest as usize + 1)
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
