//! Judgments and human examples -> examples to learn from and examples to validate with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use r2r_distillation::distill::{DistillationOptions, distill as distill_judgments};
use r2r_distillation::leakage::without_leaks;
use r2r_distillation::split::split;
use r2r_distillation::targets::Targets;
use r2r_types::document::Query;
use r2r_types::example::DistillationExample;
use r2r_types::formats::beir::splits;
use r2r_types::formats::jsonl::{JsonLines, write_jsonl};
use r2r_types::formats::output::Output;

use crate::artifact::{Artifact, Building};
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};
use crate::stages::judgments::{Judgments, MALFORMED};
use crate::stages::retrieve::read_queries;

/// Examples to learn from.
pub const TRAIN: &str = "train.jsonl";
/// Examples to validate with; no query of theirs is among those to learn from.
pub const DEV: &str = "dev.jsonl";
/// What was kept, mended and dropped.
pub const REPORT: &str = "report.json";

/// How judgments become examples.
#[derive(Clone, Copy, Debug)]
pub struct DistillSettings<'a> {
    /// BEIR folders of test sets: an example with one of their queries is removed.
    pub leakage: &'a [PathBuf],
    /// The share of queries that is held out: 0 to 0.5.
    pub dev_fraction: f64,
    /// "order" or "grades".
    pub targets: &'a str,
    /// Whether to learn from judgments whose order and grades contradict each other too.
    pub keep_inconsistent: bool,
    /// The seed of the split.
    pub seed: u64,
}

impl DistillSettings<'_> {
    /// The targets, where every setting can work; otherwise which cannot.
    pub fn check(&self) -> Result<Targets, String> {
        if !(0.0..=0.5).contains(&self.dev_fraction) {
            return Err(format!(
                "dev_fraction = {} is not in 0..0.5: it is the share of queries that is held out",
                self.dev_fraction
            ));
        }
        match self.targets {
            "order" => Ok(Targets::Order),
            "grades" => Ok(Targets::Grades),
            other => Err(format!("targets = {other:?} is not known: order or grades")),
        }
    }
}

/// Distills judgments into a folder unless it is fresh; returns the report.
pub fn distill_files(
    judgments: &Judgments,
    settings: &DistillSettings<'_>,
    output: &Path,
    progress: &mut dyn Progress,
) -> Result<serde_json::Map<String, serde_json::Value>, PipelineError> {
    let mut inputs = judgments.inputs.clone();
    for folder in settings.leakage {
        inputs.extend(test_queries_files(folder)?);
    }
    settings.check().map_err(PipelineError::Input)?;
    let mut config = serde_json::json!({"targets": settings.targets, "dev_fraction": settings.dev_fraction});
    if settings.keep_inconsistent {
        config["keep_inconsistent"] = true.into();
    }
    let provenance = Provenance::of("distill", &config, settings.seed, inputs)?;
    if let Artifact::Stale(building) = Artifact::open(output, provenance)? {
        write_examples(building, settings, judgments, Vec::new(), progress)?;
    }
    let report = output.join(REPORT);
    let text = std::fs::read_to_string(&report).map_err(|error| PipelineError::io(&report, error))?;
    serde_json::from_str(&text).map_err(|error| PipelineError::Input(format!("{}: {error}", report.display())))
}

/// Distills judgments, adds other examples, removes test queries, splits, and writes the stage's folder.
pub fn write_examples(
    mut building: Box<Building>,
    settings: &DistillSettings<'_>,
    judgments: &Judgments,
    others: Vec<DistillationExample>,
    progress: &mut dyn Progress,
) -> Result<(), PipelineError> {
    progress.begin("distill", None);
    let targets = settings.check().map_err(PipelineError::Input)?;
    let options = DistillationOptions {
        targets,
        keep_inconsistent: settings.keep_inconsistent,
        seed: settings.seed,
        ..DistillationOptions::default()
    };
    let (mut examples, report) = distill_judgments(&judgments.list, &options);
    examples.extend(others);
    let mut forbidden = Vec::new();
    for folder in settings.leakage {
        forbidden.extend(test_queries(folder)?);
    }
    let (examples, leaks) = without_leaks(examples, forbidden.iter().map(|query| query.text.as_str()));
    let split = split(examples, settings.dev_fraction, settings.seed);
    if split.train.is_empty() {
        return Err(PipelineError::Input(
            "no example is left to learn from: every one was filtered or held out".into(),
        ));
    }
    for (name, examples) in [(TRAIN, &split.train), (DEV, &split.dev)] {
        let mut output = Output::create(&building.path().join(name))?;
        write_jsonl(&mut output, examples)?;
        output.finish()?;
        let mut teachers: BTreeMap<&str, usize> = BTreeMap::new();
        for example in examples {
            *teachers.entry(&example.teacher).or_default() += 1;
        }
        building.provenance.count(name.trim_end_matches(".jsonl"), serde_json::json!(teachers));
    }
    building.provenance.count("removed_test_queries", serde_json::json!(leaks));
    building.provenance.count(MALFORMED, judgments.malformed);
    let path = building.path().join(REPORT);
    let mut whole = serde_json::json!({ MALFORMED: judgments.malformed, "removed_test_queries": leaks });
    let report = serde_json::to_value(&report).map_err(PipelineError::failed)?;
    if let (Some(whole), serde_json::Value::Object(report)) = (whole.as_object_mut(), report) {
        whole.extend(report);
    }
    let text = serde_json::to_string_pretty(&whole).map_err(PipelineError::failed)?;
    std::fs::write(&path, text).map_err(|error| PipelineError::io(&path, error))?;
    progress.end(&format!(
        "{} examples to learn from, {} to validate with, {} removed as test queries",
        split.train.len(),
        split.dev.len(),
        leaks.equal + leaks.near_equal
    ));
    building.finish()
}

/// The files that say which queries of a folder are test queries.
pub(crate) fn test_queries_files(folder: &Path) -> Result<Vec<Input>, PipelineError> {
    let mut parts = vec![Part::Queries];
    parts.extend(test_split(folder)?.map(Part::Qrels));
    Input::collection(folder, &parts)
}

/// The queries of a folder that must not be learned from.
pub(crate) fn test_queries(folder: &Path) -> Result<Vec<Arc<Query>>, PipelineError> {
    read_queries(folder, test_split(folder)?)
}

/// The split of a folder whose queries must not be learned from. A folder may hold training queries as well: only
/// those of its test split count, where it has one, and all of them where it has none.
fn test_split(folder: &Path) -> Result<Option<&'static str>, PipelineError> {
    Ok(splits(folder)?.iter().any(|split| split == "test").then_some("test"))
}

/// The examples of a file.
pub fn read_examples(path: &Path) -> Result<Vec<DistillationExample>, PipelineError> {
    JsonLines::open(path)?.map(|line| Ok(line?.1)).collect()
}
