//! `config.json` as it is written: reading it with clear errors, and writing it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::{Calibration, ConfigError, EncoderConfig, ReasonsConfig, StudentConfig, WeightFormat, unsupported};
use crate::early::EarlyConfig;
use crate::precision::MeasuredLosses;

/// Version of the section `reason_to_rank` that this code reads and writes.
const FORMAT: u32 = 1;

impl EncoderConfig {
    /// Reads the `config.json` of any BERT folder, a bi-encoder's without a rank head included.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        ConfigFile::parse(text).map(ConfigFile::into_encoder)
    }
}

impl StudentConfig {
    /// Reads a student's `config.json`, or that of a Hugging Face cross-encoder with one label.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let mut file = ConfigFile::parse(text)?;
        file.check_one_label()?;
        let section = file.reason_to_rank.take();
        let encoder = file.into_encoder();
        let Some(section) = section else {
            return Ok(Self::new("cross-encoder", encoder));
        };
        if section.format != FORMAT {
            return Err(unsupported("reason_to_rank.format", &section.format, "this version reads format 1"));
        }
        let config = Self {
            encoder,
            name: section.name,
            max_length: section.max_length,
            max_query_length: section.max_query_length,
            similarity_weight: section.similarity_weight,
            lexical_weight: section.lexical_weight,
            calibration: section.calibration,
            grades: section.grades,
            reasons: section.reasons,
            weights: section.weights,
            split_states: section.split_states,
            precision: section.precision,
            early: section.early,
        };
        config.check()?;
        Ok(config)
    }

    /// The `config.json` of this student, indented, with a final line break.
    pub fn to_json(&self) -> String {
        let mut keys = self.huggingface_keys();
        let section = Section {
            format: FORMAT,
            name: self.name.clone(),
            max_length: self.max_length,
            max_query_length: self.max_query_length,
            similarity_weight: self.similarity_weight,
            lexical_weight: self.lexical_weight,
            calibration: self.calibration,
            grades: self.grades,
            reasons: self.reasons,
            weights: self.weights,
            split_states: self.split_states.clone(),
            precision: self.precision,
            early: self.early,
        };
        keys.insert("reason_to_rank".to_owned(), json!(section));
        pretty(keys)
    }

    /// The `config.json` of the plain Hugging Face cross-encoder inside this student.
    pub fn to_cross_encoder_json(&self) -> String {
        pretty(self.huggingface_keys())
    }

    fn huggingface_keys(&self) -> Map<String, Value> {
        let encoder = &self.encoder;
        let known = json!({
            "architectures": ["BertForSequenceClassification"],
            "model_type": "bert",
            "hidden_size": encoder.hidden_size,
            "num_hidden_layers": encoder.num_hidden_layers,
            "num_attention_heads": encoder.num_attention_heads,
            "intermediate_size": encoder.intermediate_size,
            "hidden_act": "gelu",
            "layer_norm_eps": encoder.layer_norm_eps,
            "max_position_embeddings": encoder.max_position_embeddings,
            "type_vocab_size": encoder.type_vocab_size,
            "vocab_size": encoder.vocab_size,
            "id2label": {"0": "LABEL_0"},
            "label2id": {"LABEL_0": 0},
        });
        let Value::Object(mut keys) = known else { unreachable!("the literal above is an object") };
        keys.extend(encoder.other.clone());
        keys
    }
}

fn pretty(keys: Map<String, Value>) -> String {
    format!("{:#}\n", Value::Object(keys))
}

/// The file as it is written.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    architectures: Vec<String>,
    #[serde(rename = "model_type")]
    _model_type: String,
    hidden_act: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    vocab_size: usize,
    #[serde(default = "bert_layer_norm_eps")]
    layer_norm_eps: f64,
    num_labels: Option<usize>,
    id2label: Option<Map<String, Value>>,
    #[serde(rename = "label2id")]
    _label2id: Option<Map<String, Value>>,
    position_embedding_type: Option<String>,
    reason_to_rank: Option<Section>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// The section `reason_to_rank` as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    format: u32,
    name: String,
    max_length: usize,
    max_query_length: usize,
    similarity_weight: f32,
    #[serde(default)]
    lexical_weight: f32,
    calibration: Calibration,
    grades: [f32; 4],
    reasons: Option<ReasonsConfig>,
    weights: WeightFormat,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    split_states: BTreeMap<usize, usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    precision: Option<MeasuredLosses>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    early: Option<EarlyConfig>,
}

fn bert_layer_norm_eps() -> f64 {
    1e-12
}

impl ConfigFile {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let keys: Map<String, Value> = serde_json::from_str(text)?;
        // Said before the missing keys of another architecture are complained about.
        match keys.get("model_type").and_then(Value::as_str) {
            Some("bert") => {}
            Some(other) => return Err(unsupported("model_type", &other, "only \"bert\" is supported")),
            None => return Err(unsupported("model_type", &"nothing", "only \"bert\" is supported")),
        }
        let file: Self = serde_json::from_value(Value::Object(keys))?;
        file.check_shape()?;
        Ok(file)
    }

    fn check_shape(&self) -> Result<(), ConfigError> {
        if self.hidden_act != "gelu" {
            return Err(unsupported("hidden_act", &self.hidden_act, "only \"gelu\" (the erf form) is supported"));
        }
        if let Some(kind) = self.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return Err(unsupported("position_embedding_type", &kind, "only \"absolute\" is supported"));
        }
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocab_size),
        ];
        for (key, size) in sizes {
            if size == 0 {
                return Err(unsupported(key, &0, "it must be positive"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let supported = format!("it must divide hidden_size = {}", self.hidden_size);
            return Err(unsupported("num_attention_heads", &self.num_attention_heads, supported));
        }
        if self.max_position_embeddings < 16 {
            return Err(unsupported(
                "max_position_embeddings",
                &self.max_position_embeddings,
                "at least 16 are needed",
            ));
        }
        if self.type_vocab_size < 2 {
            return Err(unsupported("type_vocab_size", &self.type_vocab_size, "query and document need two"));
        }
        Ok(())
    }

    fn check_one_label(&self) -> Result<(), ConfigError> {
        let named = self.id2label.as_ref().map(Map::len);
        let classifies = self.architectures.iter().any(|name| name == "BertForSequenceClassification");
        if self.reason_to_rank.is_none() && !classifies {
            return Err(ConfigError::NoRankHead { found: format!("{:?}", self.architectures) });
        }
        // Hugging Face means two labels where the file names none.
        let labels = self.num_labels.or(named).unwrap_or(2);
        if labels == 1 {
            Ok(())
        } else {
            Err(unsupported("num_labels", &labels, "a student has one label, the relevance logit"))
        }
    }

    fn into_encoder(self) -> EncoderConfig {
        EncoderConfig {
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            max_position_embeddings: self.max_position_embeddings,
            type_vocab_size: self.type_vocab_size,
            vocab_size: self.vocab_size,
            layer_norm_eps: self.layer_norm_eps,
            other: self.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::early::EarlyMeasure;

    use super::*;

    const PLAIN: &str = r#"{"architectures":["BertForSequenceClassification"],"model_type":"bert","hidden_act":"gelu",
        "hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":64,"layer_norm_eps":1e-12,
        "max_position_embeddings":512,"type_vocab_size":2,"vocab_size":100,"id2label":{"0":"LABEL_0"},
        "label2id":{"LABEL_0":0},"pad_token_id":0,"sbert_ce_default_activation_function":"Identity"}"#;

    fn check_error(from: &str, to: &str, expected: &str) {
        let text = PLAIN.replace(from, to);
        assert_ne!(text, PLAIN);
        let message = StudentConfig::from_json(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn a_plain_cross_encoder_is_a_student_without_reasons() {
        let config = StudentConfig::from_json(PLAIN).unwrap();
        assert_eq!((config.reasons, config.similarity_weight), (None, 0.0));
        assert_eq!((config.max_length, config.max_query_length), (256, 64));
        assert_eq!(config.encoder.other["pad_token_id"], 0);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut config = StudentConfig::from_json(PLAIN).unwrap();
        config.name = "r2r-mini".to_owned();
        config.similarity_weight = 11.7;
        config.lexical_weight = 2.5;
        config.calibration = Calibration { scale: 0.8, offset: -0.1 };
        config.reasons = Some(ReasonsConfig { heads: 4, vocabulary: 500, ..ReasonsConfig::beside(384) });
        config.weights = WeightFormat::Bf16;
        config.precision = Some(MeasuredLosses { lists: 296, ..MeasuredLosses::default() });
        let measured = EarlyMeasure { lists: 483, ndcg_at_10_difference: -0.0005, finished: 0.3, work: 0.5 };
        config.split_states = [(3, 2), (17, 5)].into();
        config.early = Some(EarlyConfig { first_exit: 1, margin: 1.5, measured });
        assert_eq!(StudentConfig::from_json(&config.to_json()).unwrap(), config);
        let plain = StudentConfig::from_json(&config.to_cross_encoder_json()).unwrap();
        assert_eq!((plain.encoder, plain.reasons), (config.encoder, None));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        check_error(r#""bert""#, r#""roberta""#, "model_type = roberta; only \"bert\"");
        check_error(r#""gelu""#, r#""relu""#, "hidden_act = relu");
        check_error(r#"{"0":"LABEL_0"}"#, r#"{"0":"A","1":"B"}"#, "num_labels = 2");
        check_error("BertForSequenceClassification", "BertModel", "base encoder without a rank head");
        check_error(r#""num_attention_heads":4"#, r#""num_attention_heads":5"#, "must divide hidden_size = 32");
        check_error(r#""hidden_size":32,"#, "", "missing field `hidden_size`");
        let mut config = StudentConfig::from_json(PLAIN).unwrap();
        let measured = EarlyMeasure { lists: 1, ndcg_at_10_difference: 0.0, finished: 1.0, work: 1.0 };
        config.early = Some(EarlyConfig { first_exit: 2, margin: 1.0, measured });
        let message = StudentConfig::from_json(&config.to_json()).unwrap_err().to_string();
        assert!(message.contains("reason_to_rank.early = first_exit 2, margin 1; 1 to 1 layers"), "{message}");
        // The exit in front of the base's pass cannot be the first: it reads states behind a layer too.
        config.similarity_weight = 1.0;
        assert!(StudentConfig::from_json(&config.to_json()).is_err());
        config.early = Some(EarlyConfig { first_exit: 1, margin: -0.5, measured });
        assert!(StudentConfig::from_json(&config.to_json()).is_err());
    }

    #[test]
    fn a_grade_counts_the_thresholds_reached() {
        let config = StudentConfig::from_json(PLAIN).unwrap();
        let grades: Vec<u8> = [-9.0, -2.0, 0.0, 0.7, 9.0].iter().map(|logit| config.grade(*logit).value()).collect();
        assert_eq!(grades, [0, 1, 2, 3, 4]);
    }
}
