//! `r2r evaluate`: runs against judgments, as `trec_eval` measures them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use reason_to_rank::evaluation::report::{Material, Report, ReportedRun, assemble, html};
use reason_to_rank::evaluation::{
    Control, EvaluationOptions, IdenticalIds, Measure, MissingTopics, SignificanceOptions, TrecEval, control_run,
};
use reason_to_rank::types::formats::beir::Collection;
use reason_to_rank::types::formats::bright::{Exclusions, exclusions, read_examples};
use reason_to_rank::types::formats::output::Output;
use reason_to_rank::types::formats::trec::{read_qrels, read_run};
use reason_to_rank::types::run::Run;
use serde_json::{Map, Value, json};

use crate::args::Evaluate;
use crate::commands::{is_same_file, print, print_json, refuse_clashes};

/// Prints a table or JSON, and writes the report.
pub(crate) fn run(options: &Evaluate) -> Result<()> {
    let stdout = if options.json { "--json" } else { "the table" };
    let mut outputs = vec![(stdout, Path::new("-"))];
    outputs.extend(options.report.iter().map(|path| ("--report", path.as_path())));
    let mut inputs = vec![("--qrels", options.qrels.as_path())];
    inputs.extend(options.run.iter().map(|path| ("--run", path.as_path())));
    inputs.extend(options.exclude.iter().map(|path| ("--exclude", path.as_path())));
    inputs.extend(options.baseline.iter().map(|path| ("--baseline", path.as_path())));
    refuse_clashes(&outputs, &inputs)?;
    let measures = options.measures.iter().map(|name| name.trim().parse()).collect::<Result<Vec<Measure>, _>>()?;
    let qrels = read_qrels(&options.qrels)?;
    let mut paths: Vec<&Path> = options.run.iter().map(PathBuf::as_path).collect();
    let baseline = options.baseline.as_deref().map(|baseline| {
        let known = paths.iter().position(|run| *run == baseline || is_same_file(run, baseline));
        known.unwrap_or_else(|| {
            paths.insert(0, baseline);
            0
        })
    });
    let mut runs = named_runs(&paths)?;
    let first = runs[paths.len() - options.run.len()].clone();
    if options.controls {
        runs.push(control_run(&first, &qrels, Control::Identity));
        runs.push(control_run(&first, &qrels, Control::Random { seed: options.seed }));
        runs.push(control_run(&first, &qrels, Control::Oracle));
    }
    let evaluation = EvaluationOptions {
        trec_eval: if options.trec_eval == "10" { TrecEval::V10 } else { TrecEval::V9 },
        missing_topics: if options.skip_missing { MissingTopics::Skip } else { MissingTopics::CountZero },
        identical_ids: if options.ignore_identical_ids { IdenticalIds::Drop } else { IdenticalIds::Keep },
        excluded: options.exclude.as_deref().map(excluded).transpose()?.unwrap_or_default(),
    };
    let significance = SignificanceOptions { seed: options.seed, ..SignificanceOptions::default() };
    let collection = options.collection.as_deref().map(Collection::read).transpose()?;
    let query_text = |query: &_| Some(collection.as_ref()?.queries.get(query)?.text.clone());
    let document_text = |doc: &_| Some(collection.as_ref()?.documents.get(doc)?.title_and_text().into_owned());
    let report = assemble(&Material {
        title: "Ranking report",
        runs: &runs,
        baseline,
        qrels: &qrels,
        measures: &measures,
        evaluation: &evaluation,
        significance: &significance,
        query_text: &query_text,
        document_text: &document_text,
    });
    if let Some(run) = report.runs.iter().find(|run| run.evaluation.topics.run == run.evaluation.topics.not_judged) {
        bail!(
            "no query of {} is judged in {}; are they of the same collection?",
            run.evaluation.run,
            options.qrels.display()
        );
    }
    if let Some(path) = &options.report {
        let mut output = Output::create(path)?;
        std::io::Write::write_all(&mut output, html(&report).as_bytes())
            .with_context(|| format!("writing {}", path.display()))?;
        output.finish()?;
        anstream::eprintln!("report written to {}", path.display());
    }
    if options.json {
        print_json(&as_json(&report, options.per_query))
    } else {
        print(&as_table(&report, options.per_query))
    }
}

/// The documents that must not be ranked, by query.
fn excluded(path: &Path) -> Result<Exclusions> {
    let excluded = exclusions(&read_examples(path)?);
    let n_documents: usize = excluded.values().map(BTreeSet::len).sum();
    anstream::eprintln!("{n_documents} documents of {} queries are not measured", excluded.len());
    Ok(excluded)
}

/// Runs under the names of their files, because tags are often all the same; files of one name under their paths.
fn named_runs(paths: &[&Path]) -> Result<Vec<Run>> {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let mut runs = Vec::with_capacity(paths.len());
    for path in paths {
        let mut run = read_run(path)?;
        let is_alone = paths.iter().filter(|other| name(other) == name(path)).count() == 1;
        run.name = if is_alone { name(path) } else { path.display().to_string() };
        runs.push(run);
    }
    Ok(runs)
}

fn as_json(report: &Report, per_query: bool) -> Value {
    let of_run = |run: &ReportedRun| {
        let evaluation = &run.evaluation;
        let values = |values: &[f64]| -> Map<String, Value> {
            report.measures.iter().zip(values).map(|(measure, value)| (measure.to_string(), json!(value))).collect()
        };
        let mut entry = json!({
            "run": evaluation.run,
            "measures": values(&evaluation.means),
            "topics": evaluation.topics,
        });
        if let Some(against) = &run.against_baseline {
            entry["against_baseline"] = against
                .comparisons
                .iter()
                .map(|comparison| (comparison.measure.to_string(), json!(comparison)))
                .collect::<Map<_, _>>()
                .into();
        }
        if per_query {
            let queries: Map<String, Value> =
                evaluation.per_query.iter().map(|(query, row)| (query.to_string(), values(row).into())).collect();
            entry["per_query"] = queries.into();
        }
        entry
    };
    json!({"runs": report.runs.iter().map(of_run).collect::<Vec<_>>()})
}

fn as_table(report: &Report, per_query: bool) -> String {
    let mut table = String::new();
    let names = report.runs.iter().map(|run| run.evaluation.run.chars().count());
    let width = names.max().unwrap_or(0).clamp(8, 60);
    let column = |measure: &Measure| measure.to_string().chars().count().max(8);
    let _ = write!(table, "{:<width$}", "run");
    for measure in &report.measures {
        let _ = write!(table, "  {:>1$}", measure.to_string(), column(measure));
    }
    table.push('\n');
    for run in &report.runs {
        let mut row = |name: &str, values: &[f64]| {
            let _ = write!(table, "{name:<width$}");
            for (measure, value) in report.measures.iter().zip(values) {
                let _ = write!(table, "  {value:>width$.4}", width = column(measure));
            }
            table.push('\n');
        };
        if per_query {
            for (query, values) in &run.evaluation.per_query {
                row(&format!("  {query}"), values);
            }
        }
        row(&run.evaluation.run, &run.evaluation.means);
    }
    if let Some(baseline) = report.baseline {
        let _ = writeln!(
            table,
            "\nagainst {}, paired randomization test, Holm-corrected; 95 % bootstrap interval",
            report.runs[baseline].evaluation.run
        );
        for run in &report.runs {
            for comparison in run.against_baseline.iter().flat_map(|against| &against.comparisons) {
                let _ = writeln!(
                    table,
                    "{:<width$}  {:<8} {:+.4}  [{:+.4}, {:+.4}]  p {:.4}  corrected {:.4}  better {} worse {}",
                    run.evaluation.run,
                    comparison.measure.to_string(),
                    comparison.difference,
                    comparison.interval.low,
                    comparison.interval.high,
                    comparison.p_value,
                    comparison.corrected_p_value,
                    comparison.better,
                    comparison.worse
                );
            }
        }
    }
    let rules = match (report.evaluation.trec_eval, report.evaluation.missing_topics) {
        (TrecEval::V9, MissingTopics::CountZero) => "trec_eval 9 -c: 32-bit scores, missing topics count 0",
        (TrecEval::V9, MissingTopics::Skip) => "trec_eval 9: 32-bit scores, missing topics are left out",
        (TrecEval::V10, MissingTopics::CountZero) => "trec_eval 10 -c: 64-bit scores, missing topics count 0",
        (TrecEval::V10, MissingTopics::Skip) => "trec_eval 10: 64-bit scores, missing topics are left out",
    };
    let _ = writeln!(table, "\n{rules}; ties by document id, descending");
    for run in &report.runs {
        let topics = &run.evaluation.topics;
        let _ = writeln!(
            table,
            "{:<width$}  topics: {} judged, {} in the run, {} scored, {} missing, {} without judgments",
            run.evaluation.run, topics.qrels, topics.run, topics.scored, topics.missing, topics.not_judged
        );
    }
    table
}
