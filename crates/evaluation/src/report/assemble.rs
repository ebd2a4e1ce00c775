//! From runs and judgments to a report.

use std::collections::HashMap;

use r2r_types::{DocId, Qrels, QueryId, Run};

use crate::evaluate::{Evaluation, EvaluationOptions, evaluate};
use crate::measures::Measure;
use crate::report::{AgainstBaseline, MovedQuery, QueryChange, Report, ReportedRun, TopDocument};
use crate::significance::{Comparison, SignificanceOptions, compare, pairs};

/// How many queries are shown that gained, and as many that lost.
const MOVED_QUERIES: usize = 5;

/// How many documents are shown from the top of a list.
const TOP_DOCUMENTS: usize = 5;

/// What a report is made of.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// The heading.
    pub title: &'a str,
    /// The runs.
    pub runs: &'a [Run],
    /// Which of the runs the others are compared with: an index into `runs`.
    pub baseline: Option<usize>,
    /// The judgments.
    pub qrels: &'a Qrels,
    /// The measures, the most important one first.
    pub measures: &'a [Measure],
    /// The rules of the evaluation.
    pub evaluation: &'a EvaluationOptions,
    /// The draws behind p-values and intervals.
    pub significance: &'a SignificanceOptions,
    /// The words of a query, where they are known.
    pub query_text: &'a dyn Fn(&QueryId) -> Option<String>,
    /// The words of a document, where they are known; a long text is cut when it is shown.
    pub document_text: &'a dyn Fn(&DocId) -> Option<String>,
}

/// Evaluates the runs and compares them with the baseline.
///
/// # Panics
/// Where `baseline` is not an index into `runs`.
pub fn assemble(material: &Material<'_>) -> Report {
    let evaluate_run = |run| evaluate(run, material.qrels, material.measures, material.evaluation);
    let evaluations: Vec<Evaluation> = material.runs.iter().map(evaluate_run).collect();
    let against_baseline = match material.baseline {
        Some(baseline) => compare_all(material, &evaluations, baseline),
        None => vec![None; evaluations.len()],
    };
    Report {
        title: material.title.to_owned(),
        measures: material.measures.to_vec(),
        runs: evaluations
            .into_iter()
            .zip(against_baseline)
            .map(|(evaluation, against_baseline)| ReportedRun { evaluation, against_baseline })
            .collect(),
        baseline: material.baseline,
        evaluation: material.evaluation.clone(),
        significance: *material.significance,
    }
}

/// One entry for each run; `None` for the baseline.
fn compare_all(material: &Material<'_>, evaluations: &[Evaluation], baseline: usize) -> Vec<Option<AgainstBaseline>> {
    let others: Vec<usize> = (0..evaluations.len()).filter(|&i| i != baseline).collect();
    let compared: Vec<&Evaluation> = others.iter().map(|&i| &evaluations[i]).collect();
    let comparisons = compare(&evaluations[baseline], &compared, material.significance);
    let mut against_baseline = vec![None; evaluations.len()];
    for (i, of_run) in others.into_iter().zip(comparisons) {
        against_baseline[i] = Some(against(material, evaluations, (baseline, i), of_run));
    }
    against_baseline
}

/// `places` are those of the baseline and of the run.
fn against(
    material: &Material<'_>,
    evaluations: &[Evaluation],
    places: (usize, usize),
    comparisons: Vec<Comparison>,
) -> AgainstBaseline {
    let queries = match material.measures.first() {
        Some(&measure) => changes(material, &evaluations[places.0], &evaluations[places.1], measure),
        None => Vec::new(),
    };
    let (before, after) = (&material.runs[places.0], &material.runs[places.1]);
    let moved = |change: &QueryChange| moved_query(material, before, after, change);
    let gained = queries.iter().take_while(|change| change.difference() > 0.0);
    let lost = queries.iter().rev().take_while(|change| change.difference() < 0.0);
    AgainstBaseline {
        comparisons,
        gained: gained.take(MOVED_QUERIES).map(moved).collect(),
        lost: lost.take(MOVED_QUERIES).map(moved).collect(),
        queries,
    }
}

/// Each query, the largest gain first; equal gains in the order of names.
fn changes(material: &Material<'_>, baseline: &Evaluation, run: &Evaluation, measure: Measure) -> Vec<QueryChange> {
    let mut changes: Vec<QueryChange> = pairs(baseline, run, measure)
        .into_iter()
        .map(|pair| QueryChange {
            query: pair.query.clone(),
            text: (material.query_text)(pair.query),
            before: pair.baseline,
            after: pair.run,
        })
        .collect();
    changes.sort_by(|a, b| b.difference().total_cmp(&a.difference()));
    changes
}

fn moved_query(material: &Material<'_>, before: &Run, after: &Run, change: &QueryChange) -> MovedQuery {
    let query = &change.query;
    let ranked = |run| material.evaluation.ranked(query, Run::documents(run, query).unwrap_or_default());
    let (before, after) = (ranked(before), ranked(after));
    MovedQuery {
        change: change.clone(),
        top_before: top(material, query, &before, &after),
        top_after: top(material, query, &after, &before),
    }
}

fn top(material: &Material<'_>, query: &QueryId, ranked: &[&DocId], other: &[&DocId]) -> Vec<TopDocument> {
    let other_ranks: HashMap<&DocId, usize> = other.iter().enumerate().map(|(i, doc)| (*doc, i + 1)).collect();
    let document = |doc: &&DocId| TopDocument {
        doc: (*doc).clone(),
        grade: material.qrels.grade(query, doc),
        other_rank: other_ranks.get(*doc).copied(),
        text: (material.document_text)(doc),
    };
    ranked.iter().take(TOP_DOCUMENTS).map(document).collect()
}
