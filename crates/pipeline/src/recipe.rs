//! A recipe: one file that says everything about one experiment.
//!
//! Defaults < recipe file < `--set section.key=value`. An unknown key is an error.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use r2r_evaluation::measures::Measure;
use r2r_model::config::WeightFormat;
#[cfg(feature = "training")]
use r2r_training::TrainingConfig;
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;
use crate::stages::distill::DistillSettings;

mod sections;

pub use sections::{
    CollectionSection, DistillationSection, EvaluationSection, HumanSection, RetrievalSection, StudentSection,
    TeacherSection, ValidationSection,
};

/// The newest recipe format that this version reads.
pub const FORMAT: u32 = 1;

/// One experiment, resolved. Relative paths in it start from [`Recipe::data`], but for `output`
/// and `student.base`, which start from the current folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The format of this file: 1.
    pub format: u32,
    /// The student's name, also the default output folder's.
    pub name: String,
    /// The seed of every random choice.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Where data files are.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// Where artifacts go; `work/<name>` where it is not said.
    #[serde(default)]
    pub output: Option<PathBuf>,
    /// What the teacher labels: needed with `teacher.recorded` and `teacher.provider`.
    #[serde(default)]
    pub collection: Option<CollectionSection>,
    /// The first stage.
    #[serde(default)]
    pub retrieval: RetrievalSection,
    /// Where orders and reasons come from.
    pub teacher: TeacherSection,
    /// Collections with human labels to learn from as well, with BM25 negatives.
    #[serde(default)]
    pub human: Vec<HumanSection>,
    /// From judgments to examples.
    #[serde(default)]
    pub distillation: DistillationSection,
    /// The student to train.
    pub student: StudentSection,
    /// How it is trained: the keys of `TrainingConfig`.
    #[serde(default)]
    pub training: toml::Table,
    /// Held-out queries on which the similarity's weight is chosen after training.
    #[serde(default)]
    pub validation: Vec<ValidationSection>,
    /// Test collections: read once, after training.
    #[serde(default)]
    pub evaluation: Vec<EvaluationSection>,
}

/// The split whose queries are only ever evaluated.
const TEST: &str = "test";

fn default_seed() -> u64 {
    13
}
fn default_data() -> PathBuf {
    PathBuf::from("data")
}

impl Recipe {
    /// Reads a recipe file and applies `section.key=value` settings on top.
    pub fn read(path: &Path, settings: &[String]) -> Result<Self, PipelineError> {
        let text = std::fs::read_to_string(path).map_err(|error| PipelineError::io(path, error))?;
        Self::parse(&text, settings).map_err(|problem| PipelineError::Recipe { file: path.to_owned(), problem })
    }

    /// Parses a recipe and applies `section.key=value` settings on top; the error says what is wrong.
    pub fn parse(text: &str, settings: &[String]) -> Result<Self, String> {
        let mut table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        for setting in settings {
            apply(&mut table, setting)?;
        }
        let recipe: Self = toml::Value::Table(table).try_into().map_err(|error: toml::de::Error| error.to_string())?;
        recipe.check()?;
        Ok(recipe)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("format = {} is not known; this version reads format = {FORMAT}", self.format));
        }
        let names = std::iter::once(&self.name).chain(self.evaluation.iter().map(|section| &section.name));
        for name in names {
            if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(format!("name = {name:?} must be a plain word, as it names a folder"));
            }
        }
        for (i, section) in self.evaluation.iter().enumerate() {
            if self.evaluation[..i].iter().any(|other| other.name == section.name) {
                return Err(format!("two [[evaluation]] sections are named {:?}", section.name));
            }
            if section.depth == 0 || section.measures.is_empty() {
                return Err(format!(
                    "[[evaluation]] {}: depth must be at least 1, and measures name one",
                    section.name
                ));
            }
            for measure in &section.measures {
                measure.parse::<Measure>().map_err(|error| error.to_string())?;
            }
        }
        self.distill_settings(&[]).check().map_err(|problem| format!("distillation.{problem}"))?;
        weight_format(&self.student.weights)?;
        #[cfg(feature = "training")]
        self.training_config()?;
        let TeacherSection { recorded, model, .. } = &self.teacher;
        if (recorded.is_some() || model.is_some()) && self.collection.is_none() {
            return Err("teacher.recorded and teacher.provider need a [collection] with the passages".to_owned());
        }
        if self.teacher.gives_nothing() && self.human.is_empty() {
            let ways = "teacher.records, teacher.graded, teacher.recorded, teacher.provider or [[human]]";
            return Err(format!("nothing to learn from: give {ways}"));
        }
        let learned = self.collection.iter().map(|section| ("[collection]", &section.split));
        let human = self.human.iter().map(|section| ("[[human]]", &section.split));
        let chosen = self.validation.iter().map(|section| ("[[validation]]", &section.split));
        if let Some((name, _)) = learned.chain(human).chain(chosen).find(|(_, split)| *split == TEST) {
            return Err(format!(
                "{name} takes no test split: what is learned or chosen from test queries cannot be measured on them"
            ));
        }
        if let Some(model) = model {
            model.check().map_err(|problem| format!("teacher.{problem}"))?;
        }
        let RetrievalSection { k1, b, depth } = self.retrieval;
        if depth == 0 || !self.retrieval.bm25().is_valid() {
            return Err(format!("retrieval.depth = {depth}, k1 = {k1}, b = {b}: from 1, from 0 and finite, 0 to 1"));
        }
        Ok(())
    }

    /// The `[training]` section with its defaults; a build without training leaves it unread.
    #[cfg(feature = "training")]
    pub fn training_config(&self) -> Result<TrainingConfig, String> {
        let config =
            TrainingConfig::deserialize(self.training.clone()).map_err(|error| format!("[training]: {error}"))?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    /// How judgments become examples; `leakage` are the folders of the recipe, seen from the current folder.
    pub fn distill_settings<'a>(&'a self, leakage: &'a [PathBuf]) -> DistillSettings<'a> {
        DistillSettings {
            leakage,
            dev_fraction: self.distillation.dev_fraction,
            targets: &self.distillation.targets,
            keep_inconsistent: self.distillation.keep_inconsistent,
            seed: self.seed,
        }
    }

    /// How the student's weights are stored.
    pub fn weight_format(&self) -> Result<WeightFormat, String> {
        weight_format(&self.student.weights)
    }

    /// The folders whose test queries must not be learned or chosen from, seen from the current folder: those of
    /// `distillation.leakage`, and those whose test split is evaluated.
    pub fn test_folders(&self) -> Vec<PathBuf> {
        let named = &self.distillation.leakage;
        let tested = self.evaluation.iter().filter(|section| section.split == TEST).map(|section| &section.path);
        let folders: BTreeSet<&PathBuf> = named.iter().chain(tested).collect();
        folders.into_iter().map(|path| self.data_path(path)).collect()
    }

    /// A data path, seen from the current folder.
    pub fn data_path(&self, path: &Path) -> PathBuf {
        self.data.join(path)
    }

    /// Where the artifact of a stage lies.
    pub fn artifact(&self, stage: &str) -> PathBuf {
        self.output.clone().unwrap_or_else(|| Path::new("work").join(&self.name)).join(stage)
    }
}

fn weight_format(name: &str) -> Result<WeightFormat, String> {
    match name {
        "f32" => Ok(WeightFormat::F32),
        "bf16" => Ok(WeightFormat::Bf16),
        "int8" => Ok(WeightFormat::Int8),
        other => Err(format!("student.weights = {other:?} is not known: f32, bf16 or int8")),
    }
}

/// Sets `a.b.c` of a table from `a.b.c=value`; the value is TOML, or text where it is not.
fn apply(table: &mut toml::Table, setting: &str) -> Result<(), String> {
    let (key, value) = setting.split_once('=').ok_or_else(|| format!("--set {setting}: write section.key=value"))?;
    let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut place = table;
    let mut names = key.trim().split('.').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            place.insert(name.to_owned(), parsed);
            return Ok(());
        }
        place = place
            .entry(name)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| format!("--set {setting}: {name} is not a section"))?;
    }
    Err(format!("--set {setting}: the key is empty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        format = 1
        name = "small"
        teacher = { records = ["judgments.jsonl"] }
        student = { base = "models/base" }
    "#;

    #[test]
    fn defaults_stand_below_the_recipe_and_settings_above_it() {
        let recipe = Recipe::parse(SMALL, &[]).unwrap();
        assert_eq!((recipe.seed, recipe.retrieval.k1, recipe.artifact("index")), (13, 0.9, "work/small/index".into()));
        let settings = ["retrieval.k1=1.2", "seed=7", "student.base=elsewhere", "training.steps=5"].map(str::to_owned);
        let recipe = Recipe::parse(SMALL, &settings).unwrap();
        assert_eq!((recipe.seed, recipe.retrieval.k1), (7, 1.2));
        assert_eq!(recipe.student.base, PathBuf::from("elsewhere"));
        assert_eq!(recipe.training["steps"].as_integer(), Some(5));
    }

    #[test]
    fn what_is_tested_is_not_learned_from_unless_it_is_another_split() {
        let evaluation = r#"evaluation=[{name="a",path="a"},{name="b",path="b",split="dev"},{name="c",path="c"}]"#;
        let settings = [evaluation, r#"distillation.leakage=["c", "d"]"#, "data=x"].map(str::to_owned);
        let recipe = Recipe::parse(SMALL, &settings).unwrap();
        assert_eq!(recipe.test_folders(), ["x/a", "x/c", "x/d"].map(PathBuf::from));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |settings: &[&str], expected: &str| {
            let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
            let problem = Recipe::parse(SMALL, &settings).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        };
        check(&["retrieval.k2=1"], "k2");
        check(&["seed"], "section.key=value");
        check(&["format.low=3"], "not a section");
        check(&["seed.low=3"], "seed");
        check(&["format=9"], "format = 1");
        check(&["teacher.records=[]"], "nothing to learn from");
        check(&["teacher.window=10"], "window");
        check(&["teacher.provider=openai"], "model");
        check(&["teacher.model=m"], "provider");
        let named = |settings: &[&str], expected: &str| {
            let all = [&["teacher.provider=openai", "teacher.model=m"], settings].concat();
            check(&all, expected);
        };
        named(&[], "need a [collection]");
        named(&["collection={path=\"c\",split=\"train\"}", "teacher.windw=10"], "windw");
        named(&["collection={path=\"c\",split=\"train\"}", "teacher.effort=great"], "teacher.effort");
        check(&["seed=many"], "seed");
        #[cfg(feature = "training")]
        check(&["training.stepz=3"], "stepz");
        check(&["student.weights=int4"], "int4");
        check(&["name=.."], "plain word");
        check(&["retrieval.k1=nan"], "k1 = NaN");
        check(&["retrieval.b=-1"], "b = -1");
        check(&["distillation.dev_fraction=nan"], "distillation.dev_fraction = NaN");
        check(&["distillation.targets=best"], "distillation.targets");
        check(&["collection={path=\"c\",split=\"test\"}"], "[collection] takes no test split");
        check(&["human=[{path=\"c\",split=\"test\"}]"], "[[human]] takes no test split");
        check(&["validation=[{path=\"c\",split=\"test\"}]"], "[[validation]] takes no test split");
        check(&["evaluation=[{name=\"t\",path=\"t\",depth=0}]"], "depth must be at least 1");
        check(&["evaluation=[{name=\"t\",path=\"t\",measures=[]}]"], "measures");
    }
}
