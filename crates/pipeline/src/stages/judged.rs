//! Records of judgings -> the files of the artifact, and their sums in its provenance.

use std::path::Path;

use r2r_teacher::JudgmentRecord;
use r2r_teacher::answer::Repairs;
use r2r_teacher::judging::AnswerCounts;
use r2r_types::candidates::Candidates;
use r2r_types::formats::jsonl::write_jsonl;
use r2r_types::formats::output::Output;
use r2r_types::formats::published::{PublishedScores, write_published};
use r2r_types::formats::rank_llm::{Record, write_records as write_rank_llm};
use serde_json::{Map, json};

use crate::error::PipelineError;
use crate::provenance::Provenance;
use crate::stages::judgments::{FILE, MALFORMED};

/// The judgments in the published form of Reason-to-Rank.
pub const PUBLISHED: &str = "published.jsonl";

/// The judgments as results of `rank_llm`.
pub const RANK_LLM: &str = "rank_llm.jsonl";

/// Writes the records, one for each of the candidates and in their order, in all three forms.
pub fn write_records(
    records: &[JudgmentRecord],
    candidates: &[Candidates],
    folder: &Path,
) -> Result<(), PipelineError> {
    let mut output = Output::create(&folder.join(FILE))?;
    write_jsonl(&mut output, records)?;
    output.finish()?;
    let scores: Vec<Vec<f32>> =
        candidates.iter().map(|candidates| candidates.list.iter().map(|candidate| candidate.score).collect()).collect();
    let with_scores =
        records.iter().zip(&scores).map(|(record, scores)| (&record.judgment, PublishedScores::FirstStage(scores)));
    let mut output = Output::create(&folder.join(PUBLISHED))?;
    write_published(&mut output, with_scores)?;
    output.finish()?;
    let results: Vec<Record> =
        records.iter().map(|record| Record::of_judgment(&record.judgment, &[])).collect::<Result<_, _>>()?;
    let mut output = Output::create(&folder.join(RANK_LLM))?;
    write_rank_llm(&mut output, &results)?;
    Ok(output.finish()?)
}

/// Counts what was asked, repaired and agreed upon.
pub fn summarize(records: &[JudgmentRecord], provenance: &mut Provenance) {
    let (mut repairs, mut counts) = (Repairs::default(), AnswerCounts::default());
    for record in records {
        repairs += record.repairs;
        counts += record.counts;
    }
    let by_kind: Map<_, _> = repairs.by_kind().into_iter().map(|(kind, n)| (kind.to_owned(), n.into())).collect();
    let taus: Vec<f64> = records.iter().filter_map(|record| record.agreement).map(|agreement| agreement.tau).collect();
    let mean_tau = (!taus.is_empty()).then(|| taus.iter().sum::<f64>() / taus.len() as f64);
    let consistent = records.iter().filter(|record| record.judgment.is_consistent == Some(true)).count();
    provenance.count("judgments", records.len());
    provenance.count(MALFORMED, 0);
    provenance.count("requests", json!(counts));
    provenance.count("repairs", by_kind);
    provenance.count("agreement_tau", json!(mean_tau));
    provenance.count("consistent", consistent);
}
