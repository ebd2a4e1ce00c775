//! The sections of a recipe with their defaults.

use std::path::PathBuf;

use r2r_retrieval::Bm25;
use serde::{Deserialize, Serialize};

use crate::live_teacher::settings::TeacherModel;

/// A BEIR folder and one of its splits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionSection {
    /// The BEIR folder.
    pub path: PathBuf,
    /// The split whose queries count: the name of a file in `qrels/`.
    pub split: String,
}

/// The first stage: BM25.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrievalSection {
    /// Term saturation.
    pub k1: f32,
    /// Length normalization.
    pub b: f32,
    /// Candidates for each query.
    pub depth: usize,
}

impl Default for RetrievalSection {
    fn default() -> Self {
        Self { k1: 0.9, b: 0.4, depth: 100 }
    }
}

impl RetrievalSection {
    /// The parameters as the searcher takes them.
    pub fn bm25(&self) -> Bm25 {
        Bm25 { k1: self.k1, b: self.b, ..Bm25::default() }
    }
}

/// Where orders and reasons come from. A section that names a `provider` also has the keys of [`TeacherModel`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct TeacherSection {
    /// Published teacher records: orders with their passages.
    pub records: Vec<PathBuf>,
    /// Queries with graded documents, one list a line: `{"query", "docs": [{"id", "text", "grade"}]}`.
    pub graded: Vec<PathBuf>,
    /// Recorded raw answers of a teacher for candidates of `collection`.
    pub recorded: Option<PathBuf>,
    /// Whether records that were made from test queries may train.
    pub allow_test_sets: bool,
    /// The large model that is asked about candidates of `collection`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub model: Option<TeacherModel>,
}

/// The keys of a teacher that is not asked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Recordings {
    records: Vec<PathBuf>,
    graded: Vec<PathBuf>,
    recorded: Option<PathBuf>,
    allow_test_sets: bool,
}

impl TryFrom<toml::Table> for TeacherSection {
    type Error = toml::de::Error;

    fn try_from(mut table: toml::Table) -> Result<Self, Self::Error> {
        let mut recordings = toml::Table::new();
        for name in ["records", "graded", "recorded", "allow_test_sets"] {
            recordings.extend(table.remove(name).map(|value| (name.to_owned(), value)));
        }
        let is_asked = ["provider", "model"].iter().any(|name| table.contains_key(*name));
        if !is_asked {
            // Left over are unknown keys, or keys of a model that is not named: either is refused here.
            recordings.extend(std::mem::take(&mut table));
        }
        let Recordings { records, graded, recorded, allow_test_sets } = recordings.try_into()?;
        let model = is_asked.then(|| table.try_into()).transpose()?;
        Ok(Self { records, graded, recorded, allow_test_sets, model })
    }
}

impl TeacherSection {
    pub(super) fn gives_nothing(&self) -> bool {
        self.records.is_empty() && self.graded.is_empty() && self.recorded.is_none() && self.model.is_none()
    }
}

/// A collection with human labels to learn from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HumanSection {
    /// The BEIR folder.
    pub path: PathBuf,
    /// Its training split.
    #[serde(default = "default_split")]
    pub split: String,
    /// The most queries to take, chosen by the seed.
    #[serde(default = "default_limit")]
    pub limit: usize,
    /// Relevant passages of each query, the most relevant ones.
    #[serde(default = "default_positives")]
    pub positives: usize,
    /// BM25 negatives of each query.
    #[serde(default = "default_negatives")]
    pub negatives: usize,
    /// The best unlabelled candidates that are left out, since they may well be relevant.
    #[serde(default)]
    pub skip_top: usize,
}

/// From judgments to examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DistillationSection {
    /// "order" or "grades".
    pub targets: String,
    /// The share of queries held out for validation.
    pub dev_fraction: f64,
    /// BEIR folders of test sets: an example whose query equals one of theirs is removed.
    pub leakage: Vec<PathBuf>,
    /// Whether to learn from judgments whose order and grades contradict each other, which teach noise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_inconsistent: bool,
}

impl Default for DistillationSection {
    fn default() -> Self {
        Self { targets: "order".to_owned(), dev_fraction: 0.1, leakage: Vec::new(), keep_inconsistent: false }
    }
}

/// The student to train.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudentSection {
    /// A Hugging Face folder of a BERT encoder, or a student folder whose base encoder is used.
    pub base: PathBuf,
    /// Whether it learns to write reasons.
    #[serde(default = "default_reasons")]
    pub reasons: bool,
    /// How its weights are stored: "int8", "bf16" or "f32".
    #[serde(default = "default_weights")]
    pub weights: String,
    /// The longest input in word pieces when it is used.
    #[serde(default = "default_max_length")]
    pub max_length: usize,
    /// What its model card says of the data it learned from, and under which terms it may be used.
    #[serde(default)]
    pub data_and_license: String,
}

/// A collection of which nothing was learned from the queries that are used here: those learned from are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationSection {
    /// The BEIR folder.
    pub path: PathBuf,
    /// The split, never a test split.
    #[serde(default = "default_dev_split")]
    pub split: String,
    /// The most queries to take, chosen by the seed.
    #[serde(default = "default_validation_limit")]
    pub limit: usize,
    /// BM25 candidates of each query.
    #[serde(default = "default_depth")]
    pub depth: usize,
}

/// A test collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSection {
    /// The name in tables.
    pub name: String,
    /// The BEIR folder.
    pub path: PathBuf,
    /// The split.
    #[serde(default = "default_test_split")]
    pub split: String,
    /// The first-stage run to rerank; BM25 over the collection where it is not said.
    #[serde(default)]
    pub run: Option<PathBuf>,
    /// Candidates to rerank for each query.
    #[serde(default = "default_depth")]
    pub depth: usize,
    /// How many documents of each query are explained.
    #[serde(default)]
    pub reasons: usize,
    /// Measures, named as in `ir_measures`.
    #[serde(default = "default_measures")]
    pub measures: Vec<String>,
}

fn default_split() -> String {
    "train".to_owned()
}
fn default_dev_split() -> String {
    "dev".to_owned()
}
fn default_validation_limit() -> usize {
    100
}
fn default_test_split() -> String {
    "test".to_owned()
}
fn default_limit() -> usize {
    usize::MAX
}
fn default_positives() -> usize {
    1
}
fn default_negatives() -> usize {
    7
}
fn default_reasons() -> bool {
    true
}
fn default_weights() -> String {
    "int8".to_owned()
}
fn default_max_length() -> usize {
    256
}
fn default_depth() -> usize {
    100
}
fn default_measures() -> Vec<String> {
    ["nDCG@10", "nDCG@5", "RR@10"].map(str::to_owned).to_vec()
}
