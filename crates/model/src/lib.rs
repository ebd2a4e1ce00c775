//! What a student of Reason-to-Rank is: its configuration, tokenizer and pair encoding, the words its
//! reasons are made of, and the folder it lives in. There are no tensors here: `training` and `inference`
//! build them from the same definitions, so that both see the same pieces, words and plans.
//!
//! ```
//! use r2r_model::prose;
//! use r2r_model::words;
//!
//! let found = words::split("It costs $1,000, they don't say why.");
//! let texts: Vec<&str> = found.iter().map(|word| word.lower.as_str()).collect();
//! assert_eq!(texts, ["it", "costs", "$1,000", ",", "they", "don't", "say", "why", "."]);
//! assert_eq!(prose::join(&["names", "the", "cost", "(", "$1,000", ")"]), "Names the cost ($1,000).");
//! ```

pub mod buckets;
pub mod config;
mod config_file;
pub mod early;
pub mod encoding;
pub mod folder;
pub mod function_words;
pub mod lexical;
pub mod pair_words;
pub mod passage;
pub mod plan;
pub mod precision;
pub mod prose;
pub mod reasons;
pub mod sentence_pieces;
pub mod tokenizer;
pub mod weight_file;
pub mod weights;
pub mod words;

pub use config::{Calibration, EncoderConfig, Grade, ReasonsConfig, StudentConfig, WeightFormat};
pub use early::{EarlyConfig, EarlyMeasure};
pub use encoding::{Limits, PairEncoding, Pieces, SingleEncoding};
pub use folder::{FolderError, StudentFolder};
pub use lexical::LexicalMatch;
pub use pair_words::PairWords;
pub use passage::PassageText;
pub use plan::{Kind, Marks, MemoryWord, Plan, Segment};
pub use precision::{MeasuredLosses, Precision, PrecisionLoss};
pub use reasons::ReasonVocabulary;
pub use sentence_pieces::SentencePieces;
pub use tokenizer::Tokenizer;
pub use weights::{NamedTensor, Weights};
pub use words::Word;
