//! `config.json` of a student: the keys of a Hugging Face `BertConfig` plus the section `reason_to_rank`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::early::EarlyConfig;
use crate::precision::MeasuredLosses;

/// Pieces of query and document together, unless the section says otherwise.
const DEFAULT_MAX_LENGTH: usize = 256;
/// Pieces of the query, unless the section says otherwise.
const DEFAULT_MAX_QUERY_LENGTH: usize = 64;
/// Most parts that an entry of the states is split into.
pub const MOST_PARTS: usize = 64;
/// `[CLS]` and two `[SEP]`.
pub const SPECIAL_PIECES: usize = 3;
/// Rows of `reason.positions.weight`: kind, grade and at most 62 words.
pub const REASON_POSITIONS: usize = 64;

/// What is wrong with a `config.json`.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The text is not JSON, or a key has a wrong type or is absent.
    #[error("config.json cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A value that no student can have.
    #[error("config.json has {key} = {found}; {supported}")]
    Unsupported {
        /// The key at fault.
        key: &'static str,
        /// Its value.
        found: String,
        /// What is supported.
        supported: String,
    },
    /// A bi-encoder or language model: there is nothing in it that ranks.
    #[error(
        "config.json has architectures = {found}, a base encoder without a rank head; \
         train a student from it, or give a folder of BertForSequenceClassification with one label"
    )]
    NoRankHead {
        /// The architectures it names.
        found: String,
    },
}

/// The shape of a BERT encoder (Devlin et al., 2019), named as in Hugging Face's `BertConfig`.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderConfig {
    /// Entries of a state: D.
    pub hidden_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads; they divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward maps.
    pub intermediate_size: usize,
    /// Longest sequence, in pieces.
    pub max_position_embeddings: usize,
    /// Kinds of text in one input; a cross-encoder needs 2.
    pub type_vocab_size: usize,
    /// Pieces of the vocabulary.
    pub vocab_size: usize,
    /// Added to the variance in layer norms.
    pub layer_norm_eps: f64,
    /// Keys of `config.json` that steer nothing here; they are written back as they came.
    pub other: Map<String, Value>,
}

/// Everything that steers a student.
#[derive(Clone, Debug, PartialEq)]
pub struct StudentConfig {
    /// Shape of the encoder.
    pub encoder: EncoderConfig,
    /// The student's name, as reports show it.
    pub name: String,
    /// Most pieces of a pair, `[CLS]` and `[SEP]` counted.
    pub max_length: usize,
    /// Most pieces of the query.
    pub max_query_length: usize,
    /// Weight of the cosine of the base encoder's query and document vectors; 0 means that it is not computed.
    pub similarity_weight: f32,
    /// Weight of the query's words that the document has ([`crate::lexical::LexicalMatch`]); 0 means that they are not
    /// counted.
    pub lexical_weight: f32,
    /// From logits to probabilities.
    pub calibration: Calibration,
    /// Ascending logits at which grades 1 to 4 begin.
    pub grades: [f32; 4],
    /// Shape of the reason decoder; `None` for a student that only ranks.
    pub reasons: Option<ReasonsConfig>,
    /// How the weights are stored.
    pub weights: WeightFormat,
    /// Entries of the encoder's states that are much larger than the others, and into how many parts their 8-bit integers
    /// are split; empty where nobody has measured it.
    pub split_states: BTreeMap<usize, usize>,
    /// What faster number formats were measured to lose; `None` where nobody has measured.
    pub precision: Option<MeasuredLosses>,
    /// When documents are stopped early, where that is asked for; `None` where nobody has fitted it.
    pub early: Option<EarlyConfig>,
}

/// Platt scaling: probability = sigmoid(scale · logit + offset).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Slope.
    pub scale: f32,
    /// Offset.
    pub offset: f32,
}

/// Shape of the reason decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonsConfig {
    /// Decoder layers.
    pub layers: usize,
    /// Attention heads; they divide the encoder's `hidden_size`.
    pub heads: usize,
    /// Width of the feed-forward maps.
    pub feed_forward: usize,
    /// Lines of `reason_words.txt`, control words counted: V.
    pub vocabulary: usize,
    /// Most words of a reason: T.
    pub max_words: usize,
}

/// How `model.safetensors` stores weights; on load everything becomes f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// 32-bit floats.
    #[default]
    F32,
    /// Matrices as bfloat16.
    Bf16,
    /// Large matrices as 8-bit integers with one scale a row.
    Int8,
}

/// How well a document answers, 0 (not at all) to 4 (fully).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grade(u8);

impl Grade {
    /// The grade of a number; `None` above 4.
    pub fn new(value: u8) -> Option<Self> {
        (value <= 4).then_some(Self(value))
    }

    /// 0 to 4.
    pub fn value(self) -> u8 {
        self.0
    }
}

impl Calibration {
    /// The probability of a logit.
    pub fn probability(self, logit: f32) -> f32 {
        1.0 / (1.0 + (-(self.scale * logit + self.offset)).exp())
    }
}

impl Default for Calibration {
    fn default() -> Self {
        Self { scale: 1.0, offset: 0.0 }
    }
}

impl ReasonsConfig {
    /// The default shape beside an encoder whose states have `hidden` entries; its vocabulary is left to the reasons.
    pub fn beside(hidden: usize) -> Self {
        let heads = if hidden.is_multiple_of(64) { hidden / 64 } else { 1 };
        Self { layers: 2, heads, feed_forward: 2 * hidden, vocabulary: 0, max_words: 40 }
    }
}

impl EncoderConfig {
    /// Entries of one attention head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }
}

impl StudentConfig {
    /// A new student over `encoder` with the default limits, neither similarity nor reasons, stored as f32.
    pub fn new(name: &str, encoder: EncoderConfig) -> Self {
        let max_length = DEFAULT_MAX_LENGTH.min(encoder.max_position_embeddings);
        Self {
            name: name.to_owned(),
            max_length,
            max_query_length: DEFAULT_MAX_QUERY_LENGTH.min((max_length - SPECIAL_PIECES).div_ceil(2)),
            similarity_weight: 0.0,
            lexical_weight: 0.0,
            calibration: Calibration::default(),
            grades: [-2.0, -0.7, 0.7, 2.0],
            reasons: None,
            weights: WeightFormat::F32,
            split_states: BTreeMap::new(),
            precision: None,
            early: None,
            encoder,
        }
    }

    /// The grade of a logit: how many thresholds it reaches.
    pub fn grade(&self, logit: f32) -> Grade {
        Grade(self.grades.iter().filter(|threshold| **threshold <= logit).count() as u8)
    }

    /// Checks what no student can have; [`StudentConfig::from_json`] has done it for what it returns.
    pub fn check(&self) -> Result<(), ConfigError> {
        let limit = self.encoder.max_position_embeddings;
        if self.max_length > limit || self.max_length <= SPECIAL_PIECES + self.max_query_length {
            return Err(unsupported(
                "reason_to_rank.max_length",
                &self.max_length,
                format!(
                    "it must leave room beside the query ({} pieces) and be at most {limit}",
                    self.max_query_length
                ),
            ));
        }
        if self.max_query_length == 0 {
            return Err(unsupported("reason_to_rank.max_query_length", &0, "a query needs at least one piece"));
        }
        let numbers = [self.similarity_weight, self.lexical_weight, self.calibration.scale, self.calibration.offset];
        if !numbers.iter().chain(&self.grades).all(|number| number.is_finite()) {
            return Err(unsupported("reason_to_rank", &"not a number", "weights and thresholds must be finite"));
        }
        if !self.grades.is_sorted() {
            return Err(unsupported("reason_to_rank.grades", &format!("{:?}", self.grades), "thresholds must ascend"));
        }
        let hidden = self.encoder.hidden_size;
        if let Some((entry, parts)) =
            self.split_states.iter().find(|(entry, parts)| **entry >= hidden || !(2..=MOST_PARTS).contains(*parts))
        {
            return Err(unsupported(
                "reason_to_rank.split_states",
                &format!("{parts} parts of entry {entry}"),
                format!("entries are below {hidden}, and 2 to {MOST_PARTS} parts are supported"),
            ));
        }
        if let Some(early) = self.early {
            let n_layers = self.encoder.num_hidden_layers;
            let can_be_first = (1..n_layers).contains(&early.first_exit);
            if !(can_be_first && early.margin.is_finite() && early.margin >= 0.0) {
                return Err(unsupported(
                    "reason_to_rank.early",
                    &format!("first_exit {}, margin {}", early.first_exit, early.margin),
                    format!("1 to {} layers and a margin of 0 or more are supported", n_layers - 1),
                ));
            }
        }
        if let Some(reasons) = self.reasons {
            if reasons.heads == 0 || !hidden.is_multiple_of(reasons.heads) {
                return Err(unsupported(
                    "reason_to_rank.reasons.heads",
                    &reasons.heads,
                    format!("it must divide {hidden}"),
                ));
            }
            if reasons.max_words == 0 || reasons.max_words + 2 > REASON_POSITIONS {
                return Err(unsupported(
                    "reason_to_rank.reasons.max_words",
                    &reasons.max_words,
                    "1 to 62 are supported",
                ));
            }
        }
        Ok(())
    }
}

/// The error of a value that no student can have.
pub(crate) fn unsupported(
    key: &'static str,
    found: &dyn std::fmt::Display,
    supported: impl Into<String>,
) -> ConfigError {
    ConfigError::Unsupported { key, found: found.to_string(), supported: supported.into() }
}
