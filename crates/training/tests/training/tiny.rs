//! A tiny base encoder, a few examples about rocks, and a listener with a will of its own.

use std::path::{Path, PathBuf};

use r2r_model::config::{EncoderConfig, ReasonsConfig, StudentConfig, WeightFormat};
use r2r_model::weights::{NamedTensor, Weights};
use r2r_training::{Adaptation, Event, Listener, LowRank, Signal, TrainingConfig, TrainingInputs};
use r2r_types::document::Query;
use r2r_types::example::{DistillationExample, ExampleComparison, ExamplePassage};
use r2r_types::reasoning::Stands;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

const WORDS: &str = "[PAD] [UNK] [CLS] [SEP] [MASK] . , the a of is rock basalt granite lava sand cools forms slowly fast \
    from what how old deep sea under answers names passage other than it more less because query minerals quartz dark \
    light heavy it s where why not question one about only river snow glass";

pub(crate) const HIDDEN: usize = 32;
const LAYERS: usize = 2;
const INTERMEDIATE: usize = 48;
const POSITIONS: usize = 64;

/// A base folder that lives as long as the value.
pub(crate) struct TinyBase {
    folder: TempDir,
}

impl TinyBase {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words = vocabulary();
        std::fs::write(folder.path().join("config.json"), config_json(words.len())).unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), tokenizer_json(&words)).unwrap();
        let weights = random_weights(words.len());
        weights.write(&folder.path().join("model.safetensors"), WeightFormat::F32).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn encoder() -> EncoderConfig {
        EncoderConfig::from_json(&config_json(vocabulary().len())).unwrap()
    }
}

fn vocabulary() -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let letters = ('a'..='z').map(String::from).chain(('a'..='z').map(|letter| format!("##{letter}")));
    for word in WORDS.split_whitespace().map(str::to_owned).chain(letters) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

fn config_json(vocab_size: usize) -> String {
    let config = serde_json::json!({
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": INTERMEDIATE,
        "layer_norm_eps": 1e-12, "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "vocab_size": vocab_size,
    });
    config.to_string()
}

fn tokenizer_json(words: &[String]) -> String {
    let vocab: serde_json::Map<String, serde_json::Value> =
        words.iter().enumerate().map(|(id, word)| (word.clone(), id.into())).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab},
    });
    tokenizer.to_string()
}

fn random_weights(vocab_size: usize) -> Weights {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut weights = Weights::default();
    let mut put = |name: String, shape: Vec<usize>, around: f32, width: f32| {
        let values = (0..shape.iter().product()).map(|_| around + width * (random.random::<f32>() - 0.5)).collect();
        weights.insert(format!("bert.{name}"), NamedTensor::new(shape, values));
    };
    put("embeddings.word_embeddings.weight".to_owned(), vec![vocab_size, HIDDEN], 0.0, 1.0);
    put("embeddings.position_embeddings.weight".to_owned(), vec![POSITIONS, HIDDEN], 0.0, 0.2);
    put("embeddings.token_type_embeddings.weight".to_owned(), vec![2, HIDDEN], 0.0, 0.2);
    let mut norms = vec!["embeddings.LayerNorm".to_owned()];
    for layer in 0..LAYERS {
        let maps = [
            ("attention.self.query", HIDDEN, HIDDEN),
            ("attention.self.key", HIDDEN, HIDDEN),
            ("attention.self.value", HIDDEN, HIDDEN),
            ("attention.output.dense", HIDDEN, HIDDEN),
            ("intermediate.dense", HIDDEN, INTERMEDIATE),
            ("output.dense", INTERMEDIATE, HIDDEN),
        ];
        for (map, inputs, outputs) in maps {
            put(format!("encoder.layer.{layer}.{map}.weight"), vec![outputs, inputs], 0.0, 0.6);
            put(format!("encoder.layer.{layer}.{map}.bias"), vec![outputs], 0.0, 0.1);
        }
        norms.extend(["attention.output", "output"].map(|part| format!("encoder.layer.{layer}.{part}.LayerNorm")));
    }
    for norm in norms {
        put(format!("{norm}.weight"), vec![HIDDEN], 1.0, 0.2);
        put(format!("{norm}.bias"), vec![HIDDEN], 0.0, 0.2);
    }
    weights
}

/// Lists of three to five passages with reasons and evidence; the best passage names what the query asks.
pub(crate) fn examples(count: usize, seed: u64) -> Vec<DistillationExample> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let topics = ["basalt", "granite", "lava", "sand", "quartz", "snow"];
    let example = |number: usize, random: &mut ChaCha8Rng| {
        let topic = topics[number % topics.len()];
        let n = 3 + number % 3;
        let best = random.random_range(0..n);
        let passages = (0..n).map(|place| {
            let other = topics[(number + place + 1) % topics.len()];
            let about = if place == best { topic } else { other };
            let first = format!("The {about} forms slowly under the sea.");
            let text = format!("{first} It is a dark rock, more heavy than {other}.");
            let neighbor = (place + 1) % n;
            let stands = if place == best { Stands::Above } else { Stands::Below };
            let compared = place == best || neighbor == best;
            ExamplePassage {
                doc: format!("d{number}-{place}").as_str().into(),
                title: if place == 0 { "Rocks".to_owned() } else { String::new() },
                evidence: (place == best).then_some((0, first.len())),
                text,
                target: if place == best { 3.0 } else { (place % 2) as f32 },
                direct: Some(format!("It names {about}, the query is about {topic}.")),
                comparison: compared.then(|| ExampleComparison {
                    text: format!("It names {about}, <other> is less about {topic}."),
                    against: neighbor,
                    stands,
                }),
            }
        });
        DistillationExample {
            query: Query { id: format!("q{number}").as_str().into(), text: format!("how {topic} forms") },
            teacher: if number.is_multiple_of(2) { "human".to_owned() } else { "model".to_owned() },
            passages: passages.collect(),
        }
    };
    (0..count).map(|number| example(number, &mut random)).collect()
}

/// Settings under which the tiny base learns in a few steps.
pub(crate) fn config(steps: usize, adaptation: Adaptation) -> TrainingConfig {
    TrainingConfig {
        steps,
        batch: 2,
        accumulation: 2,
        learning_rate: 5e-3,
        head_learning_rate: 5e-3,
        warmup: 2,
        passages_per_list: 4,
        max_length: 48,
        validate_every: 3,
        checkpoint_every: 2,
        adaptation,
        ..TrainingConfig::default()
    }
}

pub(crate) const LOW_RANK: Adaptation = Adaptation::LowRank(LowRank { rank: 4, alpha: 8.0 });

pub(crate) fn reasons() -> ReasonsConfig {
    ReasonsConfig { layers: 2, heads: 4, feed_forward: 40, vocabulary: 0, max_words: 20 }
}

pub(crate) fn inputs<'a>(
    base: &'a TinyBase,
    train: &'a [DistillationExample],
    dev: &'a [DistillationExample],
) -> TrainingInputs<'a> {
    TrainingInputs {
        base: base.path(),
        name: "tiny",
        train,
        dev,
        reasons: Some(reasons()),
        weights: WeightFormat::F32,
        student_max_length: 64,
        seed: 7,
        provenance: serde_json::json!({"made": "by a test"}),
    }
}

/// A folder for the output of a run.
pub(crate) fn output() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    (folder, path)
}

/// Stops, or panics as a killed process ends, behind a step.
pub(crate) struct Ending {
    pub(crate) step: usize,
    pub(crate) dies: bool,
}

impl Listener for Ending {
    fn hear(&mut self, event: Event<'_>) -> Signal {
        match event {
            Event::Step { report, .. } if report.step == self.step => {
                assert!(!self.dies, "killed behind step {}", self.step);
                Signal::Stop
            }
            _ => Signal::Continue,
        }
    }
}

/// The configuration of the student in a folder.
pub(crate) fn student_config(folder: &Path) -> StudentConfig {
    r2r_model::StudentFolder::open(folder).unwrap().config().unwrap()
}
