//! Judgments and human examples -> examples to learn from and examples to validate with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use r2r_distillation::distill::{DistillationOptions, distill as distill_judgments};
use r2r_distillation::leakage::without_leaks;
use r2r_distillation::split::split;
use r2r_distillation::targets::Targets;
use r2r_types::example::DistillationExample;
use r2r_types::formats::beir::splits;
use r2r_types::formats::jsonl::{JsonLines, write_jsonl};
use r2r_types::formats::output::Output;
use r2r_types::formats::teacher_records::read_teacher_records;
use r2r_types::judgment::TeacherJudgment;

use crate::artifact::{Artifact, Building};
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};
use crate::stages::retrieve::read_queries;

/// Examples to learn from.
pub const TRAIN: &str = "train.jsonl";
/// Examples to validate with; no query of theirs is among those to learn from.
pub const DEV: &str = "dev.jsonl";
/// What was kept, mended and dropped.
pub const REPORT: &str = "report.json";

/// What is distilled, as files.
#[derive(Clone, Copy, Debug)]
pub struct DistillFiles<'a> {
    /// Teacher records or judgments.
    pub judgments: &'a [PathBuf],
    /// BEIR folders of test sets.
    pub leakage: &'a [PathBuf],
    /// The share of queries that is held out.
    pub dev_fraction: f64,
    /// "order" or "grades".
    pub targets: &'a str,
    /// The seed of the split.
    pub seed: u64,
}

/// Distills files of judgments into a folder; returns the report in words.
pub fn distill_files(
    files: &DistillFiles<'_>,
    output: &Path,
    progress: &mut dyn Progress,
) -> Result<String, PipelineError> {
    let mut inputs = files.judgments.iter().map(|path| Input::file(path)).collect::<Result<Vec<_>, _>>()?;
    for folder in files.leakage {
        inputs.extend(test_queries_files(folder)?);
    }
    let config = serde_json::json!({"targets": files.targets, "dev_fraction": files.dev_fraction});
    let provenance = Provenance::of("distill", &config, files.seed, inputs)?;
    let report = output.join(REPORT);
    if let Artifact::Stale(building) = Artifact::open(output, provenance)? {
        let mut judgments = Vec::new();
        for path in files.judgments {
            let read = read_teacher_records(path)?;
            progress.begin("distill", None);
            progress.end(&format!("{}: {}", path.display(), read.report));
            judgments.extend(read.records.into_iter().map(|record| record.judgment));
        }
        write_examples(building, files, &judgments, Vec::new(), progress)?;
    }
    let text = std::fs::read_to_string(&report).map_err(|error| PipelineError::io(&report, error))?;
    summary(&text)
}

/// Distills judgments, adds other examples, removes test queries, splits, and writes the stage's folder.
pub fn write_examples(
    mut building: Box<Building>,
    files: &DistillFiles<'_>,
    judgments: &[TeacherJudgment],
    others: Vec<DistillationExample>,
    progress: &mut dyn Progress,
) -> Result<(), PipelineError> {
    progress.begin("distill", None);
    let targets = match files.targets {
        "order" => Targets::Order,
        "grades" => Targets::Grades,
        other => return Err(PipelineError::Input(format!("targets = {other:?} is not known: order or grades"))),
    };
    let options = DistillationOptions { targets, seed: files.seed, ..DistillationOptions::default() };
    let (mut examples, report) = distill_judgments(judgments, &options);
    examples.extend(others);
    let mut test_queries = Vec::new();
    for folder in files.leakage {
        test_queries.extend(read_queries(folder, test_split(folder)?)?);
    }
    let (examples, leaks) = without_leaks(examples, test_queries.iter().map(|query| query.text.as_str()));
    let split = split(examples, files.dev_fraction, files.seed);
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
    let path = building.path().join(REPORT);
    let text = serde_json::to_string_pretty(&report).map_err(PipelineError::failed)?;
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

/// The split of a folder whose queries must not be learned from. A folder may hold training queries as well: only
/// those of its test split count, where it has one, and all of them where it has none.
fn test_split(folder: &Path) -> Result<Option<&'static str>, PipelineError> {
    Ok(splits(folder)?.iter().any(|split| split == "test").then_some("test"))
}

/// The examples of a file.
pub fn read_examples(path: &Path) -> Result<Vec<DistillationExample>, PipelineError> {
    JsonLines::open(path)?.map(|line| Ok(line?.1)).collect()
}

/// The counts of a report, without its samples, one a line.
fn summary(report: &str) -> Result<String, PipelineError> {
    let report: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(report).map_err(PipelineError::failed)?;
    let mut text = String::new();
    for (name, value) in report.iter().filter(|(name, _)| *name != "samples") {
        let _ = writeln!(text, "{name:<12} {value}");
    }
    Ok(text.trim_end().to_owned())
}
